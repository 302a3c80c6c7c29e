package access_test

import (
	"os"
	"strings"
	"testing"

	"github.com/enginejobs/docker/engine/access"
)

// TestDocumentedPolicies reads every example of the page that documents them.
func TestDocumentedPolicies(t *testing.T) {
	page, err := os.ReadFile("../../docs/api/access.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := strings.Split(string(page), "```json\n")[1:]
	if len(examples) == 0 {
		t.Fatal("there is no example")
	}
	for _, rest := range examples {
		text, _, _ := strings.Cut(rest, "```")
		p, err := access.Parse("/etc/docker/access.json", []byte(text))
		if err != nil {
			t.Error(err)
			continue
		}
		eng := jobs(t)
		got := p.Authorize(job(eng, "attach", client("tls:ci-7")))
		if got == nil || !strings.Contains(strings.Join(strings.Fields(string(page)), " "), got.Error()) {
			t.Errorf("the page does not show the error %v", got)
		}
	}
}
