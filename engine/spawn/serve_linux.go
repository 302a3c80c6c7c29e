package spawn

import (
	"context"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/wire"
)

// Listen makes the socket that Serve accepts on. It replaces a socket at path
// that nobody serves any more; the caller knows that nobody does.
func Listen(path string) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Unlink(path); err != nil && err != unix.ENOENT {
		unix.Close(fd)
		return nil, &os.PathError{Op: "replace", Path: path, Err: err}
	}
	address, done, err := shortPath(path)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: address})
		done()
	}
	if err == nil {
		err = unix.Chmod(path, 0o600)
	}
	if err == nil {
		err = unix.Listen(fd, 16)
	}
	if err != nil {
		unix.Close(fd)
		return nil, &os.PathError{Op: "listen", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// Serve lets the engine carry out what arrives on connections to the listener,
// until the context ends; then connections are cut and their jobs cancelled.
// The listener stays the caller's.
func Serve(ctx context.Context, eng *engine.Engine, listener *os.File) error {
	raw, err := listener.SyscallConn()
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	defer all.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = listener.SetReadDeadline(longAgo()) })()
	for ctx.Err() == nil {
		fd, cred, err := accept(raw)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if fd < 0 {
			continue
		}
		p, err := newPackets(fd)
		if err != nil {
			continue
		}
		all.Go(func() {
			// Why the peer left is told there; here is nobody who could do anything about it.
			_ = wire.Serve(ctx, eng, p, wire.ServeOptions{Caller: callerOf(cred)})
		})
	}
	return nil
}

type rawReader interface {
	Read(func(fd uintptr) bool) error
}

// accept waits for a connection and gives -1 for one that is not let in.
func accept(raw rawReader) (int, *unix.Ucred, error) {
	fd := -1
	var failure error
	err := raw.Read(func(l uintptr) bool {
		fd, _, failure = unix.Accept4(int(l), unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		return failure != unix.EAGAIN
	})
	if err != nil {
		return -1, nil, err
	}
	switch failure {
	case nil:
	case unix.EINTR, unix.ECONNABORTED:
		return -1, nil, nil
	default:
		return -1, nil, failure
	}
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil || cred.Uid != 0 && int(cred.Uid) != os.Geteuid() {
		unix.Close(fd)
		return -1, nil, nil
	}
	return fd, cred, nil
}

// callerOf tells jobs who is on the other side.
func callerOf(cred *unix.Ucred) *engine.Caller {
	return &engine.Caller{
		Client: "uid:" + strconv.Itoa(int(cred.Uid)), Detail: "pid " + strconv.Itoa(int(cred.Pid)),
		Network: "spawn", UID: int(cred.Uid), PID: int(cred.Pid),
	}
}

// longAgo is a deadline that has passed.
func longAgo() time.Time { return time.Unix(1, 0) }
