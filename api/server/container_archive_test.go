package server

import (
	"testing"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
)

func TestContainerCopy_Versions(t *testing.T) {
	noFile := errdefs.NotFound("Could not find the file /f in container x")
	noBox := errdefs.NotFound("No such container: x")
	for _, c := range []struct {
		path, body string
		fault      error
		code       int
		answer     string
	}{
		{"/v1.14/containers/x/copy", `{"Resource":"/f"}`, nil, 200, "tar"},
		{"/v1.23/containers/x/copy", `{"Resource":"/f"}`, nil, 200, "tar"},
		{"/v1.24/containers/x/copy", `{"Resource":"/f"}`, nil, 404, ""},
		{"/v1.14/containers/x/copy", `{"Resource":""}`, nil, 500, "Path cannot be empty\n"},
		{"/v1.14/containers/x/copy", `{"Resource":"/f"}`, noFile, 500, noFile.Error() + "\n"},
		{"/v1.14/containers/x/copy", `{"Resource":"/f"}`, noBox, 404, ""},
	} {
		b := newBench(t)
		f := enginetest.Fake(b.eng, "container_copy")
		f.Stdout, f.Err = "tar", c.fault
		if c.fault != nil {
			f.Stdout = ""
		}
		if w := b.do("POST", c.path, c.body); w.Code != c.code || w.Body.String() != c.answer {
			t.Errorf("%s %s: %d %q", c.path, c.body, w.Code, w.Body)
		}
	}
}

// TestContainerArchive_Header: what is archived stands in the header, however the
// job's output is cut into pieces.
func TestContainerArchive_Header(t *testing.T) {
	for _, stdout := range []string{"{}\n\n", "{\"name\":\"f\"}\nthe archive\nand more"} {
		b := newBench(t)
		b.fake("container_archive", stdout)
		w := b.do("GET", "/containers/x/archive?path=/f", "")
		if w.Code != 200 || w.Header().Get(api.PathStatHeader) == "" || w.Header().Get("Content-Type") != "application/x-tar" {
			t.Errorf("%q: %d %v", stdout, w.Code, w.Header())
		}
	}
}
