package seccomp

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// instruction is struct sock_filter of linux/filter.h.
type instruction struct {
	code   uint16
	jt, jf uint8
	k      uint32
}

const (
	instructionSize = 8
	maxInstructions = unix.BPF_MAXINSNS
	maxArgs         = 6
	farthest        = 255 // a conditional jump has eight bits for its distance
)

// Operation codes. The accumulator is the only register that is used.
const (
	ld  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	and = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
	ret = unix.BPF_RET | unix.BPF_K
	ja  = unix.BPF_JMP | unix.BPF_JA
	jeq = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	jgt = unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K
	jge = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
)

// Offsets in struct seccomp_data of linux/seccomp.h. Arguments are 64 bits wide;
// both supported machines are little endian, so the lower half comes first.
const (
	offNumber = 0
	offArch   = 4
	offArgs   = 16
)

func marshal(prog []instruction) []byte {
	b := make([]byte, 0, len(prog)*instructionSize)
	for _, i := range prog {
		b = binary.NativeEndian.AppendUint16(b, i.code)
		b = append(b, i.jt, i.jf)
		b = binary.NativeEndian.AppendUint32(b, i.k)
	}
	return b
}

// branch is a jump that goes past skipped when the comparison holds and into it
// when not.
func branch(code uint16, k uint32, skipped []instruction) []instruction {
	if len(skipped) <= farthest {
		return []instruction{{code, uint8(len(skipped)), 0, k}}
	}
	return []instruction{{code, 0, 1, k}, {code: ja, k: uint32(len(skipped))}}
}

// dispatch puts the trees of the ABIs behind a look at the architecture. A call
// through any other ABI kills its thread, as libseccomp's filters do.
func dispatch(abis []abi, tree func(abi) ([]instruction, error)) ([]instruction, error) {
	prog := []instruction{{code: ret, k: unix.SECCOMP_RET_KILL_THREAD}}
	for _, group := range slices.Backward(byAudit(abis)) {
		body := []instruction{{code: ld, k: offNumber}}
		for _, a := range slices.Backward(group) { // the marked ABI is looked at first
			t, err := tree(a)
			if err != nil {
				return nil, err
			}
			if a.mark == 0 {
				body = append(body, t...)
				continue
			}
			body = append(body, marked(a.mark, t)...)
		}
		if !hasMark(group) && group[0].audit == unix.AUDIT_ARCH_X86_64 {
			// Numbers of x32 are none of this ABI.
			bad := []instruction{{code: ret, k: unix.SECCOMP_RET_KILL_THREAD}}
			body = slices.Insert(body, 1, append([]instruction{{jge, 0, 1, x32Bit}}, bad...)...)
		}
		// Not this architecture: past the body.
		head := branch(jeq, group[0].audit, []instruction{{code: ja}})
		head = append(head, instruction{code: ja, k: uint32(len(body))})
		prog = slices.Concat(head, body, prog)
	}
	return slices.Concat([]instruction{{code: ld, k: offArch}}, prog), nil
}

// marked runs a tree on numbers that have the mark, without it.
func marked(mark uint32, tree []instruction) []instruction {
	body := slices.Concat([]instruction{{code: and, k: ^mark}}, tree)
	// jge true: into the body; false: past it.
	return slices.Concat([]instruction{{jge, 1, 0, mark}, {code: ja, k: uint32(len(body))}}, body)
}

func hasMark(group []abi) bool {
	return slices.ContainsFunc(group, func(a abi) bool { return a.mark != 0 })
}

// byAudit groups ABIs that share an architecture value, in their order.
func byAudit(abis []abi) [][]abi {
	var groups [][]abi
	for _, a := range abis {
		i := slices.IndexFunc(groups, func(g []abi) bool { return g[0].audit == a.audit })
		if i < 0 {
			groups = append(groups, []abi{a})
			continue
		}
		groups[i] = append(groups[i], a)
	}
	return groups
}

// decide returns the action of the first rule whose conditions hold. The last
// rule has none.
func decide(rules []rule) []instruction {
	var code []instruction
	for _, r := range slices.Backward(rules) {
		block := []instruction{{code: ret, k: r.action}}
		for _, c := range slices.Backward(r.conditions) {
			block = append(compare(c, len(block)), block...)
		}
		code = append(block, code...)
	}
	return code
}

func checkCondition(c specs.LinuxSeccompArg) error {
	if c.Index >= maxArgs {
		return fmt.Errorf("argument index %d is out of range, a system call has %d", c.Index, maxArgs)
	}
	switch c.Op {
	case specs.OpEqualTo, specs.OpNotEqual, specs.OpMaskedEqual,
		specs.OpGreaterThan, specs.OpGreaterEqual, specs.OpLessThan, specs.OpLessEqual:
		return nil
	}
	return fmt.Errorf("operator %q is not supported", c.Op)
}

// compare continues behind its own end when the condition holds, and skip
// instructions further when it does not. A 64-bit comparison is one of the upper
// halves and, when those are equal, one of the lower halves.
func compare(c specs.LinuxSeccompArg, skip int) []instruction {
	upper, lower := uint32(c.Value>>32), uint32(c.Value)
	low := uint32(offArgs + 8*c.Index)
	ldUpper, ldLower := instruction{code: ld, k: low + 4}, instruction{code: ld, k: low}
	no := uint8(skip)
	switch c.Op {
	case specs.OpMaskedEqual:
		return []instruction{
			ldUpper, {code: and, k: upper}, {jeq, 0, no + 3, uint32(c.ValueTwo >> 32)},
			ldLower, {code: and, k: lower}, {jeq, 0, no, uint32(c.ValueTwo)},
		}
	case specs.OpNotEqual:
		return []instruction{ldUpper, {jeq, 0, 2, upper}, ldLower, {jeq, no, 0, lower}}
	case specs.OpGreaterThan:
		return []instruction{ldUpper, {jgt, 3, 0, upper}, {jeq, 0, no + 2, upper}, ldLower, {jgt, 0, no, lower}}
	case specs.OpGreaterEqual:
		return []instruction{ldUpper, {jgt, 3, 0, upper}, {jeq, 0, no + 2, upper}, ldLower, {jge, 0, no, lower}}
	case specs.OpLessThan:
		return []instruction{ldUpper, {jgt, no + 3, 0, upper}, {jeq, 0, 2, upper}, ldLower, {jge, no, 0, lower}}
	case specs.OpLessEqual:
		return []instruction{ldUpper, {jgt, no + 3, 0, upper}, {jeq, 0, 2, upper}, ldLower, {jgt, no, 0, lower}}
	}
	return []instruction{ldUpper, {jeq, 0, no + 2, upper}, ldLower, {jeq, 0, no, lower}}
}
