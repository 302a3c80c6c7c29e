package integration

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/enginejobs/docker/integration/daemonproc"
	"github.com/enginejobs/docker/integration/dockerdproc"
)

// TestRecordTranscripts writes what the ancestor answers into the transcripts. It
// runs only in namespaces that are its own: hack/make.sh compare makes them.
func TestRecordTranscripts(t *testing.T) {
	what := os.Getenv("ENGINEJOBS_RECORD")
	if what == "" {
		t.Skip("records the answers of dockerd in namespaces of its own: hack/make.sh compare")
	}
	for _, file := range transcripts(t) {
		if ok, err := filepath.Match(what, strings.TrimSuffix(filepath.Base(file), ".txt")); err != nil || !ok {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			steps := readTranscript(t, file)
			var told [len(typists)][][]string
			for client, typist := range typists {
				d := dockerdproc.StartAlone(t)
				d.Import(t, daemonproc.MustAsset(t, "busybox"), "busybox")
				p := newTypist(t, d.Host(), typist.program)
				for _, s := range steps {
					if s.command != "" {
						told[client] = append(told[client], p.answer(t, s.command))
					}
				}
			}
			if err := os.WriteFile(file, []byte(recorded(steps, told)), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// recorded is the transcript with the answers told, in the order of the commands.
// Our own answers stay, the second client's only where its own are others.
func recorded(steps []*step, told [len(typists)][][]string) string {
	var out strings.Builder
	lines := func(a *said) {
		for _, line := range a.answer {
			out.WriteString("  " + line + "\n")
		}
		if a.why != "" {
			out.WriteString(a.why + "\n")
		}
		for _, line := range a.ours {
			out.WriteString("  " + line + "\n")
		}
	}
	n := 0
	for _, s := range steps {
		out.WriteString(s.text + "\n")
		if s.command == "" {
			continue
		}
		first, second := *s.of(0), *s.of(1)
		first.answer, second.answer = told[0][n], told[1][n]
		lines(&first)
		if !slices.Equal(first.answer, second.answer) || first.why != second.why || !slices.Equal(first.ours, second.ours) {
			out.WriteString(secondMark + "\n")
			lines(&second)
		}
		n++
	}
	return out.String()
}
