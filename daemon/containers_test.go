package daemon

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// ps lists the names that a query gives.
func (f *fixture) ps(pairs ...string) string {
	f.t.Helper()
	out, err := env(f.eng.Job("containers"), pairs...).Output()
	if err != nil {
		f.t.Fatalf("containers %v: %v", pairs, err)
	}
	var rows []api.ContainerSummary
	if err := json.Unmarshal(out, &rows); err != nil {
		f.t.Fatal(err)
	}
	var names []string
	for _, r := range rows {
		names = append(names, strings.TrimPrefix(r.Names[0], "/"))
	}
	return strings.Join(names, " ")
}

func TestContainers_Queries(t *testing.T) {
	f := setup(t)
	f.create("c1", "exit 3", func(c *runconfig.Config, _ *runconfig.HostConfig) { c.Labels = map[string]string{"a": "1", "b": "2"} })
	f.create("c2", "sleep 60", func(c *runconfig.Config, h *runconfig.HostConfig) {
		c.ExposedPorts = map[runconfig.Port]struct{}{"80/tcp": {}}
		h.PortBindings = runconfig.PortMap{"80/tcp": {{HostPort: "8080"}}}
		h.Binds = []string{"vol:/data"}
	})
	id3 := f.create("c3", "true", func(c *runconfig.Config, h *runconfig.HostConfig) {
		c.Labels = map[string]string{"a": "2"}
		h.NetworkMode = "none"
	})
	f.run("start", "c1")
	f.wait("c1", "not-running")
	f.run("start", "c2")
	for query, want := range map[string]string{
		"":                              "c2",
		"all=1":                         "c3 c2 c1",
		"limit=2":                       "c3 c2",
		"since=c1":                      "c3 c2",
		"before=c3":                     "c2 c1",
		`filters={"status":["exited"]}`: "c1",
		`filters={"status":["created","running"]}`: "c3 c2",
		`filters={"exited":["3"]}`:                 "c1",
		`filters={"exited":["0"]}`:                 "",
		`all=1 filters={"name":["^c[12]$"]}`:       "c2 c1",
		`all=1 filters={"name":{"c3":true}}`:       "c3",
		`all=1 filters={"id":["` + id3[:9] + `"]}`: "c3",
		`all=1 filters={"label":["a"]}`:            "c3 c1",
		`all=1 filters={"label":["a=1","b"]}`:      "c1",
		`all=1 filters={"ancestor":["busybox"]}`:   "c3 c2 c1",
		`all=1 filters={"ancestor":["nope"]}`:      "",
		`all=1 filters={"before":["c2"]}`:          "c1",
		`all=1 filters={"since":["c2"]}`:           "c3",
		`all=1 filters={"volume":["vol"]}`:         "c2",
		`all=1 filters={"network":["none"]}`:       "c3",
		`filters={"publish":["8000-8100"]}`:        "c2",
		`all=1 filters={"expose":["80/tcp"]}`:      "c2",
		`all=1 filters={"is-task":["true"]}`:       "",
		`all=1 filters={"health":["none"]}`:        "c3 c2 c1",
	} {
		var pairs []string
		for _, kv := range strings.Fields(query) {
			key, value, _ := strings.Cut(kv, "=")
			pairs = append(pairs, key, value)
		}
		if got := f.ps(pairs...); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	f.fails(errdefs.KindNotFound, env(f.eng.Job("containers"), "since", "nobody"))
	for _, bad := range []string{`{"foo":["x"]}`, `{"status":["happy"]}`, `{"exited":["x"]}`, `{"publish":["x"]}`, `{"name":3}`, `[]`} {
		f.fails(errdefs.KindInvalidArgument, env(f.eng.Job("containers"), "filters", bad))
	}
}

func TestContainers_Row(t *testing.T) {
	f := setup(t)
	f.create("db", "sleep 60", func(c *runconfig.Config, h *runconfig.HostConfig) {
		c.Cmd = append(c.Cmd, "two words")
		h.PortBindings = runconfig.PortMap{"80/tcp": {{HostPort: "8080"}}}
	})
	f.create("web", "true", func(_ *runconfig.Config, h *runconfig.HostConfig) { h.Links = []string{"db:store"} })
	f.run("start", "db")
	var rows []api.ContainerSummary
	if err := env(f.eng.Job("containers"), "size", "1").OutputJSON(&rows); err != nil {
		t.Fatal(err)
	}
	r := rows[0]
	if !slices.Equal(r.Names, []string{"/db", "/web/store"}) || r.Command != "sh -c 'sleep 60' 'two words'" {
		t.Errorf("%+v", r)
	}
	if len(r.Ports) != 1 || r.Ports[0].PublicPort != 8080 || r.State != "running" || !strings.HasPrefix(r.Status, "Up ") {
		t.Errorf("%+v", r)
	}
	if *r.SizeRw != 42 || *r.SizeRootFs != 1042 || r.NetworkSettings.Networks["bridge"].IPAddress == "" {
		t.Errorf("%+v", r)
	}
}

func BenchmarkContainers500(b *testing.B) {
	f := setup(b)
	for i := range 500 {
		f.create(fmt.Sprintf("c%03d", i), "true", func(_ *runconfig.Config, h *runconfig.HostConfig) { h.AutoRemove = true })
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := env(f.eng.Job("containers"), "all", "1").Output(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRunRm is create, start, end and removal with fakes: the daemon's own
// share of run --rm.
func BenchmarkRunRm(b *testing.B) { benchmarkRun(b, true) }

// BenchmarkRunKeep is the same without AutoRemove, so with everything fsynced.
func BenchmarkRunKeep(b *testing.B) { benchmarkRun(b, false) }

func benchmarkRun(b *testing.B, auto bool) {
	f := setup(b)
	b.ReportAllocs()
	for b.Loop() {
		id := f.create("", "true", func(_ *runconfig.Config, h *runconfig.HostConfig) { h.AutoRemove = auto })
		c := f.containers.byID(id)
		f.run("start", id)
		if !auto {
			f.wait(id, "not-running")
			f.run("rm", id)
			continue
		}
		if _, err := c.until(b.Context(), func(s *snapshot) bool { return s.state.Phase == removed }); err != nil {
			b.Fatal(err)
		}
	}
}
