// Package seccomp turns a seccomp profile, in the JSON form that Docker users
// write, into the classic BPF program that the kernel runs at each system call.
// It is pure Go: no libseccomp, no cgo, no other program.
//
// It owns no state; a Cache is a value of its user. Start reading at Compile,
// then program in program.go. It is domain-free and imports nothing of this
// module; the process that installs a program needs its bytes only and should
// not import this package.
//
// The program is a search tree over system call numbers, one per architecture,
// so that a call costs the kernel about ten instructions; each leaf returns an
// action or compares arguments. Sources: seccomp(2), the kernel's
// Documentation/userspace-api/seccomp_filter.rst and the profile format of
// github.com/moby/profiles.
package seccomp

import (
	"errors"
	"fmt"
	"runtime"

	profiles "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Filter is a compiled profile.
type Filter struct {
	// Program is an array of struct sock_filter (8 bytes each, native byte
	// order), at most 4096 of them.
	Program []byte
	// Flags are the SECCOMP_FILTER_FLAG_ bits to install it with.
	Flags uint32
}

// Len is the number of instructions.
func (f Filter) Len() int { return len(f.Program) / instructionSize }

// Compile compiles a profile for this machine's architecture and a process with
// the given bounding capabilities ("CAP_CHOWN"…), on which rules of a profile may
// depend. The empty profile is Docker's default one. A profile that restricts
// nothing gives an empty Filter.
func Compile(profile string, capabilities []string) (Filter, error) {
	spec := &specs.Spec{Process: &specs.Process{
		Capabilities: &specs.LinuxCapabilities{Bounding: capabilities},
	}}
	var (
		resolved *specs.LinuxSeccomp
		err      error
	)
	if profile == "" {
		resolved, err = profiles.GetDefaultProfile(spec)
	} else {
		resolved, err = profiles.LoadProfile(profile, spec)
	}
	if err != nil {
		return Filter{}, fmt.Errorf("seccomp profile: %w", err)
	}
	if resolved == nil {
		return Filter{}, nil
	}
	f, err := compile(resolved, runtime.GOARCH)
	if err != nil {
		return Filter{}, fmt.Errorf("seccomp profile: %w", err)
	}
	return f, nil
}

// The flags of seccomp(2) that a profile may name.
var flagBits = []struct {
	name specs.LinuxSeccompFlag
	bit  uint32
}{
	{specs.LinuxSeccompFlagLog, unix.SECCOMP_FILTER_FLAG_LOG},
	{specs.LinuxSeccompFlagSpecAllow, unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW},
	// The caller installs the filter on the one thread that executes.
	{"SECCOMP_FILTER_FLAG_TSYNC", 0},
}

func flags(names []specs.LinuxSeccompFlag) (uint32, error) {
	var bits uint32
next:
	for _, name := range names {
		for _, f := range flagBits {
			if f.name == name {
				bits |= f.bit
				continue next
			}
		}
		return 0, fmt.Errorf("flag %q is not supported", name)
	}
	return bits, nil
}

// compile builds the program of a resolved profile.
func compile(p *specs.LinuxSeccomp, goarch string) (Filter, error) {
	bits, err := flags(p.Flags)
	if err != nil {
		return Filter{}, err
	}
	if p.ListenerPath != "" {
		return Filter{}, errors.New("a listener is not supported, remove listenerPath")
	}
	fallback, err := action(p.DefaultAction, p.DefaultErrnoRet)
	if err != nil {
		return Filter{}, err
	}
	abis, err := abisOf(goarch, p.Architectures)
	if err != nil {
		return Filter{}, err
	}
	prog, err := dispatch(abis, func(a abi) ([]instruction, error) {
		table, err := newTable(a, p.Syscalls, fallback)
		if err != nil {
			return nil, err
		}
		return table.tree(), nil
	})
	if err != nil {
		return Filter{}, err
	}
	if len(prog) > maxInstructions {
		return Filter{}, fmt.Errorf("it needs %d instructions, the kernel takes %d", len(prog), maxInstructions)
	}
	return Filter{Program: marshal(prog), Flags: bits}, nil
}

// action translates an action of a profile into a return value of a filter.
func action(a specs.LinuxSeccompAction, errno *uint) (uint32, error) {
	data := uint32(unix.EPERM)
	if errno != nil {
		if *errno > maxErrno {
			return 0, fmt.Errorf("errnoRet %d is out of range, the largest error number is %d", *errno, maxErrno)
		}
		data = uint32(*errno)
	}
	switch a {
	case specs.ActAllow:
		return unix.SECCOMP_RET_ALLOW, nil
	case specs.ActErrno:
		return unix.SECCOMP_RET_ERRNO | data, nil
	case specs.ActTrace:
		return unix.SECCOMP_RET_TRACE | data, nil
	case specs.ActTrap:
		return unix.SECCOMP_RET_TRAP, nil
	case specs.ActLog:
		return unix.SECCOMP_RET_LOG, nil
	case specs.ActKill, specs.ActKillThread:
		return unix.SECCOMP_RET_KILL_THREAD, nil
	case specs.ActKillProcess:
		return unix.SECCOMP_RET_KILL_PROCESS, nil
	}
	return 0, fmt.Errorf("action %q is not supported", a)
}

// maxErrno is the kernel's MAX_ERRNO: larger values are not errors to a caller.
const maxErrno = 4095
