package builtins

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver/fake"
	"github.com/enginejobs/docker/graphdb"
	"github.com/enginejobs/docker/runconfig"
)

// The test binary runs itself as the daemon that gets killed.
const (
	faultDir     = "BUILTINS_FAULT_DIR"
	faultWorkers = 3
	faultRounds  = 25
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(faultDir); dir != "" {
		fmt.Println("fail", work(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// work runs a daemon and makes, starts, renames and removes containers for
// ever. It says what it is about to do and what has been answered.
func work(dir string) error {
	srv, err := New(config(nil, fake.NewWorld(), dir))
	if err != nil {
		return err
	}
	if err := srv.Start(context.Background()); err != nil {
		return err
	}
	list, err := inventory(srv.Engine())
	if err != nil {
		return err
	}
	failed := make(chan error)
	for w := range faultWorkers {
		own := map[string]string{}
		for i, c := range list {
			if i%faultWorkers == w {
				own[c.Id] = strings.TrimPrefix(c.Names[0], "/")
			}
		}
		go func() { failed <- worker(srv.Engine(), own) }()
	}
	return <-failed
}

func inventory(eng *engine.Engine) (list []api.ContainerSummary, err error) {
	job := eng.Job("containers")
	job.SetenvBool("all", true)
	return list, job.OutputJSON(&list)
}

// worker does what a client does, with containers of its own and names that
// others want too.
func worker(eng *engine.Engine, own map[string]string) error {
	for {
		id, name, op := "-", fmt.Sprint("name", rand.IntN(20)), "create"
		for id = range own {
			break
		}
		if r := rand.IntN(10); r > 3 && len(own) > 0 {
			op = []string{"start", "start", "rename", "rename", "remove", "remove"}[r-4]
		} else if id = "-"; r == 0 {
			op = "auto"
		}
		if op == "start" || op == "remove" {
			name = own[id]
		} else if id != "-" && name == own[id] {
			continue
		}
		fmt.Println("try", op, id, name)
		made, err := step(eng, op, id, name)
		switch {
		case errdefs.IsConflict(err) || errdefs.IsNotModified(err):
			fmt.Println("refused", op, id, name)
			continue
		case err != nil:
			return fmt.Errorf("%s %s: %w", op, id, err)
		}
		fmt.Println("done", op, made, name)
		switch op {
		case "create", "rename":
			own[made] = name
		case "remove":
			delete(own, id)
		}
	}
}

func step(eng *engine.Engine, op, id, name string) (string, error) {
	switch op {
	case "create", "auto":
		script := []string{"true", "sleep 0.01", "sleep 60", "tick 1000 0.002"}[rand.IntN(4)]
		job := eng.Job("create", name)
		cfg := &runconfig.Config{Image: "box", Cmd: runconfig.Strings{"sh", "-c", script}, Volumes: map[string]struct{}{"/data": {}}}
		if op == "auto" {
			cfg.Cmd, job = runconfig.Strings{"sh", "-c", "sleep 0.005"}, eng.Job("create")
		}
		if err := job.SetenvJson("Config", cfg); err != nil {
			return "", err
		}
		if err := job.SetenvJson("HostConfig", &runconfig.HostConfig{AutoRemove: op == "auto"}); err != nil {
			return "", err
		}
		var made api.ContainerCreated
		if err := job.OutputJSON(&made); err != nil || op == "create" {
			return made.Id, err
		}
		return made.Id, eng.Job("start", made.Id).Run()
	case "start":
		return id, eng.Job("start", id).Run()
	case "rename":
		return id, eng.Job("container_rename", id, name).Run()
	}
	job := eng.Job("rm", id)
	job.SetenvBool("forceRemove", true)
	job.SetenvBool("removeVolume", true)
	return id, job.Run()
}

// told is what the killed daemon has answered.
type told struct {
	names map[string]string // of what was made and not removed
	open  map[string]string // id → operation that was cut off
	made  int               // creations that were cut off
	steps int
}

// kill runs a daemon for a moment and kills it.
func (a *told) kill(t *testing.T, dir string) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), faultDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	a.open, a.made = map[string]string{}, 0
	var kill *time.Timer
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // also in the middle of a line
		}
		if kill == nil { // it works now
			kill = time.AfterFunc(time.Duration(rand.IntN(150_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
		}
		a.note(t, strings.Fields(line))
	}
	_ = cmd.Wait() // killed
}

func (a *told) note(t *testing.T, f []string) {
	if len(f) != 4 {
		t.Fatalf("the daemon said %q", f)
	}
	word, op, id, name := f[0], f[1], f[2], f[3]
	creates := op == "create" || op == "auto"
	switch {
	case word == "try" && creates:
		a.made++
	case word == "try":
		a.open[id] = op + " " + name
	case creates:
		a.made--
	default:
		delete(a.open, id)
	}
	if word != "done" {
		return
	}
	a.steps++
	switch op {
	case "create", "rename":
		a.names[id] = name
	case "remove":
		delete(a.names, id)
	}
}

// TestKilledAtAnyMoment kills a whole daemon again and again and looks, after
// each start of the next, whether everything that was answered is there and
// nothing else is.
func TestKilledAtAnyMoment(t *testing.T) {
	dir := tmpdir(t)
	b := boot(t, fake.NewWorld(), dir)
	b.do("POST", "/images/create?fromSrc=-&repo=box", archive(t), 200)
	b.do("POST", "/containers/create?name=first", strings.NewReader(`{"Image":"box","Cmd":["true"]}`), 201)
	b.do("DELETE", "/containers/first", nil, 204)
	b.close()
	base := listDir(t, filepath.Join(dir, "root/vfs/dir")) // of the image
	answers := &told{names: map[string]string{}}
	for round := range faultRounds {
		answers.kill(t, dir)
		b := boot(t, fake.NewWorld(), dir)
		alive := answers.compare(t, b.srv.Engine())
		b.close()
		ids := slices.Sorted(maps.Keys(alive))
		if dirs := listDir(t, filepath.Join(dir, "root/containers")); !slices.Equal(dirs, ids) {
			t.Errorf("directories %v, containers %v", dirs, ids)
		}
		layers := slices.DeleteFunc(listDir(t, filepath.Join(dir, "root/vfs/dir")), func(id string) bool { return slices.Contains(base, id) })
		if !slices.Equal(layers, ids) {
			t.Errorf("layers %v, containers %v", layers, ids)
		}
		if vols := listDir(t, filepath.Join(dir, "root/volumes")); len(vols) != len(ids) {
			t.Errorf("%d volumes for %d containers", len(vols), len(ids))
		}
		db, err := graphdb.Open(filepath.Join(dir, "root/linkgraph.db"))
		if err != nil {
			t.Fatal(err)
		}
		for id, name := range alive {
			if stored, _ := db.Name(id); stored != name {
				t.Errorf("container %.12s is called %q on disk, %q in the daemon", id, stored, name)
			}
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		answers.names = alive
		if t.Failed() {
			t.Fatalf("after round %d, cut off: %v", round, answers.open)
		}
	}
	t.Logf("%d steps in %d rounds", answers.steps, faultRounds)
	if answers.steps < faultRounds {
		t.Errorf("only %d steps were done in %d rounds", answers.steps, faultRounds)
	}
}

// compare checks the containers of a new daemon against what was answered and
// returns them.
func (a *told) compare(t *testing.T, eng *engine.Engine) map[string]string {
	list, err := inventory(eng)
	if err != nil {
		t.Fatal(err)
	}
	alive, unknown := map[string]string{}, 0
	for _, c := range list {
		name := strings.TrimPrefix(c.Names[0], "/")
		alive[c.Id] = name
		want, known := a.names[c.Id]
		if !known && !strings.HasPrefix(a.open[c.Id], "remove") {
			unknown++
		}
		if known && name != want && a.open[c.Id] != "rename "+name {
			t.Errorf("container %.12s is called %s, want %s (cut off: %q)", c.Id, name, want, a.open[c.Id])
		}
		var byName api.ContainerInspect
		if err := eng.Job("container_inspect", name).OutputJSON(&byName); err != nil || byName.Id != c.Id {
			t.Errorf("name %s of container %.12s leads to %.12s: %v", name, c.Id, byName.Id, err)
			continue
		}
		s := byName.State
		if s.Running || s.Status != "created" && s.Status != "exited" {
			t.Errorf("container %s is %s after its processes were lost", name, s.Status)
		}
		if byName.HostConfig.AutoRemove {
			t.Errorf("container %s should have removed itself", name)
		}
	}
	for id, name := range a.names {
		if _, ok := alive[id]; !ok && !strings.HasPrefix(a.open[id], "remove") {
			t.Errorf("container %.12s, called %s, is lost (cut off: %q)", id, name, a.open[id])
		}
	}
	if unknown > a.made {
		t.Errorf("%d containers that nobody made, %d creations were cut off", unknown, a.made)
	}
	return alive
}

func listDir(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
