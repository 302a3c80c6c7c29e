package daemon

import (
	"os"
	"path/filepath"
	"testing"
)

// spareFixture has an empty directory of containers and spare ones beside it.
func spareFixture(t *testing.T) (p *spares, containers string) {
	root := t.TempDir()
	containers = filepath.Join(root, "containers")
	ok(t, os.Mkdir(containers, 0o700))
	p = &spares{dir: filepath.Join(root, spareDir)}
	t.Cleanup(p.close)
	return p, containers
}

func (p *spares) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.names)
}

func TestSpares(t *testing.T) {
	p, containers := spareFixture(t)
	dir := filepath.Join(containers, "a")
	ok(t, p.take(dir))
	info, err := os.Stat(filepath.Join(dir, configFile))
	if err != nil || info.Size() != 0 || info.Mode() != 0o600 {
		t.Fatalf("%v %v", info, err)
	}
	if p.take(dir) == nil {
		t.Error("one directory for two")
	}
	eventually(t, "directories made ahead", func() bool { return p.count() == spareMade })
	ok(t, p.take(filepath.Join(containers, "b")), os.WriteFile(filepath.Join(dir, configFile), []byte("secret"), 0o600))
	if n := p.count(); n != spareMade-1 {
		t.Errorf("%d are left", n)
	}
	if !p.leave(dir) {
		t.Fatal("one that was not used is not kept")
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("it is still there")
	}
	ok(t, p.take(dir))
	if text, err := os.ReadFile(filepath.Join(dir, configFile)); err != nil || len(text) > 0 {
		t.Errorf("the next container finds %q %v", text, err)
	}
	ok(t, os.WriteFile(filepath.Join(dir, "hosts"), nil, 0o600))
	if p.leave(dir) {
		t.Error("one that was used is kept")
	}
	ok(t, os.RemoveAll(dir), os.Mkdir(dir, 0o700), os.Symlink("/etc/passwd", filepath.Join(dir, configFile)))
	if p.leave(dir) {
		t.Error("a symbolic link is kept")
	}
	if p.leave(filepath.Join(containers, "nobody")) {
		t.Error("what is not there is kept")
	}
}

func TestSpares_Limits(t *testing.T) {
	p, containers := spareFixture(t)
	ok(t, os.Mkdir(p.dir, 0o700))
	kept := 0
	for range spareMost + 5 {
		dir := filepath.Join(containers, "x")
		ok(t, os.Mkdir(dir, 0o700), makeEmpty(filepath.Join(dir, configFile)))
		if p.leave(dir) {
			kept++
		}
		ok(t, os.RemoveAll(dir))
	}
	if kept != spareMost || p.count() != spareMost {
		t.Errorf("%d are kept", kept)
	}
	p.close()
	if p.leave(containers) {
		t.Error("kept after the close")
	}
}

// The next daemon takes what is in order, and leaves the rest alone.
func TestSpares_Adopt(t *testing.T) {
	p, containers := spareFixture(t)
	p.adopt() // there are none
	for name, size := range map[string]int64{"7": 0, "12": 5, "text": 0} {
		dir := filepath.Join(p.dir, name)
		ok(t, os.MkdirAll(dir, 0o700), makeEmpty(filepath.Join(dir, configFile)), os.Truncate(filepath.Join(dir, configFile), size))
	}
	ok(t, os.MkdirAll(filepath.Join(p.dir, "9"), 0o700))
	p.adopt()
	if n := p.count(); n != 1 {
		t.Errorf("%d are taken", n)
	}
	ok(t, p.take(filepath.Join(containers, "a")))
	if _, err := os.Stat(filepath.Join(p.dir, "7")); err == nil {
		t.Error("another one was taken")
	}
	if name, _ := p.name(1); name != "13" {
		t.Errorf("the next new one is %s", name)
	}
}
