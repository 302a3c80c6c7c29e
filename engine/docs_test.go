package engine_test

import (
	"strings"
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
)

func TestWriteDocs(t *testing.T) {
	eng := enginetest.New(t)
	must(t, eng.Declare(stopDeclaration(nop)))
	must(t, eng.Register("wild", nop))
	page := func(name string) string {
		d, ok := eng.Describe(name)
		if !ok {
			t.Fatalf("%s is not registered", name)
		}
		var b strings.Builder
		must(t, engine.WriteDocs(&b, d))
		return b.String()
	}
	stop := page("stop")
	for _, want := range []string{
		"# stop\n\nStop a container.\n\n    stop CONTAINER [MORE...]\n\n",
		"It changes state. Stdin carries nothing, stdout one JSON document.\n",
		"| `MORE` | optional, repeatable |  |\n", "| `t` | int | `10` |  |\n", "| `token` | int, secret |  |  |\n",
	} {
		if !strings.Contains(stop, want) {
			t.Errorf("%q is not in:\n%s", want, stop)
		}
	}
	if wild := page("wild"); !strings.Contains(wild, "without a declaration") {
		t.Errorf("got:\n%s", wild)
	}
}
