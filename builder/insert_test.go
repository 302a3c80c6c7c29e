package builder_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
)

func TestInsert(t *testing.T) {
	eng := newEngine(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/f" {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, "text")
	}))
	defer srv.Close()
	id := strings.TrimSpace(enginetest.MustRun(t, eng.Job("insert", "box", srv.URL+"/f", "/d/a file")))
	doc := inspect(t, eng, id)
	if len(doc.RootFS.Layers) != 2 {
		t.Errorf("%+v", doc)
	}
	job := eng.Job("insert", "box", srv.URL+"/f", "/d/a file")
	job.SetenvBool("json", true)
	if got := enginetest.MustRun(t, job); !strings.HasSuffix(strings.TrimSpace(got), `{"status":"`+id+`"}`) || !strings.Contains(got, "Downloading") {
		t.Errorf("again: %s, before %s", got, id)
	}
	for name, c := range map[string]struct {
		args []string
		kind errdefs.Kind
	}{
		"no image":   {[]string{"none", srv.URL + "/f", "/f"}, errdefs.KindNotFound},
		"two lines":  {[]string{"box\nRUN x", srv.URL + "/f", "/f"}, errdefs.KindInvalidArgument},
		"no URL":     {[]string{"box", "/etc/passwd", "/f"}, errdefs.KindInvalidArgument},
		"not there":  {[]string{"box", srv.URL + "/none", "/f"}, errdefs.KindNotFound},
		"no path":    {[]string{"box", srv.URL + "/f", ""}, errdefs.KindInvalidArgument},
		"the root":   {[]string{"box", srv.URL + "/f", "//"}, errdefs.KindInvalidArgument},
		"no file":    {[]string{"box", srv.URL + "/f", "/d/"}, errdefs.KindInvalidArgument},
		"only dots":  {[]string{"box", srv.URL + "/f", "/.."}, errdefs.KindInvalidArgument},
		"other URLs": {[]string{"box", "file:///etc/passwd", "/f"}, errdefs.KindInvalidArgument},
	} {
		if _, err := eng.Job("insert", c.args...).Output(); !errdefs.Is(err, c.kind) {
			t.Errorf("%s: %v (%v)", name, err, errdefs.KindOf(err))
		}
	}
}
