package enginetest

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Golden compares a text with a file, and writes the file instead when the test
// runs with the flag -update or with UPDATE_GOLDEN=1. The flag is that of the
// test itself, which this package leaves to it:
//
//	var _ = flag.Bool("update", false, "write the golden files")
func Golden(t testing.TB, file, got string) {
	t.Helper()
	if updating() {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil { //nolint:gosec // a source file like others
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		t.Fatalf("%s does not exist; UPDATE_GOLDEN=1 writes it:\n%s", file, got)
	case err != nil:
		t.Fatal(err)
	case string(want) != got:
		t.Errorf("%s differs (- is the file, + is this run); UPDATE_GOLDEN=1 accepts it:\n%s", file, differences(string(want), got))
	}
}

func updating() bool {
	if os.Getenv("UPDATE_GOLDEN") == "1" {
		return true
	}
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}

// differences shows the lines that two texts do not share at their beginning
// and at their end.
func differences(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	from := 0
	for from < min(len(w), len(g)) && w[from] == g[from] {
		from++
	}
	end := 0
	for end < min(len(w), len(g))-from && w[len(w)-1-end] == g[len(g)-1-end] {
		end++
	}
	var b strings.Builder
	fmt.Fprintf(&b, "line %d:\n", from+1)
	for _, line := range w[from : len(w)-end] {
		b.WriteString("-" + line + "\n")
	}
	for _, line := range g[from : len(g)-end] {
		b.WriteString("+" + line + "\n")
	}
	return b.String()
}
