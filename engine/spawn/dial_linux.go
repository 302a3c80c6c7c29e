package spawn

import (
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/engine/wire"
	"github.com/enginejobs/docker/errdefs"
)

// Dial connects to an engine that serves on the socket at path. The connection
// is refused with Unavailable when nobody does.
func Dial(path string) (*wire.Conn, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, errdefs.Unavailable("making a socket: %w", err)
	}
	address, done, err := shortPath(path)
	if err == nil {
		err = unix.Connect(fd, &unix.SockaddrUnix{Name: address})
		done()
	}
	if err != nil {
		unix.Close(fd)
		return nil, errdefs.Unavailable("connecting to the engine at %s: %w", path, err)
	}
	p, err := newPackets(fd)
	if err != nil {
		return nil, errdefs.Unavailable("connecting to the engine at %s: %w", path, err)
	}
	return wire.NewConn(p, wire.ConnOptions{})
}

// shortPath gives a name for a socket that fits into an address, which is
// limited to 107 bytes: long ones go through a descriptor of the directory.
func shortPath(path string) (name string, done func(), err error) {
	const longest = 107
	if len(path) <= longest {
		return path, func() {}, nil
	}
	fd, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", nil, err
	}
	return "/proc/self/fd/" + strconv.Itoa(fd) + "/" + filepath.Base(path), func() { unix.Close(fd) }, nil
}
