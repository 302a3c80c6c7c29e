package dockerfile

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/enginejobs/docker/errdefs"
)

// ResolveOptions say what is wanted.
type ResolveOptions struct {
	Target    string             // name or number of a stage; empty: the last one
	BuildArgs map[string]*string // by the caller; nil values: none
	Platform  string             // of the image, os[/arch[/variant]]; empty: the host's
	Host      string             // the host's; empty: linux and what this program was made for
	Labels    map[string]string  // of the image besides its own: steps at the end of the target

	// Triggers gives what ONBUILD has noted in an image that is here, so that the
	// stages that it takes files from are built too; nil: none is known.
	Triggers func(image string) []string
}

// Graph is what has to be done: the stages that the target needs.
type Graph struct {
	Nodes  []*Node // in the order of the file
	Target *Node
	Steps  int // of all nodes, FROM included, and of the ARGs before the first
}

// Node is a stage that is wanted.
type Node struct {
	*Stage
	Base     string  // the image, expanded; empty with Parent and for scratch
	Parent   *Node   // the stage that it goes on from
	Platform string  // expanded; empty: the host's
	Needs    []*Node // all stages that must be ready before some step of it, Parent included
	First    int     // number of FROM among the steps, from 0
}

// Resolve finds the stages that the target needs.
func (f *File) Resolve(opt ResolveOptions) (*Graph, error) {
	r := resolver{file: f, opt: opt, nodes: map[int]*Node{}, args: NewArgs(opt.BuildArgs, opt.Platform, opt.Host)}
	if err := r.args.AddMeta(f.Meta, f.Escape); err != nil {
		return nil, err
	}
	target := len(f.Stages) - 1
	if opt.Target != "" {
		var ok bool
		if target, ok = f.stage(opt.Target, len(f.Stages)); !ok {
			return nil, errdefs.NotFound("failed to reach build target %s in Dockerfile: target stage %q could not be found", opt.Target, opt.Target)
		}
	}
	node, err := r.node(target)
	if err != nil {
		return nil, err
	}
	if len(opt.Labels) > 0 {
		last := *node.Stage
		last.Steps = slices.Clone(last.Steps)
		for _, k := range slices.Sorted(maps.Keys(opt.Labels)) {
			cmd := instructions.NewLabelCommand(k, opt.Labels[k], true)
			last.Steps = append(last.Steps, Step{Command: cmd, Text: cmd.String(), Line: last.Line})
		}
		node.Stage = &last
	}
	g := &Graph{Target: node, Steps: len(f.Meta)}
	for _, i := range slices.Sorted(maps.Keys(r.nodes)) {
		n := r.nodes[i]
		n.First = g.Steps
		g.Steps += 1 + len(n.Steps)
		g.Nodes = append(g.Nodes, n)
	}
	return g, nil
}

// stage finds a stage before a position by name or number.
func (f *File) stage(ref string, before int) (int, bool) {
	for i := before - 1; i >= 0; i-- {
		if f.Stages[i].Name != "" && strings.EqualFold(f.Stages[i].Name, ref) {
			return i, true
		}
	}
	if n, err := strconv.Atoi(ref); err == nil && n >= 0 && n < before {
		return n, true
	}
	return 0, false
}

type resolver struct {
	file  *File
	opt   ResolveOptions
	args  *Args
	nodes map[int]*Node
}

// node makes a stage wanted, and what it needs. A stage can only name those
// before it, so that there are no circles to follow.
func (r *resolver) node(i int) (*Node, error) {
	if n := r.nodes[i]; n != nil {
		return n, nil
	}
	s := r.file.Stages[i]
	n := &Node{Stage: s}
	r.nodes[i] = n
	base, err := r.args.expandMeta(s.Base, r.file.Escape)
	if err != nil {
		return nil, at(s.Line, "FROM %s: %w", s.Base, err)
	}
	if base == "" {
		return nil, at(s.Line, "base name (%s) should not be blank", s.Base)
	}
	if n.Platform, err = r.args.expandMeta(s.Platform, r.file.Escape); err != nil {
		return nil, at(s.Line, "FROM --platform=%s: %w", s.Platform, err)
	}
	if s.Platform == "" {
		n.Platform = r.opt.Platform
	}
	if at, ok := r.file.stage(base, i); ok && !isNumber(base) {
		if n.Parent, err = r.node(at); err != nil {
			return nil, err
		}
		n.Needs = append(n.Needs, n.Parent)
	} else if base != "scratch" {
		n.Base = base
	}
	return n, r.references(n)
}

// isNumber: FROM takes stages by name only.
func isNumber(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil
}

// references makes the stages wanted that steps, and the triggers before them, take
// files from.
func (r *resolver) references(n *Node) error {
	for _, cmd := range r.triggers(n) { // with faults that are told when they run
		for _, from := range sources(cmd) {
			if i, ok := r.file.stage(from, n.Index); ok {
				if err := r.need(n, i); err != nil {
					return err
				}
			}
		}
	}
	for _, step := range n.Steps {
		for _, from := range sources(step.Command) {
			i, ok := r.file.stage(from, n.Index)
			err := error(nil)
			if ok {
				err = r.need(n, i)
			} else {
				err = r.noStage(from, n, step)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// need makes a stage wanted before another one can be done.
func (r *resolver) need(n *Node, i int) error {
	needed, err := r.node(i)
	if err == nil && !slices.Contains(n.Needs, needed) {
		n.Needs = append(n.Needs, needed)
	}
	return err
}

// triggers are the instructions that the base of a stage has for it.
func (r *resolver) triggers(n *Node) []instructions.Command {
	var texts []string
	if n.Parent != nil {
		for _, step := range n.Parent.Steps {
			if c, ok := step.Command.(*instructions.OnbuildCommand); ok {
				texts = append(texts, c.Expression)
			}
		}
	} else if n.Base != "" && r.opt.Triggers != nil {
		texts = r.opt.Triggers(n.Base)
	}
	var list []instructions.Command
	for _, text := range texts {
		if step, err := Trigger(text, r.file.Escape); err == nil {
			list = append(list, step.Command)
		}
	}
	return list
}

// noStage says why a name or number is that of no stage; an image may have it.
func (r *resolver) noStage(from string, n *Node, step Step) error {
	if n.Name != "" && strings.EqualFold(from, n.Name) || from == itoa(n.Index) {
		return at(step.Line, "circular dependency detected on stage: %s: it cannot copy from itself", from)
	}
	if isNumber(from) {
		return at(step.Line, "invalid from flag value %s: index out of bounds", from)
	}
	if later, ok := r.file.stage(from, len(r.file.Stages)); ok {
		return at(step.Line, "circular dependency detected on stage: %s: it begins in line %d, after the line that copies from it",
			from, r.file.Stages[later].Line)
	}
	return nil
}

// sources are the names of what an instruction takes files from.
func sources(cmd instructions.Command) []string {
	var list []string
	switch c := cmd.(type) {
	case *instructions.CopyCommand:
		list = append(list, c.From)
	case *instructions.RunCommand:
		for _, m := range instructions.GetMounts(c) {
			list = append(list, m.From)
		}
	}
	return slices.DeleteFunc(list, func(from string) bool { return from == "" })
}

// Reference is what --from means in a stage: a stage before it, or an image. A
// stage that the trigger of an image asks for, which was not here when the stages
// were chosen, is found only if another one needs it.
func (g *Graph) Reference(from string, at *Node) (stage *Node, image string) {
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := g.Nodes[i]
		if n.Index < at.Index && n.Name != "" && strings.EqualFold(n.Name, from) {
			return n, ""
		}
	}
	for _, n := range g.Nodes {
		if n.Index < at.Index && itoa(n.Index) == from {
			return n, ""
		}
	}
	return nil, from
}
