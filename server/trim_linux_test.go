package server

import (
	"os"
	"os/user"
	"strings"
	"testing"
)

// TestCleanMappings: what was written is not dropped, be it read-only now.
func TestCleanMappings(t *testing.T) {
	const smaps = `00400000-00403000 r--p 00000000 fe:00 123 /bin/docker
Size:                 12 kB
Anonymous:             0 kB
VmFlags: rd mr mw me
00403000-00b06000 r-xp 00003000 fe:00 123 /bin/docker
Anonymous:             0 kB
01180000-01183000 r--p 00d7f000 fe:00 123 /bin/docker
Anonymous:            12 kB
01183000-011ea000 rw-p 00d82000 fe:00 123 /bin/docker
Anonymous:             0 kB
7f0000000000-7f0000001000 r--p 00000000 fe:00 124 /lib/libc.so.6
Anonymous:             0 kB
7ffd00000000-7ffd00002000 r-xp 00000000 00:00 0 [vdso]
Anonymous:             0 kB
c000000000-c000400000 r--p 00000000 00:00 0
Anonymous:             0 kB
`
	got := cleanMappings(smaps, "/bin/docker")
	want := []mapping{{0x400000, 0x3000}, {0x403000, 0x703000}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %x, want %x", got, want)
	}
}

// TestForgetProgram: this program goes on, with C functions too (the look-up of
// a user goes through them).
func TestForgetProgram(t *testing.T) {
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), self) || len(cleanMappings(string(text), self)) == 0 {
		t.Error("the program is not found in its own memory")
	}
	for range 3 {
		forgetProgram()
		if _, err := user.LookupId("0"); err != nil {
			t.Error(err)
		}
	}
}
