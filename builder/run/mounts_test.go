package run

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// newRunner is one whose engine runs nothing: for what comes before the container.
func newRunner(t *testing.T, runtime string) *Runner {
	t.Helper()
	r, err := New(Options{Engine: engine.New(), Root: filepath.Join(t.TempDir(), "builder"), Runtime: runtime, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// memory is a directory on a tmpfs.
func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "run-test-") //nolint:usetesting // it has to be on a tmpfs
	if err != nil {
		t.Skipf("no memory file system: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestPrepare_Refuses(t *testing.T) {
	from := t.TempDir()
	for name, test := range map[string]struct {
		m    Mount
		kind errdefs.Kind
		text string
	}{
		"type":             {Mount{Type: "nfs", Target: "/x"}, errdefs.KindInvalidArgument, `unsupported mount type "nfs"`},
		"no target":        {Mount{Type: CacheT}, errdefs.KindInvalidArgument, "target must not be empty"},
		"root":             {Mount{Type: Tmpfs, Target: "/../"}, errdefs.KindInvalidArgument, "must not be the root"},
		"sharing":          {Mount{Type: CacheT, Target: "/x", Sharing: "all"}, errdefs.KindInvalidArgument, `sharing mode "all"`},
		"size":             {Mount{Type: Tmpfs, Target: "/x", Size: -1}, errdefs.KindInvalidArgument, "negative"},
		"zero byte":        {Mount{Type: Tmpfs, Target: "/x\x00"}, errdefs.KindInvalidArgument, "zero byte"},
		"bind of nothing":  {Mount{Type: Bind, Target: "/x", Source: "/etc"}, errdefs.KindInvalidArgument, "nothing to take"},
		"bind of none":     {Mount{Type: Bind, Target: "/x", From: from, Source: "none"}, errdefs.KindNotFound, `source "/none"`},
		"secret":           {Mount{Type: Secret}, errdefs.KindInvalidArgument, "needs an id"},
		"required":         {Mount{Type: Secret, ID: "a", Required: true}, errdefs.KindNotFound, "secret a: not found"},
		"large":            {Mount{Type: Secret, ID: "a", Data: make([]byte, MaxSecret+1)}, errdefs.KindInvalidArgument, "at most 512000"},
		"variable":         {Mount{Type: Secret, ID: "a", Data: []byte("x"), Env: "A=B"}, errdefs.KindInvalidArgument, "no variable"},
		"value":            {Mount{Type: Secret, ID: "a", Data: []byte("x\x00"), Env: "A"}, errdefs.KindInvalidArgument, "no variable"},
		"agent":            {Mount{Type: SSH, Required: true, ID: "k"}, errdefs.KindNotFound, `no SSH key "k" forwarded`},
		"agent is gone":    {Mount{Type: SSH, Socket: filepath.Join(from, "none")}, errdefs.KindNotFound, "there is no socket"},
		"agent is a thing": {Mount{Type: SSH, Socket: from}, errdefs.KindNotFound, "there is no socket"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRunner(t, "")
			req := Request{Mounts: []Mount{{Type: CacheT, Target: "/first"}, test.m}}
			_, err := r.Run(t.Context(), req)
			if err == nil || errdefs.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.text) {
				t.Errorf("%v", err)
			}
			if list, err := r.Caches(t.Context()); err != nil || slices.ContainsFunc(list, func(c Cache) bool { return c.InUse }) {
				t.Errorf("a cache is still in use: %+v %v", list, err)
			}
			if left, _ := os.ReadDir(r.scratchRoot()); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

func TestPrepare_Secrets(t *testing.T) {
	runtime := memory(t)
	r := newRunner(t, runtime)
	p, err := r.prepare(t.Context(), &Request{Mounts: []Mount{
		{Type: Secret, ID: "a", Data: []byte("one"), UID: os.Getuid(), GID: os.Getgid()},
		{Type: Secret, ID: "b", Data: []byte("two"), Env: "B"},
		{Type: Secret, Target: "/c", Data: []byte(""), Env: "C", UID: os.Getuid(), GID: os.Getgid()},
		{Type: Secret, ID: "d"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(p.env, []string{"B=two", "C="}) {
		t.Errorf("variables %v", p.env)
	}
	var targets []string
	for _, m := range p.mounts {
		targets = append(targets, m.Target)
		if !strings.HasPrefix(m.Source, runtime) || !m.ReadOnly {
			t.Errorf("%+v", m)
		}
	}
	if want := []string{"/run/secrets/a", "/c"}; !slices.Equal(targets, want) || !slices.Equal(p.stubs, want) {
		t.Errorf("targets %v, stubs %v", targets, p.stubs)
	}
	text, err := os.ReadFile(p.mounts[0].Source)
	info, _ := os.Stat(p.mounts[0].Source)
	if err != nil || string(text) != "one" || info.Mode() != 0o400 {
		t.Errorf("%q %v %v", text, info.Mode(), err)
	}
	if err := p.done(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(r.secretRoot()); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if _, err := os.Lstat(r.opt.Root); err == nil {
		t.Error("something was made on the disk")
	}
}

func TestPrepare_SecretsNeverOnADisk(t *testing.T) {
	dir := t.TempDir()
	if inMemory(dir) {
		t.Skip("temporary files are in memory here")
	}
	r := newRunner(t, dir)
	p, err := r.prepare(t.Context(), &Request{Mounts: []Mount{{Type: Secret, ID: "a", Data: []byte("one")}}})
	if err != nil { // as nobody
		if errdefs.KindOf(err) != errdefs.KindUnavailable {
			t.Error(err)
		}
		return
	}
	if !inMemory(p.mounts[0].Source) {
		t.Errorf("%s is on a disk", p.mounts[0].Source)
	}
	if err := p.done(); err != nil {
		t.Error(err)
	}
}

func TestPrepare_Agents(t *testing.T) {
	r := newRunner(t, "")
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	mounts := []Mount{
		{Type: SSH, Socket: socket, UID: os.Getuid(), GID: os.Getgid()},
		{Type: SSH, ID: "second", Socket: socket, Target: "/agent", UID: os.Getuid(), GID: os.Getgid()},
	}
	p, err := r.prepare(t.Context(), &Request{Mounts: mounts})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(p.env, []string{"SSH_AUTH_SOCK=/run/buildkit/ssh_agent.0"}) || p.mounts[1].Target != "/agent" {
		t.Errorf("%v %+v", p.env, p.mounts)
	}
	// Somebody who stays connected does not hold the end up.
	c, err := net.Dial("unix", p.mounts[0].Source)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := p.done(); err != nil {
		t.Error(err)
	}
	own := &Request{Config: &runconfig.Config{Env: []string{"SSH_AUTH_SOCK=/mine"}}, Mounts: mounts}
	if p, err = r.prepare(t.Context(), own); err != nil || len(p.env) > 0 {
		t.Errorf("%v %v", p, err)
	}
	if err := p.done(); err != nil {
		t.Error(err)
	}
}

func TestPrepare_Targets(t *testing.T) {
	r := newRunner(t, "")
	req := &Request{Config: &runconfig.Config{WorkingDir: "work"}, Mounts: []Mount{
		{Type: Tmpfs, Target: "a/../b"}, {Type: Tmpfs, Target: "/c//d/"}, {Type: Tmpfs, Target: "../../e"},
	}}
	p, err := r.prepare(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"/work/b", "/c/d", "/e"}; !slices.Equal(p.stubs, want) {
		t.Errorf("%v, want %v", p.stubs, want)
	}
	if req.Mounts[0].Target != "a/../b" {
		t.Error("the request was changed")
	}
}

// TestPrepare_SameCacheTwice: a command does not wait for itself.
func TestPrepare_SameCacheTwice(t *testing.T) {
	r := newRunner(t, "")
	p, err := r.prepare(t.Context(), &Request{Mounts: []Mount{
		{Type: CacheT, ID: "a", Target: "/x", Sharing: Locked}, {Type: CacheT, ID: "a", Target: "/y", Sharing: Locked, ReadOnly: true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if p.mounts[0].Source != p.mounts[1].Source || p.mounts[0].ReadOnly || !p.mounts[1].ReadOnly {
		t.Errorf("%+v", p.mounts)
	}
	if err := p.done(); err != nil {
		t.Error(err)
	}
}
