package seccomp

import (
	"encoding/binary"
	"encoding/json"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	profiles "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// call is struct seccomp_data without the instruction pointer.
type call struct {
	nr, arch uint32
	args     [6]uint64
}

func (c call) word(t *testing.T, offset uint32) uint32 {
	switch {
	case offset == offNumber:
		return c.nr
	case offset == offArch:
		return c.arch
	case offset >= offArgs && offset < offArgs+48 && offset%4 == 0:
		v := c.args[(offset-offArgs)/8]
		if (offset-offArgs)%8 == 4 {
			return uint32(v >> 32)
		}
		return uint32(v)
	}
	t.Fatalf("load from offset %d, which the kernel would refuse", offset)
	return 0
}

// run interprets a program and counts the instructions that it took.
func run(t *testing.T, program []byte, c call) (result uint32, steps int) {
	t.Helper()
	var acc uint32
	for pc := 0; ; pc++ {
		steps++
		if pc*instructionSize >= len(program) {
			t.Fatalf("%+v: ran past the end", c)
		}
		p := program[pc*instructionSize:]
		code, jt, jf, k := binary.NativeEndian.Uint16(p), p[2], p[3], binary.NativeEndian.Uint32(p[4:])
		jump := func(yes bool) {
			if yes {
				pc += int(jt)
			} else {
				pc += int(jf)
			}
		}
		switch code {
		case ld:
			acc = c.word(t, k)
		case and:
			acc &= k
		case ret:
			return k, steps
		case ja:
			pc += int(k)
		case jeq:
			jump(acc == k)
		case jgt:
			jump(acc > k)
		case jge:
			jump(acc >= k)
		default:
			t.Fatalf("unknown operation %#x", code)
		}
	}
}

// want evaluates a resolved profile the slow way: by name, in order.
func want(p *specs.LinuxSeccomp, a abi, names map[uint32][]string, newest int64, nr uint32, args [6]uint64) uint32 {
	fallback, _ := action(p.DefaultAction, p.DefaultErrnoRet)
	if newest >= 0 && int64(nr) > newest && fallback&unix.SECCOMP_RET_ACTION_FULL == unix.SECCOMP_RET_ERRNO {
		fallback = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	}
	conditional := fallback
	matched := false
	for _, s := range p.Syscalls {
		for _, name := range s.Names {
			if !slices.Contains(names[nr], name) {
				continue
			}
			act, _ := action(s.Action, s.ErrnoRet)
			if len(s.Args) == 0 {
				return act
			}
			if !matched && holds(s.Args, args) {
				conditional, matched = act, true
			}
		}
	}
	return conditional
}

func holds(conditions []specs.LinuxSeccompArg, args [6]uint64) bool {
	indexes := map[uint]int{}
	twice := false
	for _, c := range conditions {
		indexes[c.Index]++
		twice = twice || indexes[c.Index] > 1
	}
	all, any := true, false
	for _, c := range conditions {
		v, ok := args[c.Index], false
		switch c.Op {
		case specs.OpEqualTo:
			ok = v == c.Value
		case specs.OpNotEqual:
			ok = v != c.Value
		case specs.OpGreaterThan:
			ok = v > c.Value
		case specs.OpGreaterEqual:
			ok = v >= c.Value
		case specs.OpLessThan:
			ok = v < c.Value
		case specs.OpLessEqual:
			ok = v <= c.Value
		case specs.OpMaskedEqual:
			ok = v&c.Value == c.ValueTwo
		}
		all, any = all && ok, any || ok
	}
	if twice {
		return any
	}
	return all
}

// interesting lists values around each constant that conditions compare with.
func interesting(p *specs.LinuxSeccomp) []uint64 {
	values := []uint64{0, 1, 1 << 31, 1 << 32, 1<<63 - 1, 1 << 63, ^uint64(0)}
	for _, s := range p.Syscalls {
		for _, c := range s.Args {
			for _, v := range []uint64{c.Value, c.ValueTwo} {
				values = append(values, v, v-1, v+1, v^1<<32, v^1<<40, v|1<<28)
			}
		}
	}
	slices.Sort(values)
	return slices.Compact(values)
}

// same checks a program against the slow evaluation over all numbers.
func same(t *testing.T, p *specs.LinuxSeccomp, goarch string) Filter {
	t.Helper()
	f, err := compile(p, goarch)
	if err != nil {
		t.Fatal(err)
	}
	abis, err := abisOf(goarch, p.Architectures)
	if err != nil {
		t.Fatal(err)
	}
	values := interesting(p)
	for _, a := range abis {
		numbers, err := a.numbers()
		if err != nil {
			t.Fatal(err)
		}
		names := map[uint32][]string{}
		conditional := map[uint32]bool{}
		newest := int64(-1)
		for _, s := range p.Syscalls {
			for _, name := range s.Names {
				nr, ok := numbers[name]
				if !ok {
					continue
				}
				names[nr] = append(names[nr], name)
				conditional[nr] = conditional[nr] || len(s.Args) > 0
				if nr < armPrivate {
					newest = max(newest, int64(nr))
				}
			}
		}
		check := func(nr uint32, args [6]uint64) {
			got, _ := run(t, f.Program, call{nr | a.mark, a.audit, args})
			if w := want(p, a, names, newest, nr, args); got != w {
				t.Errorf("%s: call %d %v args %#x: %#x, want %#x", a.name, nr, names[nr], args, got, w)
			}
		}
		for nr := range uint32(1024) {
			check(nr, [6]uint64{})
			if !conditional[nr] {
				continue
			}
			for i := range 6 {
				for _, v := range values {
					args := [6]uint64{}
					args[i] = v
					check(nr, args)
				}
			}
		}
		for _, nr := range []uint32{0xf0001, 0xf0002, 0xf0003, 0xf0005, 0x0fffffff} {
			check(nr, [6]uint64{})
		}
	}
	return f
}

func resolve(t *testing.T, profile string, caps []string) *specs.LinuxSeccomp {
	t.Helper()
	spec := &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: caps}}}
	var p *specs.LinuxSeccomp
	var err error
	if profile == "" {
		p, err = profiles.GetDefaultProfile(spec)
	} else {
		p, err = profiles.LoadProfile(profile, spec)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var defaultCaps = []string{"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW",
	"CAP_SETGID", "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE"}

func TestDefaultProfileDecidesEveryCall(t *testing.T) {
	for name, caps := range map[string][]string{
		"none": nil, "default": defaultCaps, "admin": append(slices.Clone(defaultCaps), "CAP_SYS_ADMIN"),
		"many": {"CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_SYS_MODULE", "CAP_BPF", "CAP_PERFMON", "CAP_SYS_TIME", "CAP_SYSLOG"},
	} {
		t.Run(name, func(t *testing.T) {
			p := resolve(t, "", caps)
			f := same(t, p, "amd64")
			t.Logf("amd64: %d instructions", f.Len())
			p.Architectures = []specs.Arch{specs.ArchAARCH64, specs.ArchARM}
			same(t, p, "arm64")
		})
	}
}

func TestAllOperators(t *testing.T) {
	var rules []string
	for i, op := range []specs.LinuxSeccompOperator{specs.OpEqualTo, specs.OpNotEqual, specs.OpGreaterThan,
		specs.OpGreaterEqual, specs.OpLessThan, specs.OpLessEqual, specs.OpMaskedEqual} {
		names := []string{"read", "write", "close", "stat", "fstat", "lstat", "poll"}
		rules = append(rules, `{"names":["`+names[i]+`"],"action":"SCMP_ACT_ALLOW","args":[
			{"index":`+string(rune('0'+i%6))+`,"value":4294967301,"valueTwo":4294967297,"op":"`+string(op)+`"},
			{"index":`+string(rune('0'+(i+1)%6))+`,"value":0,"op":"SCMP_CMP_EQ"}]}`)
	}
	rules = append(rules, `{"names":["lseek"],"action":"SCMP_ACT_KILL_PROCESS","args":[
		{"index":1,"value":1,"op":"SCMP_CMP_EQ"},{"index":1,"value":7,"op":"SCMP_CMP_EQ"}]}`)
	p := resolve(t, `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[`+strings.Join(rules, ",")+`]}`, nil)
	same(t, p, "amd64")
	same(t, p, "arm64")
}

func TestActions(t *testing.T) {
	for _, act := range []string{"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD",
		"SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP", "SCMP_ACT_TRACE", "SCMP_ACT_LOG"} {
		same(t, resolve(t, `{"defaultAction":"`+act+`","syscalls":[{"names":["read"],"action":"SCMP_ACT_ERRNO","errnoRet":9}]}`, nil), "amd64")
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct{ profile, says string }{
		"not JSON":       {`{`, "unexpected end"},
		"action":         {`{"defaultAction":"SCMP_ACT_MAYBE"}`, `"SCMP_ACT_MAYBE" is not supported`},
		"no action":      {`{"syscalls":[{"names":["read"]}]}`, `"" is not supported`},
		"operator":       {`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_TRAP","args":[{"index":0,"op":"=="}]}]}`, `operator "=="`},
		"index":          {`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_TRAP","args":[{"index":6,"op":"SCMP_CMP_EQ"}]}]}`, "index 6"},
		"errno":          {`{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":70000}`, "70000"},
		"flag":           {`{"defaultAction":"SCMP_ACT_ERRNO","flags":["X"]}`, `flag "X"`},
		"listener":       {`{"defaultAction":"SCMP_ACT_ERRNO","listenerPath":"/x"}`, "listenerPath"},
		"name and names": {`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"read","names":["read"],"action":"SCMP_ACT_TRAP"}]}`, "both"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Compile(c.profile, nil); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("error %v, want one that says %s", err, c.says)
			}
		})
	}
	if _, err := compile(&specs.LinuxSeccomp{DefaultAction: specs.ActAllow}, "z80"); err == nil {
		t.Fatal("a machine without a table was accepted")
	}
}

func TestOtherABIsAreKilled(t *testing.T) {
	p := resolve(t, `{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86_64"],"syscalls":[{"names":["read"],"action":"SCMP_ACT_TRAP"}]}`, nil)
	f, err := compile(p, "amd64")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []call{{nr: 3, arch: unix.AUDIT_ARCH_I386}, {nr: x32Bit, arch: unix.AUDIT_ARCH_X86_64}, {nr: 0, arch: 1}} {
		if got, _ := run(t, f.Program, c); got != unix.SECCOMP_RET_KILL_THREAD {
			t.Errorf("%+v: %#x, want kill", c, got)
		}
	}
}

func TestFrequentCallsAreCheap(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the numbers in this test are those of amd64")
	}
	f, err := Compile("", defaultCaps)
	if err != nil {
		t.Fatal(err)
	}
	for _, nr := range []uint32{unix.SYS_READ, unix.SYS_WRITE, unix.SYS_FUTEX, unix.SYS_OPENAT, unix.SYS_EPOLL_PWAIT} {
		got, steps := run(t, f.Program, call{nr: nr, arch: unix.AUDIT_ARCH_X86_64})
		if got != unix.SECCOMP_RET_ALLOW || steps > 16 {
			t.Errorf("call %d: %#x after %d instructions, want allow after at most 16", nr, got, steps)
		}
	}
	if f.Len() > 1200 {
		t.Errorf("%d instructions, want at most 1200", f.Len())
	}
}

func TestCacheCompilesOnce(t *testing.T) {
	var c Cache
	var wg sync.WaitGroup
	programs := make([]*byte, 8)
	for i := range programs {
		wg.Go(func() {
			f, err := c.Compile("", defaultCaps)
			if err != nil {
				t.Error(err)
				return
			}
			programs[i] = &f.Program[0]
		})
	}
	wg.Wait()
	for _, p := range programs {
		if p != programs[0] {
			t.Fatal("two callers got two programs")
		}
	}
	if _, err := c.Compile("{", nil); err == nil {
		t.Fatal("a bad profile compiled")
	}
}

func TestEmptyProfileRestrictsNothing(t *testing.T) {
	f, err := Compile("{}", nil)
	if err != nil || f.Program != nil {
		t.Fatalf("%d instructions, %v", f.Len(), err)
	}
}

func BenchmarkCompileDefault(b *testing.B) {
	for b.Loop() {
		if _, err := Compile("", defaultCaps); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzProfile(f *testing.F) {
	seed, _ := json.Marshal(profiles.DefaultProfile())
	f.Add(string(seed))
	f.Add(`{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read","clone"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":1,"op":"SCMP_CMP_NE"}]}]}`)
	f.Fuzz(func(t *testing.T, profile string) {
		filter, err := Compile(profile, nil)
		if err != nil || filter.Program == nil {
			return
		}
		for _, nr := range []uint32{0, 1, 56, 435, 1 << 20, ^uint32(0)} {
			run(t, filter.Program, call{nr: nr, arch: unix.AUDIT_ARCH_X86_64})
		}
	})
}
