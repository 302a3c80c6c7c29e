package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// DefaultSocket is where a daemon listens when it is told nothing.
const DefaultSocket = "/var/run/docker.sock"

// ParseAddress completes and checks one address of the command line. It gives
// the protocol (unix, tcp, fd) and what follows it.
func ParseAddress(address string) (proto, addr string, err error) {
	address = strings.TrimSpace(address)
	if address == "" {
		return "unix", DefaultSocket, nil
	}
	proto, addr, found := strings.Cut(address, "://")
	if !found {
		proto, addr = "tcp", address
	}
	switch proto {
	case "unix":
		if strings.Contains(addr, "://") {
			return "", "", errdefs.InvalidArgument("Invalid bind address format: %s", address)
		}
		if addr == "" {
			addr = DefaultSocket
		}
		return proto, addr, nil
	case "fd":
		return proto, addr, nil
	case "tcp":
		if addr == "" {
			return "", "", errdefs.InvalidArgument("Invalid proto, expected tcp: %s", addr)
		}
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			return "", "", errdefs.InvalidArgument("Invalid bind address format: %s", address)
		}
		if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
			return "", "", errdefs.InvalidArgument("Invalid bind address format: %s", address)
		}
		if host == "" {
			host = "127.0.0.1"
		}
		return proto, net.JoinHostPort(host, port), nil
	}
	return "", "", errdefs.InvalidArgument("Invalid bind address format: %s", address)
}

// bind opens the listeners of one address.
func (s *Server) bind(address string, opt serveOptions, secure *tls.Config) ([]net.Listener, error) {
	proto, addr, err := ParseAddress(address)
	if err != nil {
		return nil, err
	}
	switch proto {
	case "unix":
		l, err := listenUnix(addr, opt.group)
		if err != nil {
			return nil, err
		}
		return []net.Listener{l}, nil
	case "fd":
		return s.activated(addr, opt, secure)
	}
	if err := mayOpen(address, opt, secure); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", address, err)
	}
	if !strings.HasPrefix(addr, "127.0.0.1:") && !verified(secure) {
		s.log.Warnf("/!\\ DON'T BIND ON ANOTHER IP ADDRESS THAN 127.0.0.1 IF YOU DON'T KNOW WHAT YOU'RE DOING /!\\")
	}
	return []net.Listener{overTLS(l, secure)}, nil
}

// verified tells whether every client shows a certificate that we trust.
func verified(secure *tls.Config) bool {
	return secure != nil && secure.ClientAuth == tls.RequireAndVerifyClientCert
}

// mayOpen refuses a tcp listener that would make everybody who reaches it root,
// unless somebody has said who may do what.
func mayOpen(address string, opt serveOptions, secure *tls.Config) error {
	if verified(secure) || opt.policy != "" {
		return nil
	}
	return errdefs.InvalidArgument("listening on %s: everybody who can connect would be root on this host; demand client "+
		"certificates with --tlsverify, or say who may run what with --access-policy=FILE, read-only or open", address)
}

func overTLS(l net.Listener, secure *tls.Config) net.Listener {
	if secure == nil || l.Addr().Network() == "unix" {
		return l
	}
	return tls.NewListener(l, secure)
}

// listenUnix binds a socket that only its owner and a group may use. It is made
// under another name in a private directory, given its owner and mode there,
// and then renamed, so that it never exists with more rights than it should and
// replaces what an earlier daemon left in one step. A socket that still answers
// is a Conflict.
func listenUnix(path, group string) (net.Listener, error) {
	gid, err := groupID(group)
	if err != nil {
		return nil, err
	}
	if err := refuseLive(path); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("listening on %s: %w", path, err)
	}
	private, err := os.MkdirTemp(filepath.Dir(path), ".docker-")
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", path, err)
	}
	defer os.RemoveAll(private)
	dir, err := os.Open(private)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", path, err)
	}
	defer dir.Close()
	temp := fmt.Sprintf("/proc/self/fd/%d/s", dir.Fd()) // short: socket names end at 107 bytes
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: temp, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", path, err)
	}
	l.SetUnlinkOnClose(false)
	u := &unixListener{UnixListener: l, path: path}
	if gid >= 0 {
		err = os.Chown(temp, 0, gid)
	}
	if err == nil {
		err = os.Chmod(temp, 0o660)
	}
	if err == nil {
		u.id, err = fileID(temp)
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listening on %s: %w", path, err), l.Close())
	}
	return u, nil
}

// refuseLive fails when something answers on the socket, or when the path is
// something else that is not ours to replace.
func refuseLive(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("listening on %s: %w", path, err)
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return errdefs.Conflict(
			"listening on %s: a file that is no socket is in the way; remove it, or choose another path", path)
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err != nil {
		return nil // nobody is there
	}
	_ = conn.Close() // it was only a question
	return errdefs.Conflict("listening on %s: another process serves this socket; stop it or choose another path", path)
}

// unixListener removes its socket when it is closed, unless another daemon has
// put its own there.
type unixListener struct {
	*net.UnixListener
	path string
	id   [2]uint64
}

// Close stops listening.
func (u *unixListener) Close() error {
	if id, err := fileID(u.path); err == nil && id == u.id {
		_ = os.Remove(u.path) // a leftover is replaced by the next daemon
	}
	return u.UnixListener.Close()
}

// Addr names the path that clients use.
func (u *unixListener) Addr() net.Addr { return &net.UnixAddr{Name: u.path, Net: "unix"} }

func fileID(path string) (id [2]uint64, err error) {
	info, err := os.Lstat(path)
	if err != nil {
		return id, err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		id = [2]uint64{st.Dev, st.Ino}
	}
	return id, nil
}

// groupID looks a group up, by name or number. -1 leaves the group alone: for
// an empty name, and for the default one on hosts that do not have it.
func groupID(group string) (int, error) {
	if group == "" {
		return -1, nil
	}
	if g, err := user.LookupGroup(group); err == nil {
		return strconv.Atoi(g.Gid)
	}
	if n, err := strconv.Atoi(group); err == nil && n >= 0 {
		return n, nil
	}
	if group == "docker" {
		return -1, nil
	}
	return 0, errdefs.NotFound("Group %s not found", group)
}

// activated takes over sockets that an init system has opened: all of them, or
// the one with this number (from 3) or name.
func (s *Server) activated(want string, opt serveOptions, secure *tls.Config) ([]net.Listener, error) {
	none := errdefs.NotFound("listening on fd://%s: the init system has passed no such socket", want)
	n, err := strconv.Atoi(s.opt.Getenv("LISTEN_FDS"))
	if err != nil || s.opt.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil, none
	}
	names := strings.Split(s.opt.Getenv("LISTEN_FDNAMES"), ":")
	var listeners []net.Listener
	const first = 3
	for fd := first; fd < first+n; fd++ {
		name := ""
		if i := fd - first; i < len(names) {
			name = names[i]
		}
		if want != "" && want != "*" && want != strconv.Itoa(fd) && want != name {
			continue
		}
		syscall.CloseOnExec(fd)
		f := os.NewFile(uintptr(fd), "LISTEN_FD_"+strconv.Itoa(fd))
		l, err := net.FileListener(f) // a duplicate
		_ = f.Close()
		if err != nil {
			return nil, fmt.Errorf("listening on descriptor %d: %w", fd, err)
		}
		if u, ok := l.(*net.UnixListener); ok {
			u.SetUnlinkOnClose(false) // the path is the init system's
		} else if err := mayOpen("fd://"+want+" ("+l.Addr().String()+")", opt, secure); err != nil {
			return nil, errors.Join(err, l.Close(), closeAll(listeners))
		}
		listeners = append(listeners, overTLS(l, secure))
	}
	if len(listeners) == 0 {
		return nil, none
	}
	return listeners, nil
}
