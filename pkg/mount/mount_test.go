package mount

import (
	"strings"
	"testing"
)

func TestSplit(t *testing.T) {
	flags, propagation, data := Split([]string{"ro", "nosuid", "rbind", "rslave", "lowerdir=a:b", "", "mode=755", "suid"})
	if want := uintptr(msRdonly | msBind | msRec); flags != want {
		t.Errorf("flags %#x, want %#x", flags, want)
	}
	if want := uintptr(msSlave | msRec); propagation != want {
		t.Errorf("propagation %#x, want %#x", propagation, want)
	}
	if got := strings.Join(data, ","); got != "lowerdir=a:b,mode=755" {
		t.Errorf("data %q", got)
	}
}
