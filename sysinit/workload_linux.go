package sysinit

import (
	"os"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/execdriver/native/initproto"
)

// program is what is to be executed, and with which capabilities.
type program struct {
	path       string
	env        []string
	final, all uint64 // what the workload keeps, what we have
}

// workload turns this process into the workload. It returns only with an error.
func workload(s *initproto.Setup, r *reporter) error {
	if err := session(s); err != nil {
		return err
	}
	if err := confine(s); err != nil {
		return err
	}
	p, err := prepare(s, makeDir)
	if err != nil {
		return err
	}
	// From here on the filter of the workload may be ours: say it now.
	r.phase("rights")
	if !r.send(initproto.TypeReady, nil) { // nobody would know of the workload
		return errAt("setup", "", text("the exec engine went away"))
	}
	if err := restrict(s, p.final, p.all); err != nil {
		return err
	}
	return errAt("exec", s.Args[0], syscall.Exec(p.path, s.Args, p.env))
}

// prepare makes this thread who the workload will be, and finds the program.
//
// The order matters: the directory is entered with full rights (images put it
// where their user cannot search), programs are looked for with the workload's
// rights, and the filter is loaded as late as the kernel allows: without
// no_new_privs that needs CAP_SYS_ADMIN, with it nothing.
func prepare(s *initproto.Setup, missing func(string) error) (*program, error) {
	id, err := resolveUser(s.User, s.Groups)
	if err != nil {
		if f, ok := err.(*initproto.Failure); ok {
			return nil, f
		}
		return nil, errAt("find user", s.User, err)
	}
	p := &program{env: withHome(s.Env, id.home)}
	if err := enter(s.Dir, missing); err != nil {
		return nil, errAt("change to directory", s.Dir, err)
	}
	ownStreams(id)
	resetSignals()
	if err := dropBounding(s.Caps); err != nil {
		return nil, errAt("drop capabilities", "", err)
	}
	if err := become(id); err != nil {
		return nil, errAt("change user", s.User, err)
	}
	if len(s.Args) == 0 || s.Args[0] == "" {
		return nil, errAt("exec", "", text("no command given"))
	}
	// Only the effective set decides what may be executed.
	if p.all, err = permitted(); err != nil {
		return nil, errAt("read capabilities", "", err)
	}
	p.final = s.Caps & p.all
	if id.uid != 0 {
		p.final = 0
	}
	if err := capset(p.final, p.all); err != nil {
		return nil, errAt("set capabilities", "", err)
	}
	p.path, err = lookPath(s.Args[0], p.env)
	return p, err
}

// restrict gives up what is left: capabilities, and the system calls that the
// filter forbids.
func restrict(s *initproto.Setup, final, all uint64) error {
	if s.NoNewPriv {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return errAt("set no_new_privs", "", err)
		}
		if err := capset(final, final); err != nil {
			return errAt("set capabilities", "", err)
		}
		return errAt("load seccomp filter", "", loadFilter(s.Seccomp, s.SeccompFlags))
	}
	if err := capset(all, all); err != nil {
		return errAt("set capabilities", "", err)
	}
	if err := loadFilter(s.Seccomp, s.SeccompFlags); err != nil {
		return errAt("load seccomp filter", "", err)
	}
	return errAt("set capabilities", "", capset(final, final))
}

const setModeFilter = 1 // SECCOMP_SET_MODE_FILTER

func loadFilter(filter []byte, flags uint32) error {
	if len(filter) == 0 {
		return nil
	}
	prog, err := filterProgram(filter)
	if err != nil {
		return err
	}
	_, _, e := unix.Syscall(unix.SYS_SECCOMP, setModeFilter, uintptr(flags), uintptr(unsafe.Pointer(prog)))
	if e != 0 {
		return e
	}
	return nil
}

// filterProgram describes a filter to the kernel.
func filterProgram(filter []byte) (*unix.SockFprog, error) {
	const insn = 8
	n := len(filter) / insn
	if n == 0 || n > unix.BPF_MAXINSNS || len(filter)%insn != 0 {
		return nil, unix.EINVAL
	}
	return &unix.SockFprog{Len: uint16(n), Filter: (*unix.SockFilter)(unsafe.Pointer(&filter[0]))}, nil
}

// enter changes to the working directory. One that the kernel cannot name is
// outside of the root: somebody has put a way out into its path.
func enter(dir string, missing func(string) error) error {
	if dir == "" {
		dir = "/"
	}
	err := unix.Chdir(dir)
	if err == unix.ENOENT && missing != nil {
		if err = missing(dir); err == nil {
			err = unix.Chdir(dir)
		}
	}
	if err != nil {
		return err
	}
	var buf [unix.PathMax]byte
	n, err := unix.Getcwd(buf[:])
	if err == nil && (n < 2 || buf[0] != '/') {
		err = text("it is outside of the container's root")
	}
	return err
}

// makeDir makes a directory and those above it.
func makeDir(dir string) error {
	path := ""
	for _, p := range parts(dir) {
		path += "/" + p
		if err := unix.Mkdir(path, 0o755); err != nil && err != unix.EEXIST {
			return err
		}
	}
	return nil
}

// withHome adds HOME unless the environment has it.
func withHome(env []string, home string) []string {
	for _, kv := range env {
		if strings.HasPrefix(kv, "HOME=") && kv != "HOME=" {
			return env
		}
	}
	out := make([]string, 0, len(env)+1)
	for _, kv := range env {
		if kv != "HOME=" {
			out = append(out, kv)
		}
	}
	return append(out, "HOME="+home)
}

// ownStreams lets a user that is not root open its own /dev/stdout.
func ownStreams(id identity) {
	for fd := range 3 {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) != nil || st.Uid == uint32(id.uid) || st.Rdev == unix.Mkdev(1, 3) {
			continue
		}
		// A failure means a file system without owners; then rights do not apply.
		_ = unix.Fchown(fd, id.uid, int(st.Gid))
	}
}

// resetSignals undoes what the daemon's own parent ignored or blocked.
func resetSignals() {
	const signals = 64
	var act [4]uint64 // SIG_DFL, no flags, no restorer, empty mask
	for sig := uintptr(1); sig <= signals; sig++ {
		switch sig {
		case uintptr(unix.SIGHUP), uintptr(unix.SIGINT), uintptr(unix.SIGQUIT), uintptr(unix.SIGPIPE),
			uintptr(unix.SIGTERM), uintptr(unix.SIGCHLD), uintptr(unix.SIGTSTP), uintptr(unix.SIGTTIN),
			uintptr(unix.SIGTTOU), uintptr(unix.SIGUSR1), uintptr(unix.SIGUSR2):
			unix.RawSyscall6(unix.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&act)), 0, 8, 0, 0)
		}
	}
	var none uint64
	const setMask = 2
	unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, setMask, uintptr(unsafe.Pointer(&none)), 0, 8, 0, 0)
}

// lookPath finds the program as exec(3) would: a name without a slash is looked
// for in PATH. A file that is there but cannot be executed is told from one
// that is missing.
func lookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, errAt("exec", name, executable(name))
	}
	dirs := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, "PATH="); ok {
			dirs = v
		}
	}
	var denied error
	for _, dir := range strings.Split(dirs, string(os.PathListSeparator)) {
		if dir == "" {
			dir = "."
		}
		path := dir + "/" + name
		err := executable(path)
		if err == nil {
			return path, nil
		}
		if denied == nil && isAny(err, unix.EACCES, unix.EISDIR) {
			denied = err
		}
	}
	if denied != nil && denied != unix.EISDIR {
		return "", errAt("exec", name, denied)
	}
	return "", &initproto.Failure{Step: "exec", Object: name, Errno: uint32(unix.ENOENT),
		Text: "executable file not found in $PATH"}
}

func executable(path string) error {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return unix.EISDIR
	}
	return unix.Faccessat(unix.AT_FDCWD, path, unix.X_OK, unix.AT_EACCESS)
}
