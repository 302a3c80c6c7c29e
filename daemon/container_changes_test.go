package daemon

import (
	"testing"

	"github.com/enginejobs/docker/errdefs"
)

func TestContainerChanges(t *testing.T) {
	f := setup(t)
	f.fails(errdefs.KindNotFound, f.eng.Job("container_changes", "nobody"))
	f.create("one", "true")
	if got := f.run("container_changes", "one"); got != `[{"Path":"/new","Kind":1}]`+"\n" {
		t.Errorf("got %s", got)
	}
}
