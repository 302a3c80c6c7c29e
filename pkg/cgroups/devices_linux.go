package cgroups

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// On the unified hierarchy devices are guarded by a program on the group. Its
// input is three 32-bit words: access<<16|type, major, minor. It answers 1 for
// allowed. Registers: r1 input, r2 type, r3 access, r4 major, r5 minor.

// insn is one instruction of the kernel's virtual machine.
type insn struct {
	code     byte
	dst, src byte
	off      int16
	imm      int32
}

const (
	opLoadWord = 0x61 // dst = *(u32 *)(src + off)
	opMovImm   = 0xb7 // dst = imm
	opMovReg   = 0xbf // dst = src
	opAndImm32 = 0x54 // dst = (u32)dst & imm
	opShrImm32 = 0x74 // dst = (u32)dst >> imm
	opNeImm    = 0x55 // if dst != imm skip off
	opExit     = 0x95

	deviceBlock = 1
	deviceChar  = 2
	accessMknod = 1
	accessRead  = 2
	accessWrite = 4
)

// deviceProgram answers with the rules, in their order; what none allows is
// denied.
func deviceProgram(rules []Rule) []insn {
	p := []insn{
		{opLoadWord, 2, 1, 0, 0}, {opMovReg, 3, 2, 0, 0},
		{opAndImm32, 2, 0, 0, 0xffff}, {opShrImm32, 3, 0, 0, 16},
		{opLoadWord, 4, 1, 4, 0}, {opLoadWord, 5, 1, 8, 0},
	}
	for _, r := range rules {
		var tests []insn // each skips to the next rule; off is set below
		switch r.Type {
		case 'c':
			tests = append(tests, insn{opNeImm, 2, 0, 0, deviceChar})
		case 'b':
			tests = append(tests, insn{opNeImm, 2, 0, 0, deviceBlock})
		}
		if forbidden := 7 &^ accessBits(r.Permissions); forbidden != 0 {
			tests = append(tests, insn{opMovReg, 0, 3, 0, 0}, insn{opAndImm32, 0, 0, 0, forbidden},
				insn{opNeImm, 0, 0, 0, 0})
		}
		if r.Major >= 0 {
			tests = append(tests, insn{opNeImm, 4, 0, 0, int32(r.Major)})
		}
		if r.Minor >= 0 {
			tests = append(tests, insn{opNeImm, 5, 0, 0, int32(r.Minor)})
		}
		tests = append(tests, insn{opMovImm, 0, 0, 0, 1}, insn{opExit, 0, 0, 0, 0})
		for i := range tests {
			if tests[i].code == opNeImm {
				tests[i].off = int16(len(tests) - i - 1)
			}
		}
		p = append(p, tests...)
	}
	return append(p, insn{opMovImm, 0, 0, 0, 0}, insn{opExit, 0, 0, 0, 0})
}

func accessBits(permissions string) int32 {
	var bits int32
	for _, a := range [...]struct {
		letter string
		bit    int32
	}{{"m", accessMknod}, {"r", accessRead}, {"w", accessWrite}} {
		if strings.Contains(permissions, a.letter) {
			bits |= a.bit
		}
	}
	return bits
}

func assemble(p []insn) []byte {
	b := make([]byte, 0, len(p)*8)
	for _, i := range p {
		b = append(b, i.code, i.src<<4|i.dst)
		b = binary.NativeEndian.AppendUint16(b, uint16(i.off))
		b = binary.NativeEndian.AppendUint32(b, uint32(i.imm))
	}
	return b
}

func bpf(cmd uintptr, attr unsafe.Pointer, size uintptr) (int, error) {
	// A signal that is pending, such as the Go runtime's own, makes the check of
	// a program give up.
	for range 100 {
		r, _, e := unix.Syscall(unix.SYS_BPF, cmd, uintptr(attr), size)
		if e == 0 {
			return int(r), nil
		}
		if e != unix.EAGAIN && e != unix.EINTR {
			return 0, e
		}
	}
	return 0, unix.EAGAIN
}

// allowDevices puts the program for the rules on a group. It lives as long as
// the group.
func allowDevices(dir string, rules []Rule) error {
	code := assemble(deviceProgram(rules))
	license := []byte("Apache-2.0\x00")
	load := struct {
		kind, count    uint32
		insns, license uint64
		level, size    uint32
		buf            uint64
		version, flags uint32
	}{
		kind: unix.BPF_PROG_TYPE_CGROUP_DEVICE, count: uint32(len(code) / 8),
		insns: uint64(uintptr(unsafe.Pointer(&code[0]))), license: uint64(uintptr(unsafe.Pointer(&license[0]))),
	}
	prog, err := bpf(unix.BPF_PROG_LOAD, unsafe.Pointer(&load), unsafe.Sizeof(load))
	runtime.KeepAlive(code)
	runtime.KeepAlive(license)
	if err != nil {
		return fmt.Errorf("loading device rules of cgroup %s: %w", dir, err)
	}
	defer unix.Close(prog)
	group, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening cgroup %s: %w", dir, err)
	}
	defer unix.Close(group)
	attach := struct{ target, prog, kind, flags uint32 }{
		uint32(group), uint32(prog), unix.BPF_CGROUP_DEVICE, unix.BPF_F_ALLOW_MULTI,
	}
	if _, err := bpf(unix.BPF_PROG_ATTACH, unsafe.Pointer(&attach), unsafe.Sizeof(attach)); err != nil {
		return fmt.Errorf("guarding devices of cgroup %s: %w", dir, err)
	}
	return nil
}
