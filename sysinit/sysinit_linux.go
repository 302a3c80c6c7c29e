// Package sysinit is the code that runs inside a new container before its
// workload: it makes the root, the mounts and the devices, enters the control
// groups, lowers rights, and executes. Its orders come as one message over
// descriptor 3 (see execdriver/native/initproto); it looks up nothing but users
// and programs in the container's own files. It owns the process that it runs
// in, and nothing else. Start reading at Init and steps; Exec is the same for one
// more process of a container that runs.
//
// It runs once per container, on the start path, in the smallest binary that we
// can make: it imports only initproto and x/sys/unix, no fmt, no JSON, no net.
// All credentials are changed for one locked thread, the one that executes; the
// other threads of the Go runtime end with that exec.
package sysinit

import (
	"math"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/execdriver/native/initproto"
)

// Init sets up the container and executes the workload. It returns, with the
// exit status of the process, only when that failed (the exec engine has been
// told why) or when it stayed as process 1 and the workload has ended.
func Init() int {
	runtime.LockOSThread()
	unix.Umask(0o022)
	r := &reporter{fd: initproto.SyncFD}
	if err := keepDescriptors(); err != nil {
		return r.fail(err)
	}
	s, err := r.setup()
	if err != nil {
		return r.fail(err)
	}
	r.timings = s.Timings
	r.phase("received")
	for _, st := range steps() {
		if err := st.do(s, r); err != nil {
			return r.fail(err)
		}
		r.phase(st.name)
	}
	if s.Reaper {
		code, err := reap(s, r)
		if err != nil {
			return r.fail(err)
		}
		return code
	}
	return r.fail(workload(s, r))
}

// Workload is the second half of an init that stayed as process 1: everything
// that belongs to the workload's process alone.
func Workload() int {
	runtime.LockOSThread()
	from := &reporter{fd: initproto.SetupFD}
	r := &reporter{fd: initproto.SyncFD}
	if err := keepDescriptors(); err != nil {
		return r.fail(err)
	}
	s, err := from.setup()
	unix.Close(initproto.SetupFD)
	if err != nil {
		return r.fail(err)
	}
	r.timings = s.Timings
	return r.fail(workload(s, r))
}

// keepDescriptors lets nothing but the standard streams pass into the workload:
// neither what the set-up uses nor what somebody up to the shell that started
// the daemon forgot to mark. An open directory of the host would be a way out.
func keepDescriptors() error {
	const firstPrivate = 3
	err := unix.CloseRange(firstPrivate, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	return errAt("close", "inherited descriptors", err)
}

// step is one named part of the work; the name is what a failure reports.
type step struct {
	name string
	do   func(*initproto.Setup, *reporter) error
}

// steps is the order of the work, up to the point where the process stops being
// ours. Everything that needs the host's view is before pivot.
func steps() []step {
	return []step{
		{"join", joinNamespaces},
		{"cgroup", joinCgroups},
		{"root", mountRoot},
		{"mounts", mountAll},
		{"devices", makeDevices},
		{"pivot", pivot},
		{"terminal", openTerminal},
		{"network", loopback},
		{"hostname", setNames},
		{"sysctl", setSysctls},
		{"mask", restrictPaths},
		{"limits", setLimits},
	}
}

// errAt makes the report of one failed step on one object.
func errAt(name, object string, err error) error {
	if err == nil {
		return nil
	}
	f := &initproto.Failure{Step: name, Object: object, Text: err.Error()}
	if e, ok := err.(unix.Errno); ok {
		f.Errno = uint32(e)
	}
	return f
}

// text is an error that no kernel gave.
type text string

func (t text) Error() string { return string(t) }

func isAny(err error, errs ...unix.Errno) bool {
	for _, e := range errs {
		if err == e {
			return true
		}
	}
	return false
}

// parts splits a path and drops empty and "." parts. ".." stays: the
// kernel resolves it inside the root.
func parts(path string) []string {
	var out []string
	for _, p := range strings.Split(path, "/") {
		if p != "" && p != "." {
			out = append(out, p)
		}
	}
	return out
}
