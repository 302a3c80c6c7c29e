package builtins

import (
	"slices"
	"strings"
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/execdriver/fake"
	"github.com/enginejobs/docker/networkdriver/null"
)

// everyJob boots a daemon, adds the network jobs (a daemon without a bridge has
// none) and describes what is on the engine.
func everyJob(t *testing.T) map[string]engine.JobDescription {
	t.Helper()
	world := fake.NewWorld()
	defer world.KillAll()
	b := boot(t, world, tmpdir(t))
	eng := b.srv.Engine()
	net := engine.New()
	if err := null.Install(net); err != nil {
		t.Fatal(err)
	}
	if err := net.Job("init_networkdriver").Run(); err != nil {
		t.Fatal(err)
	}
	jobs := map[string]engine.JobDescription{}
	for _, e := range []*engine.Engine{net, eng} {
		for _, name := range e.Commands() {
			jobs[name], _ = e.Describe(name)
		}
	}
	return jobs
}

// These lists are what access policies and limits stand on: a read-only client
// may run the readers and nothing else, and limits count what does not wait. A
// new job is entered here by whoever has thought about it.
var (
	readers = []string{
		"auth", "build_caches", "commands", "container_archive", "container_archive_stat", "container_changes", "container_copy", "container_inspect", "exec_inspect", "container_stats", "containers", "distribution_inspect", "events", "export", "history",
		"image_export", "image_get", "image_inspect", "image_tarlayer", "images", "images_check", "info", "job_list", "job_trace", "jobs", "logs", "metrics", "network_inspect", "networks", "registry_config", "resolve_index", "resolve_repository", "search", "subscribers_count", "system_df",
		"top", "version", "viz", "volume_inspect", "volumes", "wait",
	}
	changers = []string{
		"acceptconnections", "allocate_interface", "allocate_port", "attach", "build", "build_prune", "commit", "container_archive_put", "container_exited", "container_rename", "container_update", "containers_prune",
		"create", "exec_create", "exec_resize", "exec_start", "image_append", "image_delete", "image_set", "image_squash", "image_tag", "images_prune", "import", "init_networkdriver", "initserver", "insert", "job_cancel", "kill", "link", "load",
		"log", "name_interface", "network_connect", "network_create", "network_disconnect", "network_rm", "networks_prune", "pause", "pull", "push", "release_interface", "resize", "restart", "rm", "serveapi", "start", "stop", "tag", "unpause", "volume_create", "volume_rm", "volumes_prune",
	}
	waiters = []string{"attach", "build", "container_stats", "events", "exec_start", "job_trace", "logs", "restart", "serveapi", "stop", "wait"}
	control = []string{"job_cancel", "jobs", "metrics"}
	secrets = []string{"auth authConfig", "build authConfig", "build buildargs", "build configFile", "build secrets", "commit changes", "commit config", "commit containerConfig", "create Config", "create hiddenEnv", "distribution_inspect authConfig", "exec_create Env", "image_append Spec", "import SRC", "import changes", "insert URL", "pull authConfig", "push authConfig", "search authConfig", "volume_create options"}
)

func TestEveryJobSaysWhetherItChangesAndWaits(t *testing.T) {
	var read, change, wait, look, secret []string
	for name, d := range everyJob(t) {
		if !d.Declared {
			t.Errorf("job %s is on the engine without a declaration", name)
		}
		if d.Changes {
			change = append(change, name)
		} else {
			read = append(read, name)
		}
		if d.Waits {
			wait = append(wait, name)
		}
		if d.Control {
			look = append(look, name)
		}
		for _, a := range d.Args {
			if a.Secret {
				secret = append(secret, name+" "+a.Name)
			}
		}
		for _, k := range d.Env {
			if k.Secret {
				secret = append(secret, name+" "+k.Name)
			}
		}
	}
	for _, c := range []struct {
		what      string
		got, want []string
	}{
		{"only read", read, readers}, {"change something", change, changers}, {"wait", wait, waiters},
		{"look after the engine", look, control}, {"are secret", secret, secrets},
	} {
		slices.Sort(c.got)
		for _, name := range c.got {
			if !slices.Contains(c.want, name) {
				t.Errorf("%s: declared to %s, which is not expected", name, c.what)
			}
		}
		for _, name := range c.want {
			if !slices.Contains(c.got, name) {
				t.Errorf("%s: not declared to %s", name, c.what)
			}
		}
	}
}

// TestSummaries: what help shows reads as one list: a sentence for a job, a
// phrase for each argument and key.
func TestSummaries(t *testing.T) {
	for name, d := range everyJob(t) {
		verb, _, _ := strings.Cut(d.Summary, " ")
		switch {
		case !strings.HasSuffix(d.Summary, "."), len(d.Summary) > 100:
			t.Errorf("%s: %q is not one short sentence", name, d.Summary)
		case verb == "" || verb[0] < 'A' || verb[0] > 'Z' || strings.HasSuffix(verb, "s"):
			t.Errorf("%s: %q does not begin with a verb as one commands it", name, d.Summary)
		}
		phrase := func(of, text string) {
			if text == "" || strings.HasSuffix(text, ".") {
				t.Errorf("%s %s: %q is not a phrase", name, of, text)
			}
		}
		for _, a := range d.Args {
			phrase(a.Name, a.Summary)
		}
		for _, k := range d.Env {
			phrase(k.Name, k.Summary)
		}
	}
}
