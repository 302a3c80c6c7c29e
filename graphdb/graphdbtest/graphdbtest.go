// Package graphdbtest is the suite that a store of names and links passes.
//
// It has no state. Start reading at Run. It is imported by tests only.
package graphdbtest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdb"
)

// Store is what the suite needs. Check is called after a reopening only.
type Store interface {
	Create(name, id string, publish func() error) error
	Reserve(name, id string) error
	Rename(oldPath, newPath string) error
	Purge(id string) error
	Delete(path string) error
	Set(path, id string) error
	Link(parent, alias, child string) error
	Unlink(parent, alias string) error
	Get(path string) (string, bool)
	Names() map[string]string
	Links(id string) map[string]string
	RefPaths(id string) []graphdb.Edge
	Children(path string, depth int) ([]graphdb.Child, error)
	Check(names map[string]string) error
}

// Factory opens an empty store, and reopen opens the same one again as after a
// restart. Both leave the closing to the cleanup of the test.
type Factory func(t testing.TB) (store Store, reopen func() Store)

// Run runs the suite.
func Run(t *testing.T, open Factory) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, open Factory)
	}{
		{"reserve", testReserve}, {"create", testCreate}, {"rename", testRename}, {"purge", testPurge},
		{"links", testLinks}, {"children", testChildren}, {"bad input", testBadInput},
		{"check", testCheck}, {"clashes", testClashes}, {"one winner", testOneWinner},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open) })
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t testing.TB, s Store, names string) {
	t.Helper()
	got := s.Names()
	var list []string
	for _, id := range slices.Sorted(maps.Keys(got)) {
		list = append(list, id+"="+got[id])
	}
	if strings.Join(list, " ") != names {
		t.Errorf("names are %q, want %q", strings.Join(list, " "), names)
	}
}

func testReserve(t *testing.T, open Factory) {
	s, reopen := open(t)
	must(t, s.Reserve("web", "id1"))
	must(t, s.Reserve("/db", "id2"))
	err := s.Reserve("web", "id3")
	var taken *graphdb.TakenError
	if !errdefs.IsConflict(err) || !errors.As(err, &taken) || taken.ID != "id1" || taken.Path != "/web" {
		t.Errorf("a taken name: %v", err)
	}
	if err := s.Reserve("other", "id1"); !errdefs.IsConflict(err) {
		t.Errorf("a second name: %v", err)
	}
	want(t, s, "id1=web id2=db")
	s = reopen()
	want(t, s, "id1=web id2=db")
	if id, ok := s.Get("/web"); id != "id1" || !ok {
		t.Errorf("get: %q %v", id, ok)
	}
}

func testCreate(t *testing.T, open Factory) {
	s, reopen := open(t)
	failed := errors.New("no room")
	err := s.Create("web", "id1", func() error {
		if err := s.Reserve("web", "id2"); !errdefs.IsConflict(err) {
			t.Errorf("the name is free during a Create: %v", err)
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
	want(t, s, "")
	must(t, s.Create("web", "id2", func() error { return nil }))
	want(t, reopen(), "id2=web")
}

func testRename(t *testing.T, open Factory) {
	s, reopen := open(t)
	must(t, s.Reserve("a", "id1"))
	must(t, s.Reserve("b", "id2"))
	must(t, s.Rename("/a", "/c"))
	must(t, s.Rename("c", "c"))
	if err := s.Rename("c", "b"); !errdefs.IsConflict(err) {
		t.Errorf("to a taken name: %v", err)
	}
	if err := s.Rename("nobody", "x"); !errdefs.IsNotFound(err) {
		t.Errorf("of nobody: %v", err)
	}
	must(t, s.Reserve("a", "id3"))
	want(t, reopen(), "id1=c id2=b id3=a")
}

func testPurge(t *testing.T, open Factory) {
	s, reopen := open(t)
	for i, name := range []string{"a", "b", "c"} {
		must(t, s.Reserve(name, fmt.Sprint("id", i)))
	}
	must(t, s.Link("a", "x", "b"))
	must(t, s.Link("b", "y", "c"))
	must(t, s.Purge("id1"))
	must(t, s.Purge("id1"))
	want(t, s, "id0=a id2=c")
	if len(s.Links("id0")) != 0 || len(s.RefPaths("id2")) != 1 {
		t.Errorf("links are left: %v, %v", s.Links("id0"), s.RefPaths("id2"))
	}
	s = reopen()
	must(t, s.Reserve("b", "id1"))
	if len(s.Links("id1")) != 0 {
		t.Errorf("an old link came back: %v", s.Links("id1"))
	}
}

func testLinks(t *testing.T, open Factory) {
	s, reopen := open(t)
	must(t, s.Reserve("web", "id1"))
	must(t, s.Reserve("db", "id2"))
	must(t, s.Link("id1", "sql", "id2"))
	must(t, s.Link("web", "sql", "db"))
	must(t, s.Set("/web/cache", "id2"))
	if err := s.Link("web", "self", "web"); err == nil {
		t.Error("a link to itself was made")
	}
	must(t, s.Reserve("other", "id3"))
	if err := s.Link("web", "sql", "other"); !errdefs.IsConflict(err) {
		t.Errorf("a taken alias: %v", err)
	}
	s = reopen()
	if id, _ := s.Get("/web/sql"); id != "id2" {
		t.Errorf("the link leads to %q", id)
	}
	must(t, s.Rename("web", "front"))
	if id, _ := s.Get("/front/sql"); id != "id2" {
		t.Errorf("after the rename the link leads to %q", id)
	}
	must(t, s.Unlink("front", "sql"))
	must(t, s.Delete("/front/cache"))
	if err := s.Unlink("front", "sql"); !errdefs.IsNotFound(err) {
		t.Errorf("unlinking twice: %v", err)
	}
	if l := s.Links("id1"); len(l) != 0 {
		t.Errorf("links are left: %v", l)
	}
}

func testChildren(t *testing.T, open Factory) {
	s, _ := open(t)
	must(t, s.Reserve("a", "id1"))
	must(t, s.Reserve("b", "id2"))
	must(t, s.Link("a", "to-b", "b"))
	must(t, s.Link("b", "to-a", "a")) // a circle
	for depth, paths := range map[int]string{
		0:  "/a /b",
		1:  "/a /a/to-b /b /b/to-a",
		-1: "/a /a/to-b /a/to-b/to-a /b /b/to-a /b/to-a/to-b",
	} {
		list, err := s.Children("/", depth)
		must(t, err)
		var got []string
		for _, c := range list {
			got = append(got, c.Path)
		}
		if strings.Join(got, " ") != paths {
			t.Errorf("depth %d: %q, want %q", depth, got, paths)
		}
	}
	if _, err := s.Children("/none", 0); !errdefs.IsNotFound(err) {
		t.Errorf("of nothing: %v", err)
	}
}

func testBadInput(t *testing.T, open Factory) {
	s, _ := open(t)
	for what, err := range map[string]error{
		"empty name":     s.Reserve("", "id"),
		"slash":          s.Reserve("a/b", "id"),
		"empty id":       s.Reserve("a", ""),
		"id of the root": s.Reserve("a", "0"),
		"root":           s.Delete("/"),
		"purge root":     s.Purge("0"),
		"set root":       s.Set("/", "id"),
		"rename root":    s.Rename("/", "/x"),
		"rename deeper":  s.Rename("/a", "/a/b"),
		"no parent":      s.Set("/none/x", "id"),
		"no link end":    s.Link("none", "x", "id"),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	want(t, s, "")
	odd := "'; DROP TABLE edge; --\u00e9\n"
	must(t, s.Reserve(odd, "id"))
	if id, _ := s.Get("/" + odd); id != "id" {
		t.Error("an odd name was not found")
	}
}

func testCheck(t *testing.T, open Factory) {
	s, reopen := open(t)
	for _, id := range []string{"id1", "id2", "id3", "id4"} {
		must(t, s.Reserve("name-"+id, id))
	}
	must(t, s.Link("id1", "x", "id4"))
	s = reopen()
	// id4 is gone, id5 is new, id1 and id2 have each other's name.
	must(t, s.Check(map[string]string{"id1": "name-id2", "id2": "/name-id1", "id3": "name-id3", "id5": "new"}))
	want(t, s, "id1=name-id2 id2=name-id1 id3=name-id3 id5=new")
	if len(s.Links("id1")) != 0 {
		t.Error("a link to a forgotten container is left")
	}
	want(t, reopen(), "id1=name-id2 id2=name-id1 id3=name-id3 id5=new")
}

func testClashes(t *testing.T, open Factory) {
	s, reopen := open(t)
	must(t, s.Reserve("web", "id2"))
	must(t, s.Reserve("db", "id1"))
	s = reopen()
	err := s.Check(map[string]string{"id1": "web", "id2": "web", "id3": "db", "id4": ""})
	if !errdefs.IsConflict(err) {
		t.Errorf("got %v", err)
	}
	want(t, s, "id2=web id3=db")
	want(t, reopen(), "id2=web id3=db")
}

func testOneWinner(t *testing.T, open Factory) {
	s, _ := open(t)
	const n = 16
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = s.Create("web", fmt.Sprint("id", i), func() error { return nil }) })
	}
	wg.Wait()
	winners := 0
	for i, err := range errs {
		if err == nil {
			winners++
			want(t, s, fmt.Sprintf("id%d=web", i))
		} else if !errdefs.IsConflict(err) {
			t.Errorf("loser %d: %v", i, err)
		}
	}
	if winners != 1 {
		t.Errorf("%d winners", winners)
	}
}
