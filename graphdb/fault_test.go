package graphdb_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdb"
)

// The test binary runs itself as the process that gets killed.
const faultRoot = "GRAPHDB_FAULT_ROOT"

func TestMain(m *testing.M) {
	if root := os.Getenv(faultRoot); root != "" {
		if err := work(root); err != nil {
			fmt.Println("fail", err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// work makes, renames and removes containers for ever, the way the package
// comment asks for. It says what it is about to do and what it has done.
func work(root string) error {
	db, err := graphdb.Open(filepath.Join(root, "linkgraph.db"))
	if err != nil {
		return err
	}
	names, err := readNames(root)
	if err != nil {
		return err
	}
	if err := db.Check(names); err != nil {
		return err
	}
	for {
		id, name := fmt.Sprintf("c%016x", rand.Uint64()), fmt.Sprint("name", rand.IntN(12))
		for known := range names { // a random one
			id = known
			break
		}
		var op string
		var do func() error
		switch r := rand.IntN(10); {
		case r < 4 || len(names) == 0:
			id = fmt.Sprintf("c%016x", rand.Uint64())
			op, do = "create", func() error { return create(db, root, name, id) }
		case r < 7:
			op, do = "rename", func() error { return rename(db, root, names[id], name, id) }
		default:
			op, do = "remove", func() error { return remove(db, root, id) }
		}
		fmt.Println("try", op, id, name)
		switch err := do(); {
		case errdefs.IsConflict(err):
			fmt.Println("refused", op, id, name)
			continue
		case err != nil:
			return fmt.Errorf("%s %s: %w", op, id, err)
		}
		fmt.Println("done", op, id, name)
		names[id] = name
		if op == "remove" {
			delete(names, id)
		}
	}
}

func create(db *graphdb.DB, root, name, id string) error {
	half := filepath.Join(root, "tmp", id)
	if err := os.Mkdir(half, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(half, "name"), []byte(name), 0o600); err != nil {
		return err
	}
	return db.Create(name, id, func() error { return os.Rename(half, filepath.Join(root, "containers", id)) })
}

func rename(db *graphdb.DB, root, from, to, id string) error {
	if err := db.Rename(from, to); err != nil {
		return err
	}
	half := filepath.Join(root, "tmp", "name-"+id)
	if err := os.WriteFile(half, []byte(to), 0o600); err != nil {
		return err
	}
	return os.Rename(half, filepath.Join(root, "containers", id, "name"))
}

func remove(db *graphdb.DB, root, id string) error {
	gone := filepath.Join(root, "tmp", "gone-"+id)
	if err := os.Rename(filepath.Join(root, "containers", id), gone); err != nil {
		return err
	}
	if err := db.Purge(id); err != nil {
		return err
	}
	return os.RemoveAll(gone)
}

func readNames(root string) (map[string]string, error) {
	entries, err := os.ReadDir(filepath.Join(root, "containers"))
	names := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(root, "containers", e.Name(), "name"))
		if err != nil {
			return nil, err
		}
		names[e.Name()] = string(text)
	}
	return names, err
}

// journal is what the killed process said.
type journal struct {
	alive    map[string]string // names by id, of what was done
	inFlight string            // the id of the step that was cut off
	steps    int
}

// runAndKill lets a worker work for a moment and kills it.
func runAndKill(t *testing.T, root string, j *journal) {
	exe, err := os.Executable()
	must(t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), faultRoot+"="+root)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	j.inFlight = ""
	lines := bufio.NewScanner(out)
	var kill *time.Timer
	for lines.Scan() {
		if kill == nil {
			kill = time.AfterFunc(rand.N(40*time.Millisecond), func() { _ = cmd.Process.Kill() })
		}
		w := strings.Fields(lines.Text())
		if len(w) != 4 {
			t.Errorf("the worker says: %s", lines.Text())
			continue
		}
		j.inFlight = w[2]
		if w[0] == "try" {
			continue
		}
		j.inFlight = ""
		j.steps++
		switch {
		case w[0] == "refused":
		case w[1] == "remove":
			delete(j.alive, w[2])
		default:
			j.alive[w[2]] = w[3]
		}
	}
	_ = cmd.Wait()
}

// A process is killed again and again between any two instructions. No name may
// be left without its container, and nothing that was done may be undone.
func TestKilledAtAnyMoment(t *testing.T) {
	root := t.TempDir()
	must(t, os.Mkdir(filepath.Join(root, "containers"), 0o700))
	j := &journal{alive: map[string]string{}}
	for round := range 20 {
		must(t, os.RemoveAll(filepath.Join(root, "tmp")))
		must(t, os.Mkdir(filepath.Join(root, "tmp"), 0o700))
		runAndKill(t, root, j)
		db, err := graphdb.Open(filepath.Join(root, "linkgraph.db"))
		must(t, err)
		names, err := readNames(root)
		must(t, err)
		for id, name := range db.Names() {
			if names[id] == "" && id != j.inFlight {
				t.Errorf("round %d: name %q is held by %s, which does not exist", round, name, id)
			}
		}
		must(t, db.Check(names))
		if got, want := fmt.Sprint(db.Names()), fmt.Sprint(names); got != want {
			t.Errorf("round %d: the store has %s, the disk %s", round, got, want)
		}
		for id, name := range j.alive {
			if names[id] != name && id != j.inFlight {
				t.Errorf("round %d: %s should be %q and is %q", round, id, name, names[id])
			}
		}
		if db.Moved() != "" {
			t.Errorf("round %d: the file was damaged", round)
		}
		must(t, db.Close())
		j.alive = names
	}
	t.Logf("%d steps were done", j.steps)
	if j.steps < 20 {
		t.Errorf("only %d steps were done", j.steps)
	}
}
