package daemon

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/enginejobs/docker/runconfig"
)

// cut ends the daemon without letting its log be settled, damages the disk as a
// power cut may, and starts the next one.
func (f *fixture) cut(damage func(dir func(id string) string)) {
	f.t.Helper()
	log := map[string][]byte{}
	for _, name := range []string{"containers.log.0", "containers.log.1"} {
		if text, err := os.ReadFile(filepath.Join(f.root, name)); err == nil {
			log[name] = text
		}
	}
	f.crash()
	for name, text := range log {
		if err := os.WriteFile(filepath.Join(f.root, name), text, 0o600); err != nil {
			f.t.Fatal(err)
		}
	}
	damage(func(id string) string { return filepath.Join(f.Daemon.root, id) })
	f.boot()
}

func ok(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// Whatever a power cut takes of the files, what create has answered is there, as
// it was, and what rm has answered is not.
func TestLedger_PowerCut(t *testing.T) {
	f := setup(t)
	id := map[string]string{}
	names := []string{"whole", "none", "empty", "half", "zeros", "making", "file", "folder", "old"}
	for _, name := range names {
		id[name] = f.create(name, "true", func(c *runconfig.Config, h *runconfig.HostConfig) {
			c.Labels = map[string]string{"text": strings.Repeat(name, 2000)}
			h.Binds = []string{"data:/data"}
		})
	}
	for _, name := range []string{"gone", "back"} {
		id[name] = f.create(name, "true")
		f.run("rm", name)
	}
	leaving := f.create("leaving", "true")
	f.run("container_rename", "old", "new")
	id["new"] = id["old"]
	f.cut(func(dir func(id string) string) {
		config := func(name string) string { return filepath.Join(dir(id[name]), configFile) }
		text, err := os.ReadFile(config("zeros"))
		ok(t, err, os.RemoveAll(dir(id["none"])), os.Truncate(config("empty"), 0), os.Truncate(config("half"), 4096))
		ok(t, os.WriteFile(config("zeros"), append(text[:4096:4096], make([]byte, len(text)-4096)...), 0o600))
		ok(t, os.Rename(dir(id["making"]), dir(id["making"])+making))
		ok(t, os.RemoveAll(dir(id["file"])), os.WriteFile(dir(id["file"]), nil, 0o600))
		ok(t, os.Remove(config("folder")), os.MkdirAll(config("folder")+"/x", 0o700))
		ok(t, os.Mkdir(dir(id["back"]), 0o700), os.WriteFile(config("back"), text, 0o600))
		ok(t, os.Rename(dir(leaving), dir(leaving)+unmakingV))
		delete(f.images.layers, id["none"])
		f.images.layers[id["back"]] = true
	})
	for _, name := range append(names[:len(names)-1], "new") {
		got := f.inspect(name)
		if got.Id != id[name] || got.State.Status != "created" || len(got.Mounts) != 1 || got.Config.Labels["text"] == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if n := len(f.containers.all()); n != len(names) || f.images.count() != n || f.names.count() != n {
		t.Errorf("%d containers, %d layers, %d names, want %d", n, f.images.count(), f.names.count(), len(names))
	}
	for _, c := range f.containers.all() {
		f.run("rm", c.id)
	}
	ok(t, f.volumes.Remove("data"))
	f.empty()
	f.cut(func(func(string) string) {})
	f.empty()
}

// What is settled is no longer in the log: who takes its directory away by hand
// has removed it.
func TestLedger_Settles(t *testing.T) {
	f := setup(t)
	a, b := f.create("a1", "true"), f.create("b1", "true")
	ok(t, f.ledger.settle(), f.ledger.settle())
	c := f.create("c1", "true")
	f.run("rm", "b1")
	f.cut(func(dir func(string) string) { ok(t, os.RemoveAll(dir(a)), os.RemoveAll(dir(c))) })
	if all := f.containers.all(); len(all) != 1 || all[0].id != c {
		t.Errorf("%d containers, want %s only: %s was settled, %s removed", len(all), short(c), short(a), short(b))
	}
	if f.ledger.durable(c) {
		t.Error("what was found is taken for durable")
	}
	d := f.create("d1", "true")
	f.cut(func(dir func(string) string) { ok(t, os.RemoveAll(dir(c)), os.RemoveAll(dir(d))) })
	f.run("rm", "c1")
	f.cut(func(func(string) string) {})
	ok(t, f.ledger.settle(), f.ledger.settle())
	if all := f.containers.all(); len(all) != 1 || all[0].id != d || !f.ledger.idle() {
		t.Errorf("after several restarts: %d containers, idle %v", len(all), f.ledger.idle())
	}
}

// A log that is too long is settled at once, and a removal meanwhile does no harm.
func TestLedger_FullLog(t *testing.T) {
	f := setup(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 12 {
				id, err := f.tryCreate("", "true", func(c *runconfig.Config, _ *runconfig.HostConfig) {
					c.Labels = map[string]string{"text": strings.Repeat("x", 50<<10)}
				})
				if err == nil {
					err = f.eng.Job("rm", id).Run()
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	eventually(t, "a shorter log", func() bool { return f.ledger.log.Size() < settleFull })
	f.empty()
	f.cut(func(func(string) string) {})
	f.empty()
}

// What makes something else in the directory durable makes all of it durable.
func TestLedger_ChangesAreKept(t *testing.T) {
	f := setup(t)
	id := f.create("one", "true")
	if f.ledger.durable(id) {
		t.Error("the files are durable already")
	}
	f.run("container_rename", "one", "two")
	if !f.ledger.durable(id) {
		t.Error("a change is durable and its directory is not")
	}
	run := f.create("run", "exit 3")
	f.run("start", "run")
	f.wait("run", "not-running")
	eventually(t, "the end on disk", func() bool { return f.ledger.durable(run) })
}

// Without its log the daemon flushes each container by itself.
func TestLedger_BrokenLog(t *testing.T) {
	f := setup(t)
	early := f.create("early", "true")
	ok(t, f.ledger.log.Close())
	f.create("later", "true")
	f.run("rm", "later")
	if err := f.eng.Job("rm", "early").Run(); err == nil {
		t.Error("a removal that would be undone by the next start succeeded")
	}
	if _, err := os.Stat(filepath.Join(f.Daemon.root, early)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory: %v", err)
	}
}

// Records that say nothing are passed over; what cannot be restored stops the start
// and stays in the log.
func TestLedger_StrangeRecords(t *testing.T) {
	f := setup(t)
	for kind, text := range map[byte]string{madeRecord: "{", 77: "from a later version", goneRecord: "../.."} {
		if _, err := f.ledger.log.Append(kind, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	id := f.create("one", "true")
	f.cut(func(dir func(string) string) { ok(t, os.RemoveAll(dir(id))) })
	if f.inspect("one").Id != id {
		t.Error("a container is lost")
	}
	f.run("rm", "one")
	bad := strings.Repeat("b", 64)
	if _, err := f.ledger.log.Append(madeRecord, []byte(bad+"\n"+`{"ID":"`+bad+`","Name":5}`)); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(f.root, "containers.log.0"))
	ok(t, err)
	other, err := os.ReadFile(filepath.Join(f.root, "containers.log.1"))
	f.crash()
	ok(t, os.WriteFile(filepath.Join(f.root, "containers.log.0"), text, 0o600))
	if err == nil {
		ok(t, os.WriteFile(filepath.Join(f.root, "containers.log.1"), other, 0o600))
	}
	d, err := New(f.opt)
	ok(t, err)
	if err := d.Restore(t.Context()); err == nil || !strings.Contains(err.Error(), short(bad)) {
		t.Errorf("a container that cannot be restored: %v", err)
	}
	if len(d.ledger.found) == 0 {
		t.Error("the log has forgotten it")
	}
	ok(t, d.Close(t.Context()))
	for _, name := range []string{"containers.log.0", "containers.log.1"} {
		if err := os.Remove(filepath.Join(f.root, name)); !errors.Is(err, fs.ErrNotExist) {
			ok(t, err)
		}
	}
	f.boot()
}

// A removal that a crash interrupts is finished once, and not undone by the next
// crash.
func TestLedger_InterruptedRemoval(t *testing.T) {
	f := setup(t)
	id := f.create("one", "true")
	f.cut(func(dir func(string) string) { ok(t, os.Rename(dir(id), dir(id)+unmaking)) })
	f.empty()
	f.cut(func(func(string) string) {})
	f.empty()
}
