package seccomp

import (
	"bufio"
	"embed"
	"fmt"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// abi is one way to call the kernel, with its own numbers.
type abi struct {
	name  specs.Arch
	audit uint32 // AUDIT_ARCH_ value of seccomp_data.arch
	mark  uint32 // bit that is set in every number (x32), or 0
	file  string // name and number of each system call
}

// x32Bit is __X32_SYSCALL_BIT of the kernel's asm/unistd.h.
const x32Bit = 0x40000000

// knownABIs lists what this package has numbers for, native ABIs first.
var knownABIs = []struct {
	goarch string
	abis   []abi
}{
	{"amd64", []abi{
		{specs.ArchX86_64, unix.AUDIT_ARCH_X86_64, 0, "amd64"},
		{specs.ArchX32, unix.AUDIT_ARCH_X86_64, x32Bit, "x32"},
		{specs.ArchX86, unix.AUDIT_ARCH_I386, 0, "386"},
	}},
	{"arm64", []abi{
		{specs.ArchAARCH64, unix.AUDIT_ARCH_AARCH64, 0, "arm64"},
		{specs.ArchARM, unix.AUDIT_ARCH_ARM, 0, "arm"},
	}},
}

// abisOf selects the ABIs that a profile allows on a machine. The native one is
// always among them; a profile for other machines selects nothing more.
func abisOf(goarch string, wanted []specs.Arch) ([]abi, error) {
	for _, k := range knownABIs {
		if k.goarch != goarch {
			continue
		}
		list := k.abis[:1:1]
		for _, a := range k.abis[1:] {
			for _, w := range wanted {
				if w == a.name {
					list = append(list, a)
					break
				}
			}
		}
		return list, nil
	}
	return nil, fmt.Errorf("there is no table of system calls for %s, use unconfined", goarch)
}

// syscallTables holds a file per ABI with lines of a name and a number. They are
// text and not Go maps so that they cost nothing until a profile is compiled.
//
//go:generate go run generate.go
//go:embed syscalls/*.txt
var syscallTables embed.FS

// numbers reads the table of an ABI. Numbers do not contain its mark.
func (a abi) numbers() (map[string]uint32, error) {
	f, err := syscallTables.Open("syscalls/" + a.file + ".txt")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m := make(map[string]uint32, 512)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, number, ok := strings.Cut(lines.Text(), " ")
		if !ok || name == "#" {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("table of %s: %w", a.name, err)
		}
		m[name] = uint32(n)
	}
	return m, nil
}
