package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/runconfig"
)

type docs = func(*runconfig.Config, *runconfig.HostConfig)

func TestCreate_OK(t *testing.T) {
	f := setup(t)
	id := f.create("web", "exit 3", func(c *runconfig.Config, h *runconfig.HostConfig) {
		c.Env = []string{"A=b"}
		c.Labels = map[string]string{"k": "v"}
	})
	got := f.inspect("web")
	if got.Id != id || got.Name != "/web" || got.Path != "sh" || got.State.Status != "created" {
		t.Fatalf("inspect: %+v", got)
	}
	if strings.Join(got.Config.Env, " ") != "A=b FROM=image" || got.Config.Hostname != id[:12] {
		t.Errorf("the image's config was not merged: %+v", got.Config)
	}
	if got.HostConfig.NetworkMode != "bridge" || got.HostConfig.ShmSize != 64<<20 || got.HostConfig.LogConfig.Type != "json-file" {
		t.Errorf("defaults: %+v", got.HostConfig)
	}
	for _, ref := range []string{id, "/web", id[:10]} {
		if f.inspect(ref).Id != id {
			t.Errorf("%s does not lead to the container", ref)
		}
	}
	if ev := f.events.take(); ev != "create" {
		t.Errorf("events %q", ev)
	}
	f.run("rm", "web")
	f.empty()
}

func TestCreate_NamesAreMadeUp(t *testing.T) {
	f := setup(t)
	seen := map[string]bool{}
	for range 20 {
		name := f.inspect(f.create("", "true")).Name
		if seen[name] || !strings.Contains(name, "_") {
			t.Fatalf("name %q", name)
		}
		seen[name] = true
	}
}

func TestCreate_Refusals(t *testing.T) {
	f := setup(t)
	f.create("taken", "true")
	host := func(set func(h *runconfig.HostConfig)) docs {
		return func(_ *runconfig.Config, h *runconfig.HostConfig) { set(h) }
	}
	for what, tc := range map[string]struct {
		name string
		kind errdefs.Kind
		text string
		set  docs
	}{
		"image":     {"x1", errdefs.KindNotFound, "No such image", func(c *runconfig.Config, _ *runconfig.HostConfig) { c.Image = "nope" }},
		"no image":  {"x1", errdefs.KindInvalidArgument, "no image", func(c *runconfig.Config, _ *runconfig.HostConfig) { c.Image = "" }},
		"name":      {"a b", errdefs.KindInvalidArgument, "Invalid container name", nil},
		"short":     {"a", errdefs.KindInvalidArgument, "Invalid container name", nil},
		"taken":     {"taken", errdefs.KindConflict, "already in use by container", nil},
		"command":   {"x1", errdefs.KindInvalidArgument, "No command specified", func(c *runconfig.Config, _ *runconfig.HostConfig) { c.Cmd = runconfig.Strings{""} }},
		"dir":       {"x1", errdefs.KindInvalidArgument, "working directory", func(c *runconfig.Config, _ *runconfig.HostConfig) { c.WorkingDir = "rel" }},
		"env":       {"x1", errdefs.KindInvalidArgument, "environment variable", func(c *runconfig.Config, _ *runconfig.HostConfig) { c.Env = []string{"=x"} }},
		"signal":    {"x1", errdefs.KindInvalidArgument, "Invalid signal", func(c *runconfig.Config, _ *runconfig.HostConfig) { c.StopSignal = "SIGFOO" }},
		"memory":    {"x1", errdefs.KindInvalidArgument, "Minimum memory limit", host(func(h *runconfig.HostConfig) { h.Memory = 1024 })},
		"swap":      {"x1", errdefs.KindInvalidArgument, "memoryswap", host(func(h *runconfig.HostConfig) { h.Memory, h.MemorySwap = 64<<20, 32<<20 })},
		"cpus":      {"x1", errdefs.KindInvalidArgument, "range of CPUs", host(func(h *runconfig.HostConfig) { h.NanoCpus = 1 << 50 })},
		"cpuset":    {"x1", errdefs.KindInvalidArgument, "cpuset cpus", host(func(h *runconfig.HostConfig) { h.CpusetCpus = "0-" })},
		"cap":       {"x1", errdefs.KindInvalidArgument, "Unknown capability to add", host(func(h *runconfig.HostConfig) { h.CapAdd = runconfig.Strings{"FLY"} })},
		"secopt":    {"x1", errdefs.KindInvalidArgument, "security-opt", host(func(h *runconfig.HostConfig) { h.SecurityOpt = []string{"foo"} })},
		"bind":      {"x1", errdefs.KindInvalidArgument, "destination can't be '/'", host(func(h *runconfig.HostConfig) { h.Binds = []string{"/a:/"} })},
		"bind mode": {"x1", errdefs.KindInvalidArgument, "invalid mode", host(func(h *runconfig.HostConfig) { h.Binds = []string{"/a:/b:rx"} })},
		"bind rel":  {"x1", errdefs.KindInvalidArgument, "must be absolute", host(func(h *runconfig.HostConfig) { h.Binds = []string{"a/b:/b"} })},
		"twice":     {"x1", errdefs.KindInvalidArgument, "Duplicate mount point", host(func(h *runconfig.HostConfig) { h.Binds = []string{"/a:/b", "/c:/b"} })},
		"restart":   {"x1", errdefs.KindInvalidArgument, "invalid restart policy", host(func(h *runconfig.HostConfig) { h.RestartPolicy.Name = "maybe" })},
		"rm+always": {"x1", errdefs.KindInvalidArgument, "AutoRemove", host(func(h *runconfig.HostConfig) { h.AutoRemove, h.RestartPolicy.Name = true, "always" })},
		"link":      {"x1", errdefs.KindInvalidArgument, "Could not get container for db", host(func(h *runconfig.HostConfig) { h.Links = []string{"db:db"} })},
		"port":      {"x1", errdefs.KindInvalidArgument, "port specification", host(func(h *runconfig.HostConfig) { h.PortBindings = runconfig.PortMap{"x/tcp": nil} })},
		"ulimit":    {"x1", errdefs.KindInvalidArgument, "ulimit", host(func(h *runconfig.HostConfig) { h.Ulimits = []runconfig.Ulimit{{Name: "no", Soft: 1, Hard: 2}} })},
		"log":       {"x1", errdefs.KindInvalidArgument, "log driver", host(func(h *runconfig.HostConfig) { h.LogConfig.Type = "syslog" })},
		"sysctl":    {"x1", errdefs.KindInvalidArgument, "sysctl", host(func(h *runconfig.HostConfig) { h.Sysctls = map[string]string{"kernel.panic": "1"} })},
		"from":      {"x1", errdefs.KindInvalidArgument, "impossible to mount", host(func(h *runconfig.HostConfig) { h.VolumesFrom = []string{"nobody"} })},
		"mount": {"x1", errdefs.KindInvalidArgument, "does not exist", host(func(h *runconfig.HostConfig) {
			h.Mounts = []runconfig.Mount{{Type: "bind", Source: "/not/there", Target: "/x"}}
		})},
	} {
		set := tc.set
		if set == nil {
			set = func(*runconfig.Config, *runconfig.HostConfig) {}
		}
		_, err := f.tryCreate(tc.name, "true", set)
		if errdefs.KindOf(err) != tc.kind || err == nil || !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%s: %v, want %q of kind %s", what, err, tc.text, tc.kind)
		}
	}
	f.run("rm", "taken")
	f.empty()
}

func TestCreate_NoConfig(t *testing.T) {
	f := setup(t)
	f.fails(errdefs.KindInvalidArgument, f.eng.Job("create"))
	f.fails(errdefs.KindInvalidArgument, env(f.eng.Job("create"), "Config", "null"))
	f.fails(errdefs.KindInvalidArgument, env(f.eng.Job("create"), "Config", "{"))
}

func TestCreate_Warns(t *testing.T) {
	f := setup(t, func(o *Options) { o.ProcDir = t.TempDir() })
	cfg, host := config("true")
	host.KernelMemory = 1 << 30
	job := f.eng.Job("create")
	if err := job.SetenvJson("Config", cfg); err != nil {
		t.Fatal(err)
	}
	if err := job.SetenvJson("HostConfig", host); err != nil {
		t.Fatal(err)
	}
	res := enginetest.Run(job)
	if res.Err != nil || !strings.Contains(res.Stderr, "IPv4 forwarding is disabled") || !strings.Contains(res.Stderr, "Kernel memory") {
		t.Fatalf("%v, %q", res.Err, res.Stderr)
	}
}

func TestCreate_VolumesAreFilledAndLeaveWithRm(t *testing.T) {
	f := setup(t)
	if err := os.MkdirAll(filepath.Join(f.images.dir, "data/sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	f.create("vol", "true", func(c *runconfig.Config, h *runconfig.HostConfig) {
		c.Volumes = map[string]struct{}{"/data": {}}
		h.Binds = []string{"named:/data2:ro"}
		h.Tmpfs = map[string]string{"/tmp": "exec,size=1m"}
	})
	mounts := f.inspect("vol").Mounts
	if len(mounts) != 3 || mounts[0].Type != "volume" || mounts[1].Name != "named" || mounts[1].RW || mounts[2].Type != "tmpfs" {
		t.Fatalf("mounts: %+v", mounts)
	}
	if _, err := os.Stat(filepath.Join(mounts[0].Source, "sub")); err != nil {
		t.Errorf("the volume was not filled: %v", err)
	}
	f.create("heir", "true", func(_ *runconfig.Config, h *runconfig.HostConfig) { h.VolumesFrom = []string{"vol:ro"} })
	if m := f.inspect("heir").Mounts; len(m) != 2 || m[0].Source != mounts[0].Source || m[0].RW {
		t.Errorf("volumes-from: %+v", m)
	}
	if err := env(f.eng.Job("rm", "vol"), "removeVolume", "1").Run(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(mounts[0].Source); err != nil {
		t.Errorf("a volume in use was removed: %v", err)
	}
	f.run("rm", "heir")
	for _, name := range []string{mounts[0].Name, "named"} {
		if err := f.volumes.Remove(name); err != nil {
			t.Error(err)
		}
	}
	f.empty()
}

func TestCreate_FailureLeavesNothing(t *testing.T) {
	f := setup(t)
	f.names.names["ghost"] = "other" // taken on disk only: the last step fails
	_, err := f.tryCreate("ghost", "true", func(c *runconfig.Config, _ *runconfig.HostConfig) {
		c.Volumes = map[string]struct{}{"/data": {}}
	})
	if !errdefs.IsConflict(err) {
		t.Fatal(err)
	}
	delete(f.names.names, "ghost")
	f.empty()
}

func TestCreateForAPlatform(t *testing.T) {
	img := &image.Image{Document: image.Document{OS: "linux", Architecture: "amd64"}}
	for platform, want := range map[string]errdefs.Kind{
		"linux/arm64": errdefs.KindNotFound, "windows": errdefs.KindNotFound,
		"linux/amd64/v1/x": errdefs.KindInvalidArgument, "/amd64": errdefs.KindInvalidArgument,
	} {
		if err := checkPlatform(platform, "x", img); errdefs.KindOf(err) != want {
			t.Errorf("%s: %v, want %v", platform, err, want)
		}
	}
	for _, platform := range []string{"", "linux", "Linux/amd64", "linux/amd64/v1"} {
		if err := checkPlatform(platform, "x", img); err != nil {
			t.Errorf("%s: %v", platform, err)
		}
	}
}

// TestCreate_LinkWithoutAlias: the name of the other container serves as alias.
func TestCreate_LinkWithoutAlias(t *testing.T) {
	f := setup(t)
	f.create("db", "true")
	f.create("web", "true", func(_ *runconfig.Config, h *runconfig.HostConfig) { h.Links = []string{"db"} })
	if got := f.inspect("web").HostConfig.Links; len(got) != 1 || got[0] != "/db:/web/db" {
		t.Errorf("links %v", got)
	}
}
