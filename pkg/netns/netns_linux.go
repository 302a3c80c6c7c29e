// Package netns makes network namespaces and runs code inside them. It owns no
// state: a namespace is an open file, and lives as long as that file or a
// process in it does. Start reading at New. It is domain-free and imports
// nothing of this module.
package netns

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// threadNS names the namespace of the calling thread.
const threadNS = "/proc/thread-self/ns/net"

// New makes a network namespace and, on a thread inside it, calls setup (which
// may be nil): sockets that setup opens belong to the namespace for good and
// may be used from anywhere afterwards. The caller closes the file.
func New(setup func() error) (*os.File, error) {
	var ns *os.File
	err := onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("making a network namespace: %w", err)
		}
		f, err := open(threadNS)
		if err != nil {
			return err
		}
		if setup != nil {
			if err := setup(); err != nil {
				f.Close()
				return err
			}
		}
		ns = f
		return nil
	})
	return ns, err
}

// Do runs f on a thread that is inside the namespace.
func Do(ns *os.File, f func() error) error {
	return onThread(func() error {
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("entering network namespace %s: %w", ns.Name(), err)
		}
		return f()
	})
}

// Current opens the network namespace of the calling thread.
func Current() (*os.File, error) { return open(threadNS) }

// Open opens a namespace by a path such as /proc/<pid>/ns/net.
func Open(path string) (*os.File, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &st); err != nil || st.Type != unix.NSFS_MAGIC {
		f.Close()
		return nil, fmt.Errorf("opening network namespace: %s is not a namespace", path)
	}
	return f, nil
}

// open avoids os.Open, which would try to put the descriptor into the poller.
func open(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// onThread runs f on a locked thread whose network namespace f may change. The
// thread goes back to the namespace it came from; if that fails it is given up
// (a locked goroutine that ends takes its thread along), so that no other
// goroutine ever runs in the wrong namespace.
func onThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := open(threadNS)
		if err != nil {
			runtime.UnlockOSThread()
			done <- err
			return
		}
		defer home.Close()
		err = f()
		if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	return <-done
}
