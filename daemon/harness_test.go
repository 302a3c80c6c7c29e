package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver/fake"
	"github.com/enginejobs/docker/graphdriver"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/mount"
	"github.com/enginejobs/docker/runconfig"
)

// fakeImages is an image store with one image, and layers that are directories.
type fakeImages struct {
	dir    string
	img    *image.Image
	failRm error

	mu     sync.Mutex // guards layers and mounts
	layers map[string]bool
	mounts int

	commits    []image.Commit
	failCommit error
}

func newImages(dir string) *fakeImages {
	img := &image.Image{ID: "sha256:" + strings.Repeat("ab", 32), RepoTags: []string{"busybox:latest"}, Size: 1000}
	img.Config = &runconfig.Config{Env: []string{"FROM=image"}, Cmd: runconfig.Strings{"true"}}
	return &fakeImages{dir: dir, img: img, layers: map[string]bool{}}
}

func (f *fakeImages) Image(ref string) (*image.Image, error) {
	if ref != "busybox" && ref != f.img.ID {
		return nil, errdefs.NotFound("No such image: %s:latest", ref)
	}
	return f.img, nil
}

func (f *fakeImages) CreateLayer(id string, _ *image.Image) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.layers[id] = true
	return nil
}

func (f *fakeImages) LayerOnImage(id string, img *image.Image) error { return f.CreateLayer(id, img) }

func (f *fakeImages) RemoveLayer(id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failRm != nil {
		return f.failRm
	}
	delete(f.layers, id)
	return nil
}

func (f *fakeImages) ContainerLayers() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.layers))
}

func (f *fakeImages) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.layers)
}

func (f *fakeImages) Mounts(id string) ([]mount.Mount, error) {
	return []mount.Mount{{Type: "overlay", Source: id}}, nil
}

func (f *fakeImages) ExpendableMounts(id string) ([]mount.Mount, error) {
	return []mount.Mount{{Type: "overlay", Source: id, Options: []string{"volatile"}}}, nil
}

func (f *fakeImages) MountLayer(string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mounts++
	return f.dir, nil
}

func (f *fakeImages) UnmountLayer(string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mounts--
	return nil
}

func (f *fakeImages) LayerSize(context.Context, string) (int64, error) { return 42, nil }
func (f *fakeImages) Changes(context.Context, string) ([]graphdriver.Change, error) {
	return []graphdriver.Change{{Path: "/new", Kind: graphdriver.ChangeAdd}}, nil
}
func (f *fakeImages) CommitName(_, tag string) error {
	if tag == "bad tag" {
		return errdefs.InvalidArgument("Illegal tag name (%s)", tag)
	}
	return nil
}
func (f *fakeImages) Commit(_ context.Context, c image.Commit) (*image.Image, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commits = append(f.commits, c)
	c.Read()
	return &image.Image{ID: "sha256:" + strings.Repeat("cd", 32)}, f.failCommit
}
func (f *fakeImages) DriverName() string        { return "fake" }
func (f *fakeImages) DriverStatus() [][2]string { return [][2]string{{"Root", f.dir}} }
func (f *fakeImages) ImageCount() int           { return 1 }
func (f *fakeImages) LayersSize() int64         { return 1000 }
func (f *fakeImages) LayerMetadata(id string) (map[string]string, error) {
	return map[string]string{"UpperDir": id}, nil
}

// fakeNames is a name store that lives as long as the test.
type fakeNames struct {
	mu    sync.Mutex // guards the rest
	names map[string]string
	full  int // so many calls of Purge fail
}

func (f *fakeNames) Create(name, id string, publish func() error) error {
	f.mu.Lock()
	_, taken := f.names[name]
	f.mu.Unlock()
	if taken {
		return errdefs.Conflict("the name %s is taken on disk", name)
	}
	if err := publish(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.names[name] = id
	return nil
}

func (f *fakeNames) Rename(oldName, newName string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	oldName, newName = oldName[1:], newName[1:]
	f.names[newName] = f.names[oldName]
	delete(f.names, oldName)
	return nil
}

func (f *fakeNames) Link(string, string, string) error { return nil }
func (f *fakeNames) Unlink(string, string) error       { return nil }

func (f *fakeNames) Purge(id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.full > 0 {
		f.full--
		return errdefs.Internal("forgetting %s: disk full", id)
	}
	for name, holder := range f.names {
		if holder == id {
			delete(f.names, name)
		}
	}
	return nil
}

func (f *fakeNames) Check(names map[string]string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.names = map[string]string{}
	for id, name := range names {
		f.names[name] = id
	}
	return nil
}

func (f *fakeNames) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.names)
}

// network is the fake of the network jobs: what is allocated now.
type network struct {
	mu        sync.Mutex // guards the rest
	next      int
	used      map[string]string // id → address
	ports     map[string]int    // id → count
	links     map[string]int
	fail      error
	allocates []map[string]string
	releases  []map[string]string
	named     []map[string]string
}

// last is the environment of the last allocate_interface.
func (n *network) last() map[string]string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.allocates[len(n.allocates)-1]
}

func (n *network) install(eng *engine.Engine) {
	eng.Replace("allocate_interface", func(job *engine.Job) error {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.fail != nil {
			return n.fail
		}
		n.allocates = append(n.allocates, job.Environ())
		ip := job.Getenv("RequestedIP")
		if ip == "" {
			n.next++
			ip = fmt.Sprintf("172.17.0.%d", n.next+1)
		}
		n.used[job.Args[0]] = ip
		name := job.Getenv("Network")
		if name != "" && name != "one" && name != "two" {
			return errdefs.NotFound("network %s not found", name)
		}
		if name == "" {
			name = "bridge"
		}
		return job.WriteJSON(map[string]any{
			"NetworkID": "id-" + name, "NetworkName": name,
			"IP": ip, "IPPrefixLen": 16, "Gateway": "172.17.0.1", "Bridge": "docker0", "MacAddress": "02:42:ac:11:00:02",
			"SandboxKey": "/proc/self/fd/9",
		})
	})
	eng.Replace("allocate_port", func(job *engine.Job) error {
		n.mu.Lock()
		defer n.mu.Unlock()
		port := job.Getenv("HostPort")
		if port == "9999" {
			return errdefs.Conflict("Bind for 0.0.0.0:9999 failed: port is already allocated")
		}
		if port == "" {
			port = "49153"
		}
		n.ports[job.Args[0]]++
		return job.WriteJSON(map[string]string{"HostIP": "0.0.0.0", "HostPort": port})
	})
	eng.Replace("release_interface", func(job *engine.Job) error {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.releases = append(n.releases, job.Environ())
		if job.GetenvBool("Running") {
			return nil
		}
		ip := n.used[job.Args[0]]
		maps.DeleteFunc(n.links, func(key string, _ int) bool { // as the firewall does
			parent, child, _ := strings.Cut(key, ">")
			return parent == ip || child == ip
		})
		delete(n.used, job.Args[0])
		delete(n.ports, job.Args[0])
		return nil
	})
	eng.Replace("network_inspect", func(job *engine.Job) error {
		switch name := strings.TrimPrefix(job.Args[0], "id-"); name {
		case "one", "two", "bridge", "host", "none":
			return job.WriteJSON(api.Network{Name: name, Id: "id-" + name, Driver: "bridge"})
		}
		return errdefs.NotFound("network %s not found", job.Args[0])
	})
	eng.Replace("name_interface", func(job *engine.Job) error {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.named = append(n.named, job.Environ())
		return nil
	})
	eng.Replace("link", func(job *engine.Job) error {
		n.mu.Lock()
		defer n.mu.Unlock()
		key := job.Getenv("ParentIP") + ">" + job.Getenv("ChildIP")
		if job.Args[0] == "-A" {
			n.links[key]++
		} else if n.links[key]--; n.links[key] <= 0 {
			delete(n.links, key)
		}
		return nil
	})
}

func (n *network) idle() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.used) == 0 && len(n.ports) == 0 && len(n.links) == 0
}

// fixture is a daemon with fakes all round.
type fixture struct {
	*Daemon
	t      testing.TB
	root   string
	eng    *engine.Engine
	world  *fake.World
	images *fakeImages
	names  *fakeNames
	net    *network
	events *journal
}

// journal records events as "action name".
type journal struct {
	mu   sync.Mutex // guards list
	list []string
}

func (j *journal) log(job *engine.Job) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var attrs map[string]string
	_ = job.GetenvJson("attributes", &attrs)
	line := job.Args[0]
	if code, ok := attrs["exitCode"]; ok {
		line += "=" + code
	}
	j.list = append(j.list, line)
	return nil
}

func (j *journal) take() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	text := strings.Join(j.list, " ")
	j.list = nil
	return text
}

// setup makes a fixture; mod may change the options.
func setup(t testing.TB, mod ...func(*Options)) *fixture {
	t.Helper()
	f := &fixture{t: t, root: t.TempDir(), world: fake.NewWorld(), names: &fakeNames{names: map[string]string{}}}
	f.images = newImages(t.TempDir())
	f.net = &network{used: map[string]string{}, ports: map[string]int{}, links: map[string]int{}}
	f.events = &journal{}
	f.eng = enginetest.New(t)
	f.net.install(f.eng)
	f.eng.Replace("log", f.events.log)
	f.boot(mod...)
	t.Cleanup(func() {
		f.crash()
		f.world.KillAll()
	})
	return f
}

// boot makes a daemon in the fixture's world, gives it the jobs of the one
// before, and restores it.
func (f *fixture) boot(mod ...func(*Options)) {
	f.t.Helper()
	opt := Options{
		Root: f.root, Engine: f.eng, Images: f.images, Exec: f.world.Driver(fake.Options{}), Names: f.names,
		Logf: func(format string, args ...any) { f.t.Logf(format, args...) }, Version: "test",
	}
	for _, m := range mod {
		m(&opt)
	}
	d, err := New(opt)
	if err != nil {
		f.t.Fatal(err)
	}
	f.Daemon = d
	if f.eng.Has("create") {
		for _, decl := range d.declarations() {
			f.eng.Replace(decl.Name, decl.Handler)
		}
	} else if err := d.Install(f.eng); err != nil {
		f.t.Fatal(err)
	}
	if err := d.Restore(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
}

// crash ends the daemon as a kill would: containers go on, nothing is saved.
func (f *fixture) crash() {
	f.t.Helper()
	f.opt.LiveRestore = true
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := f.Close(ctx); err != nil {
		f.t.Errorf("closing the daemon: %v", err)
	}
}

// config makes the documents of a container that runs a script of the fake.
func config(script string) (*runconfig.Config, *runconfig.HostConfig) {
	return &runconfig.Config{Image: "busybox", Cmd: runconfig.Strings{"sh", "-c", script}}, &runconfig.HostConfig{}
}

// create makes a container by job and returns its id.
func (f *fixture) create(name, script string, mod ...func(*runconfig.Config, *runconfig.HostConfig)) string {
	f.t.Helper()
	id, err := f.tryCreate(name, script, mod...)
	if err != nil {
		f.t.Fatalf("create %s: %v", name, err)
	}
	return id
}

func (f *fixture) tryCreate(name, script string, mod ...func(*runconfig.Config, *runconfig.HostConfig)) (string, error) {
	cfg, host := config(script)
	for _, m := range mod {
		m(cfg, host)
	}
	job := f.eng.Job("create", name)
	if err := job.SetenvJson("Config", cfg); err != nil {
		return "", err
	}
	if err := job.SetenvJson("HostConfig", host); err != nil {
		return "", err
	}
	var out api.ContainerCreated
	err := job.OutputJSON(&out)
	return out.Id, err
}

// run runs a job of the daemon that must succeed.
func (f *fixture) run(name string, args ...string) string {
	f.t.Helper()
	out, err := f.eng.Job(name, args...).Output()
	if err != nil {
		f.t.Fatalf("%s %v: %v", name, args, err)
	}
	return string(out)
}

// fails runs a job that must fail with a kind.
func (f *fixture) fails(kind errdefs.Kind, job *engine.Job) error {
	f.t.Helper()
	err := job.Run()
	if err == nil || errdefs.KindOf(err) != kind {
		f.t.Fatalf("%s %v: %v, want the kind %s", job.Name, job.Args, err, kind)
	}
	return err
}

// env sets keys of a job.
func env(job *engine.Job, pairs ...string) *engine.Job {
	for i := 0; i+1 < len(pairs); i += 2 {
		job.Setenv(pairs[i], pairs[i+1])
	}
	return job
}

func (f *fixture) inspect(name string) *api.ContainerInspect {
	f.t.Helper()
	var out api.ContainerInspect
	if err := json.Unmarshal([]byte(f.run("container_inspect", name)), &out); err != nil {
		f.t.Fatal(err)
	}
	return &out
}

// wait waits for a condition of a container and returns its code.
func (f *fixture) wait(name, condition string) int {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 10*time.Second)
	defer cancel()
	var out api.ContainerWait
	if err := env(f.eng.Job("wait", name), "condition", condition).SetContext(ctx).OutputJSON(&out); err != nil {
		f.t.Fatalf("wait %s %s: %v", name, condition, err)
	}
	return out.StatusCode
}

// eventually waits until ok.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not happen", what)
		}
	}
}

// empty checks that nothing of any container is left anywhere.
func (f *fixture) empty() {
	f.t.Helper()
	if entries, _ := os.ReadDir(filepath.Join(f.root, "containers")); len(entries) > 0 {
		f.t.Errorf("left in the container directory: %v", entries)
	}
	if entries, _ := os.ReadDir(filepath.Join(f.root, "volumes")); len(entries) > 0 {
		f.t.Errorf("left in the volume directory: %v", entries)
	}
	if n := f.images.count(); n > 0 || f.images.mounts != 0 {
		f.t.Errorf("%d layers and %d mounts left", n, f.images.mounts)
	}
	if n := f.names.count(); n > 0 || len(f.containers.names) > 0 {
		f.t.Errorf("names left: %v %v", f.names.names, f.containers.names)
	}
	if !f.net.idle() {
		f.t.Errorf("network left: %v %v %v", f.net.used, f.net.ports, f.net.links)
	}
	if states, _ := f.opt.Exec.Restore(f.t.Context()); len(states) > 0 {
		f.t.Errorf("exec driver records left: %v", states)
	}
}

// safeBuffer is a buffer for several goroutines.
type safeBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
