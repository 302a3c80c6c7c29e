package engine

import (
	"slices"
	"testing"

	"github.com/enginejobs/docker/errdefs"
)

func TestAliases(t *testing.T) {
	e := New()
	var ran []string
	decl := Declaration{
		Name: "exec_create", Aliases: []string{"execCreate"}, Args: []Arg{{Name: "CONTAINER"}},
		Handler: func(j *Job) error { ran = append(ran, j.Name); return nil },
	}
	if err := e.Declare(decl); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"exec_create", "execCreate"} {
		if err := e.Job(name, "c").Run(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := e.Job(name).Run(); errdefs.KindOf(err) != errdefs.KindInvalidArgument {
			t.Errorf("%s without its argument: %v", name, err)
		}
		if d, ok := e.Describe(name); !ok || d.Name != "exec_create" || !slices.Equal(d.Aliases, decl.Aliases) {
			t.Errorf("%s is described as %+v", name, d)
		}
	}
	if !slices.Equal(ran, []string{"exec_create", "exec_create"}) {
		t.Errorf("handlers saw the names %q", ran)
	}
	if names := e.Commands(); slices.Contains(names, "execCreate") || !slices.Contains(names, "exec_create") {
		t.Errorf("commands: %q", names)
	}
	replaced := false
	e.Replace("execCreate", func(*Job) error { replaced = true; return nil })
	if err := e.Job("exec_create", "c").Run(); err != nil || !replaced {
		t.Errorf("a handler put in the place of an alias: %v, %v", replaced, err)
	}
	for _, d := range []Declaration{
		{Name: "other", Aliases: []string{"exec_create"}, Handler: decl.Handler},
		{Name: "execCreate", Handler: decl.Handler},
		{Name: "twice", Aliases: []string{"same", "same"}, Handler: decl.Handler},
	} {
		if err := e.Declare(d); !errdefs.IsConflict(err) {
			t.Errorf("declaring %s, %q: %v", d.Name, d.Aliases, err)
		}
	}
}
