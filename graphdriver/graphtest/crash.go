//go:build linux

package graphtest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver"
)

const (
	crashRoot   = "GRAPHTEST_CRASH_ROOT" // for the process that is killed: where its store is
	crashRounds = 25
)

// testCrash kills a process that makes, fills and removes layers, at any moment.
// The store opens, what was done is done, and everything can be removed.
func testCrash(t *testing.T, b *bench) {
	root := filepath.Join(t.TempDir(), "store")
	layers := map[string]string{} // id → "there", "full", "gone" or "" when it is not known
	changes := 0
	for range crashRounds {
		name, _, _ := strings.Cut(t.Name(), "/")
		cmd := exec.Command(os.Args[0], "-test.run=^"+name+"$", "-test.timeout=60s")
		cmd.Env = append(os.Environ(), crashRoot+"="+root)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			word, id, _ := strings.Cut(lines.Text(), " ")
			switch word {
			case "ready":
				time.AfterFunc(time.Duration(rand.Int64N(int64(30*time.Millisecond))), func() { _ = cmd.Process.Signal(syscall.SIGKILL) })
			case "begin":
				layers[id] = ""
			case "there", "full", "gone":
				layers[id] = word
				changes++
			default:
				t.Errorf("the process says %q", lines.Text())
			}
		}
		_ = cmd.Wait() // it was killed
		d := b.open(t, root)
		crashed(t, d, layers)
		must(t, d.Close())
		if t.Failed() {
			return
		}
	}
	if changes < crashRounds {
		t.Errorf("only %d changes", changes)
	}
	d := b.open(t, root)
	defer func() { must(t, d.Close()) }()
	for range len(layers) { // children first
		for _, l := range d.List() {
			if err := d.Remove(l.ID); err != nil && !errdefs.IsConflict(err) {
				t.Error(err)
			}
		}
	}
	if list := d.List(); len(list) > 0 {
		t.Errorf("left: %v", list)
	}
}

// crashed compares a store that was opened after a crash with what is known.
func crashed(t *testing.T, d graphdriver.Driver, layers map[string]string) {
	for id, state := range layers {
		if known := d.Exists(id); state != "" && known != (state != "gone") {
			t.Errorf("layer %s is %s, but exists: %t", id, state, known)
		}
		if state == "" {
			delete(layers, id)
			if d.Exists(id) {
				layers[id] = "there"
			}
		}
		if state != "full" {
			continue
		}
		root, err := d.Get(id)
		must(t, err)
		if text, err := os.ReadFile(filepath.Join(root, "d", id)); err != nil || string(text) != id {
			t.Errorf("layer %s has %q, %v", id, text, err)
		}
		must(t, d.Put(id))
	}
	for _, l := range d.List() {
		if layers[l.ID] == "" {
			t.Errorf("nobody knows layer %s", l.ID)
		}
	}
}

// crashChild changes layers until it is killed. It says what it begins and what
// it has done.
func crashChild(t *testing.T, open Factory, root string) {
	d := open(t, root)
	var ids []string
	for _, l := range d.List() {
		if !l.ReadWrite {
			ids = append(ids, l.ID)
		}
	}
	say := func(word, id string) { _, _ = fmt.Fprintln(os.Stdout, word, id) }
	say("ready", "")
	for n := 0; ; n++ {
		id := fmt.Sprintf("p%d-%d", os.Getpid(), n)
		parent := ""
		if len(ids) > 0 && n%3 > 0 {
			parent = ids[rand.IntN(len(ids))]
		}
		say("begin", id)
		must(t, d.Create(id, parent, n%4 == 3))
		say("there", id)
		if n%4 != 3 {
			if _, err := d.ApplyDiff(context.Background(), id, bytes.NewReader(Archive(t, Dir("d"), File("d/"+id, id)))); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
			say("full", id)
		}
		if n%2 == 1 {
			victim := d.List()[0].ID
			say("begin", victim)
			err := d.Remove(victim)
			switch {
			case err == nil:
				say("gone", victim)
				ids = without(ids, victim)
			case !errdefs.IsConflict(err):
				t.Fatal(err)
			default:
				say("there", victim)
			}
		}
	}
}

func without(list []string, id string) []string {
	var rest []string
	for _, s := range list {
		if s != id {
			rest = append(rest, s)
		}
	}
	return rest
}
