package seccomp

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// rule is one line of a decision: if all conditions hold, the action is taken.
type rule struct {
	conditions []specs.LinuxSeccompArg
	action     uint32
}

// table tells for each number of one ABI what happens. Numbers without an entry
// get the fallback, except those above every number that the profile knows: such
// calls are younger than the profile, and a program that probes for them expects
// ENOSYS and nothing else.
type table struct {
	rules    map[uint32][]rule
	fallback uint32
	newest   int64 // largest number that the profile names, or -1
}

// armPrivate is the first of the calls that 32-bit ARM keeps apart from all others
// (__ARM_NR_BASE of the kernel's asm/unistd.h). They tell nothing about age.
const armPrivate = 0x0f0000

// newTable selects and orders the rules of one ABI. Names that the ABI does not
// have are passed over: profiles name the calls of many kernels and machines.
func newTable(a abi, calls []specs.LinuxSyscall, fallback uint32) (*table, error) {
	numbers, err := a.numbers()
	if err != nil {
		return nil, err
	}
	t := &table{rules: make(map[uint32][]rule), fallback: fallback, newest: -1}
	for i := range calls {
		call := &calls[i]
		act, err := action(call.Action, call.ErrnoRet)
		if err != nil {
			return nil, err
		}
		alternatives, err := rulesOf(call.Args, act)
		if err != nil {
			return nil, err
		}
		for _, name := range call.Names {
			nr, ok := numbers[name]
			if !ok {
				continue
			}
			if nr < armPrivate {
				t.newest = max(t.newest, int64(nr))
			}
			t.rules[nr] = append(t.rules[nr], alternatives...)
		}
	}
	for nr, rules := range t.rules {
		t.rules[nr] = simplify(rules, fallback)
	}
	return t, nil
}

// rulesOf makes the rules of one entry. Its conditions must all hold, unless one
// argument is compared twice: then, as in every engine that reads this format,
// each condition is enough by itself.
func rulesOf(args []specs.LinuxSeccompArg, act uint32) ([]rule, error) {
	if len(args) == 0 {
		return []rule{{action: act}}, nil
	}
	var seen [maxArgs]bool
	twice := false
	for _, a := range args {
		if err := checkCondition(a); err != nil {
			return nil, err
		}
		twice = twice || seen[a.Index]
		seen[a.Index] = true
	}
	if !twice {
		return []rule{{conditions: args, action: act}}, nil
	}
	var rules []rule
	for _, a := range args {
		rules = append(rules, rule{conditions: []specs.LinuxSeccompArg{a}, action: act})
	}
	return rules, nil
}

// simplify drops what cannot matter: an unconditional rule wins over all others
// of its call, and rules behind it are never asked.
func simplify(rules []rule, fallback uint32) []rule {
	for _, r := range rules {
		if len(r.conditions) == 0 {
			return []rule{r}
		}
	}
	return append(rules, rule{action: fallback})
}

// segment is a run of numbers, from low up to the next segment, with one decision.
type segment struct {
	low   uint32
	rules []rule
}

// segments lists the decisions in the order of their numbers, from 0 on; equal
// neighbours are merged.
func (t *table) segments() []segment {
	numbers := make([]uint32, 0, len(t.rules))
	for nr := range t.rules {
		numbers = append(numbers, nr)
	}
	slices.Sort(numbers)
	var list []segment
	add := func(low uint32, rules []rule) {
		if n := len(list); n > 0 && sameDecision(list[n-1].rules, rules) {
			return
		}
		list = append(list, segment{low, rules})
	}
	fallback := []rule{{action: t.fallback}}
	unknown := []rule{{action: t.unknown()}}
	next := uint32(0)
	for _, nr := range numbers {
		switch {
		case nr > next && int64(next) > t.newest:
			add(next, unknown)
		case nr > next:
			add(next, fallback)
		}
		add(nr, t.rules[nr])
		next = nr + 1
	}
	add(next, unknown)
	return list
}

// unknown is the answer to calls that are younger than the profile.
func (t *table) unknown() uint32 {
	if t.fallback&unix.SECCOMP_RET_ACTION_FULL == unix.SECCOMP_RET_ERRNO && t.newest >= 0 {
		return unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	}
	return t.fallback
}

func sameDecision(a, b []rule) bool {
	return len(a) == 1 && len(b) == 1 &&
		len(a[0].conditions) == 0 && len(b[0].conditions) == 0 && a[0].action == b[0].action
}

// tree compiles the table into a search tree. The accumulator holds the number.
func (t *table) tree() []instruction { return searchTree(t.segments()) }

func searchTree(s []segment) []instruction {
	if len(s) == 1 {
		return decide(s[0].rules)
	}
	mid := len(s) / 2
	left, right := searchTree(s[:mid]), searchTree(s[mid:])
	return slices.Concat(branch(jge, s[mid].low, left), left, right)
}
