package run

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/enginejobs/docker/errdefs"
)

// sshVariable is where ssh finds its agent.
const sshVariable = "SSH_AUTH_SOCK"

// agent shows the socket of an agent of keys. The container gets one of its own, so
// that it may have another owner and mode, and because agents only answer root and
// their own user.
func (p *prepared) agent(m *Mount, req *Request) error {
	if m.Socket == "" {
		if m.Required {
			return errdefs.NotFound("no SSH key %q forwarded from the client", m.ID)
		}
		return nil
	}
	if info, err := os.Stat(m.Socket); err != nil || info.Mode().Type() != os.ModeSocket {
		return errdefs.NotFound("agent %q: there is no socket at %s", m.ID, m.Socket)
	}
	dir, err := p.place()
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "agent")
	f, err := forward(path, m.Socket)
	if err != nil {
		return fmt.Errorf("forwarding the agent %q: %w", m.ID, err)
	}
	p.undo = append(p.undo, f.close)
	mode := m.Mode.Perm()
	if mode == 0 {
		mode = 0o600
	}
	if os.Geteuid() == 0 {
		err = os.Chown(path, m.UID, m.GID)
	}
	if err = errors.Join(err, os.Chmod(path, mode)); err != nil {
		return fmt.Errorf("forwarding the agent %q: %w", m.ID, err)
	}
	p.add(&Mount{Target: m.Target}, path)
	if !has(p.env, sshVariable) && (req.Config == nil || !has(req.Config.Env, sshVariable)) {
		p.env = append(p.env, sshVariable+"="+m.Target)
	}
	return nil
}

// has tells whether a list of variables has one.
func has(env []string, name string) bool {
	for _, e := range env {
		if key, _, _ := strings.Cut(e, "="); key == name {
			return true
		}
	}
	return false
}

// maxAgentConns is how many connections to an agent a command may have at a time.
const maxAgentConns = 64

// forwarder passes connections to a socket on to another one. It ends with close.
type forwarder struct {
	listener *net.UnixListener
	to       string
	running  sync.WaitGroup
	places   chan struct{}

	mu     sync.Mutex // guards the rest
	conns  map[net.Conn]struct{}
	closed bool
}

// forward listens at path, which may be longer than the address of a socket.
func forward(path, to string) (*forwarder, error) {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	at := fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path))
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: at, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // the directory goes as a whole
	f := &forwarder{listener: l, to: to, places: make(chan struct{}, maxAgentConns), conns: map[net.Conn]struct{}{}}
	f.running.Go(f.serve)
	return f, nil
}

func (f *forwarder) serve() {
	for {
		f.places <- struct{}{}
		in, err := f.listener.Accept()
		if err != nil {
			return
		}
		if !f.hold(in) {
			return
		}
		f.running.Go(func() {
			defer func() { <-f.places }()
			defer f.drop(in)
			f.pass(in)
		})
	}
}

// pass connects one client with the agent until one of them leaves.
func (f *forwarder) pass(in net.Conn) {
	out, err := net.Dial("unix", f.to)
	if err != nil || !f.hold(out) {
		return
	}
	defer f.drop(out)
	both := sync.WaitGroup{}
	both.Go(func() {
		_, _ = io.Copy(out, in)
		_ = closeWrite(out)
	})
	_, _ = io.Copy(in, out)
	_ = in.Close() // an agent that has left answers nothing more
	both.Wait()
}

func closeWrite(c net.Conn) error {
	if u, ok := c.(*net.UnixConn); ok {
		return u.CloseWrite()
	}
	return c.Close()
}

// hold remembers a connection for close; false after that.
func (f *forwarder) hold(c net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		_ = c.Close()
		return false
	}
	f.conns[c] = struct{}{}
	return true
}

func (f *forwarder) drop(c net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, c)
	_ = c.Close()
}

// close ends everything and waits for it.
func (f *forwarder) close() error {
	f.mu.Lock()
	f.closed = true
	for c := range f.conns {
		_ = c.Close()
	}
	f.mu.Unlock()
	err := f.listener.Close()
	f.running.Wait()
	return err
}
