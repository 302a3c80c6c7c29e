//go:build ignore

// Generate writes syscalls/*.txt: the numbers of golang.org/x/sys/unix, and for
// x32 those of the kernel's header, completed with what all 64-bit ABIs share
// from number 424 on (see the kernel's arch/x86/entry/syscalls/syscall_64.tbl).
package main

import (
	"bufio"
	"fmt"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const sharedFrom = 424

func main() {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys").Output()
	if err != nil {
		log.Fatal(err)
	}
	x := filepath.Join(strings.TrimSpace(string(dir)), "unix")
	goConst := regexp.MustCompile(`^\s*SYS_(\w+)\s*=\s*(\d+)`)
	var amd64 map[string]int
	for _, arch := range []string{"amd64", "386", "arm64", "arm"} {
		m := read(filepath.Join(x, "zsysnum_linux_"+arch+".go"), goConst, 0)
		if arch == "amd64" {
			amd64 = m
		}
		if arch == "arm" {
			maps.Copy(m, map[string]int{"breakpoint": 0xf0001, "cacheflush": 0xf0002, "set_tls": 0xf0005})
		}
		write(arch, m)
	}
	define := regexp.MustCompile(`^#define __NR_(\w+) \(__X32_SYSCALL_BIT \+ (\d+)\)`)
	x32 := read("/usr/include/x86_64-linux-gnu/asm/unistd_x32.h", define, 0)
	for name, nr := range amd64 {
		if nr >= sharedFrom {
			x32[name] = nr
		}
	}
	write("x32", x32)
}

func read(path string, line *regexp.Regexp, base int) map[string]int {
	f, err := os.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	m := map[string]int{}
	for s := bufio.NewScanner(f); s.Scan(); {
		if g := line.FindStringSubmatch(s.Text()); g != nil {
			n, err := strconv.Atoi(g[2])
			if err != nil {
				log.Fatal(err)
			}
			m[strings.ToLower(g[1])] = n - base
		}
	}
	return m
}

func write(arch string, m map[string]int) {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if m[a] != m[b] {
			return m[a] - m[b]
		}
		return strings.Compare(a, b)
	})
	var b strings.Builder
	b.WriteString("# Made by generate.go.\n")
	for _, name := range names {
		fmt.Fprintf(&b, "%s %d\n", name, m[name])
	}
	if err := os.WriteFile("syscalls/"+arch+".txt", []byte(b.String()), 0o644); err != nil {
		log.Fatal(err)
	}
}
