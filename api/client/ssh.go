package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// A daemon at ssh://[USER@]HOST[:PORT][/SOCKET] is reached by the ssh program of the
// user, with all that its configuration says: it runs `docker system dial-stdio` over
// there, whose input and output are the connection.

// sshArgs are the arguments of ssh.
func sshArgs(addr string) ([]string, error) {
	u, err := url.Parse("ssh://" + addr)
	if err != nil {
		var bad *url.Error
		errors.As(err, &bad) // which quotes the address, and with it a password
		return nil, errdefs.InvalidArgument("invalid address of a daemon by ssh: %w", bad.Err)
	}
	_, password := u.User.Password()
	switch {
	case u.Hostname() == "", strings.HasPrefix(u.Hostname(), "-"):
		return nil, errdefs.InvalidArgument("invalid address ssh://%s: it names no host", addr)
	case password:
		return nil, errdefs.InvalidArgument("invalid address ssh://%s: it must not hold a password; use a key", u.Redacted())
	case u.RawQuery != "", u.Fragment != "":
		return nil, errdefs.InvalidArgument("invalid address ssh://%s: only a path may follow the host", addr)
	}
	args := []string{"-o", "ConnectTimeout=30", "-T"}
	if name := u.User.Username(); name != "" {
		args = append(args, "-l", name)
	}
	if port := u.Port(); port != "" {
		args = append(args, "-p", port)
	}
	args = append(args, "--", u.Hostname(), "docker")
	if u.Path != "" && u.Path != "/" {
		args = append(args, "--host", quoteShell("unix://"+u.Path)) // a shell over there reads it
	}
	return append(args, "system", "dial-stdio"), nil
}

// quoteShell makes a word of a shell.
func quoteShell(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// dialSSH starts ssh.
func (cli *CLI) dialSSH(ctx context.Context, addr string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	args, err := sshArgs(addr)
	if err != nil {
		return nil, err
	}
	c := &sshConn{cmd: exec.Command("ssh", args...), addr: addr}
	c.cmd.Stderr = &c.said
	c.in, err = c.cmd.StdinPipe()
	if err == nil {
		c.out, err = c.cmd.StdoutPipe()
	}
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		return nil, errdefs.Unavailable("connecting to ssh://%s: %w", addr, err)
	}
	return c, nil
}

// sshConn is a running ssh. Deadlines are not kept: who gives up closes.
type sshConn struct {
	cmd  *exec.Cmd
	addr string
	in   io.WriteCloser
	out  io.ReadCloser
	said saidText
	end  sync.Once
	over error // how ssh ended, after end
}

// Read reads from the daemon. When ssh fails its words are the error.
func (c *sshConn) Read(p []byte) (int, error) {
	n, err := c.out.Read(p)
	if err != nil && n == 0 {
		if failed := c.wait(); failed != nil {
			return 0, failed
		}
	}
	return n, err
}

// Write writes to the daemon.
func (c *sshConn) Write(p []byte) (int, error) { return c.in.Write(p) }

// CloseWrite ends the input of the daemon.
func (c *sshConn) CloseWrite() error { return c.in.Close() }

// Close ends ssh.
func (c *sshConn) Close() error {
	_ = c.in.Close() // ended or not, nobody writes any more
	if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	_ = c.wait() // it was told to
	return nil
}

func (c *sshConn) wait() error {
	c.end.Do(func() {
		if err := c.cmd.Wait(); err != nil {
			c.over = fmt.Errorf("ssh to %s ended with %w; check the address, and that docker is installed there: %s", c.addr, err, c.said.String())
		}
	})
	return c.over
}

// LocalAddr names nothing.
func (c *sshConn) LocalAddr() net.Addr { return sshAddr("") }

// RemoteAddr is where ssh goes.
func (c *sshConn) RemoteAddr() net.Addr { return sshAddr(c.addr) }

// SetDeadline does nothing.
func (c *sshConn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (c *sshConn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (c *sshConn) SetWriteDeadline(time.Time) error { return nil }

type sshAddr string

// Network is the scheme.
func (sshAddr) Network() string { return "ssh" }

// String is what follows it.
func (a sshAddr) String() string { return string(a) }

// saidText keeps the end of what a program says.
type saidText struct {
	mu   sync.Mutex
	text []byte
}

// Write keeps.
func (s *saidText) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = append(s.text, p...)
	if over := len(s.text) - 4<<10; over > 0 {
		s.text = s.text[over:]
	}
	return len(p), nil
}

// String is one line.
func (s *saidText) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(strings.Fields(string(bytes.ToValidUTF8(s.text, []byte("?")))), " ")
}
