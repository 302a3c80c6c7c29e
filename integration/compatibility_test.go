package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCompatibilityPage keeps docs/compatibility.md: every command line of the
// transcripts, whether both engines answer it alike, and why not. That the
// transcripts tell the truth is what TestOfficialTranscripts finds out. With
// UPDATE=1 the page is written.
func TestCompatibilityPage(t *testing.T) {
	const page = "../docs/compatibility.md"
	want := compatibilityPage(t)
	if os.Getenv("UPDATE") == "1" {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the transcripts say: UPDATE=1 go test -run TestCompatibilityPage ./integration", page)
	}
}

func compatibilityPage(t *testing.T) string {
	t.Helper()
	var table strings.Builder
	commands, same, reasons := 0, [len(typists)]int{}, map[string]bool{}
	for _, file := range transcripts(t) {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		fmt.Fprintf(&table, "\n## %s\n\n| Command line | 28.2 | 20.10 |\n| --- | --- | --- |\n", name)
		for _, s := range readTranscript(t, file) {
			if s.command == "" {
				continue
			}
			commands++
			fmt.Fprintf(&table, "| %s |", code(s.command))
			for client := range typists {
				a := s.of(client)
				if a.why == "" {
					same[client]++
					table.WriteString(" same |")
					continue
				}
				why := strings.TrimPrefix(a.why, "~ ")
				reasons[why] = true
				fmt.Fprintf(&table, " %s |", strings.ReplaceAll(why, "|", "\\|"))
			}
			table.WriteString("\n")
		}
	}
	return fmt.Sprintf(`# Compatibility

Written by TestCompatibilityPage; what it says is what TestOfficialTranscripts has
found by typing every line. The command lines of integration/testdata/official are typed
by the official client of today (28.2) and by the one of Debian (20.10), to this engine
and to dockerd 20.10, both in API 1.41. Exit code, standard output and standard error
are compared line by line, but for identifiers and times. "same" means to the letter;
else the cell is the reason, and the transcript has both answers.

**%d command lines: with the client 28.2 %d are answered the same and %d differently,
with the client 20.10 %d and %d, for %d reasons.**
%s`, commands, same[0], commands-same[0], same[1], commands-same[1], len(reasons), table.String())
}

// code is text as code in a cell.
func code(text string) string {
	text = strings.ReplaceAll(text, "|", "\\|")
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		return fence + " " + text + " " + fence
	}
	return fence + text + fence
}
