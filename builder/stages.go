package builder

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/enginejobs/docker/builder/dockerfile"
	"github.com/enginejobs/docker/builder/source"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/runconfig"
)

// building is one build under way.
type building struct {
	b       *Builder
	opt     buildOptions
	out     *messages
	file    *dockerfile.File
	graph   *dockerfile.Graph
	context *source.Archive
	held    *holds
	args    *dockerfile.Args
	slots   chan struct{} // one for each step that may work at a time

	mu      sync.Mutex
	results map[*dockerfile.Node]*result
	views   map[string]*view
	failed  *result // the first one

	unpackOnce sync.Once
	unpacked   string // the context, for mounts
	unpackErr  error
}

// result is what a stage has made; it may be read once done is closed.
type result struct {
	done   chan struct{}
	err    error
	image  string
	base   string // what FROM named
	config *runconfig.Config
	author string
	out    *holdback
}

// run builds all stages, each in a goroutine of its own that ends before run
// does, and returns the image of the target.
func (x *building) run(ctx context.Context) (string, error) {
	x.args = dockerfile.NewArgs(x.opt.BuildArgs, x.opt.Platform, "")
	if err := x.args.AddMeta(x.file.Meta, x.file.Escape); err != nil {
		return "", err
	}
	for i, text := range x.file.MetaText {
		x.step(x.out, i, text)
	}
	x.slots = make(chan struct{}, max(2, runtime.NumCPU()))
	x.results, x.views = map[*dockerfile.Node]*result{}, map[string]*view{}
	defer x.closeViews()
	dir, err := x.b.scratch()
	if err != nil {
		return "", err
	}
	for _, n := range x.graph.Nodes {
		x.results[n] = &result{done: make(chan struct{}), out: &holdback{to: x.out.out, dir: dir}}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	for _, n := range x.graph.Nodes {
		running.Go(func() {
			r := x.results[n]
			defer close(r.done)
			if r.err = x.stage(ctx, n, r); r.err != nil {
				x.fail(r)
				cancel(r.err)
			}
		})
	}
	err = x.tell()
	running.Wait()
	for _, r := range x.results {
		r.out.drop()
	}
	if err != nil {
		return "", err
	}
	return x.results[x.graph.Target].image, nil
}

// tell lets out the messages of one stage after the other. When one fails, those
// before it are told, and its own.
func (x *building) tell() error {
	for _, n := range x.graph.Nodes {
		r := x.results[n]
		if err := r.out.open(); err != nil {
			return fmt.Errorf("telling of the build: %w", err)
		}
		<-r.done
		if r.err == nil {
			continue
		}
		x.mu.Lock()
		first := x.failed
		x.mu.Unlock()
		return errors.Join(first.out.open(), first.err)
	}
	return nil
}

// fail notes the first stage that fails; the others are ended for its sake.
func (x *building) fail(r *result) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.failed == nil {
		x.failed = r
	}
}

// wait waits for a stage that another one needs.
func (x *building) wait(ctx context.Context, n *dockerfile.Node) (*result, error) {
	r := x.results[n]
	select {
	case <-r.done:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if r.err != nil {
		return nil, r.err
	}
	return r, nil
}

// work waits for its turn; steps that only wait for others need none.
func (x *building) work(ctx context.Context, f func() error) error {
	select {
	case x.slots <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-x.slots }()
	return f()
}

// step tells which step begins. Numbers are those of the file.
func (x *building) step(out *messages, n int, text string) {
	switch x.opt.Steps {
	case stepsOf:
		out.line("Step %d/%d : %s", n+1, x.graph.Steps, text)
	case stepsFrom1:
		out.line("Step %d : %s", n+1, text)
	default:
		out.line("Step %d : %s", n, text)
	}
}

// stage is a stage under way.
type stage struct {
	x      *building
	node   *dockerfile.Node
	out    *messages
	stand  dockerfile.Stand
	image  string // so far; "" is nothing
	missed bool   // the cache does not know the present image
	lost   bool   // neither do the images of --cache-from
	step   dockerfile.Step
}

// stage builds one stage.
func (x *building) stage(ctx context.Context, n *dockerfile.Node, r *result) error {
	s := &stage{x: x, node: n, out: newMessages(r.out, x.opt.JSON, x.opt.Steps)}
	x.step(s.out, n.First, n.Text)
	s.stand.Args = x.args.Stage()
	defer x.used(s.stand.Args)
	triggers, err := s.from(ctx)
	if err != nil {
		return err
	}
	r.base = s.image
	for _, step := range triggers {
		if err := s.perform(ctx, step); err != nil {
			return err
		}
	}
	s.tellImage()
	for i, step := range n.Steps {
		x.step(s.out, n.First+1+i, step.Text)
		if err := s.perform(ctx, step); err != nil {
			return err
		}
		s.tellImage()
		x.opt.phase(fmt.Sprintf("step %d", n.First+2+i))
	}
	if s.image == "" {
		return errdefs.InvalidArgument("No image was generated. Is your Dockerfile empty?")
	}
	r.image, r.config, r.author = s.image, s.stand.Config, s.stand.Author
	return nil
}

// used counts the arguments that a stage took.
func (x *building) used(args *dockerfile.Args) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.args.Join(args)
}

func (x *building) unusedArgs() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.args.Unused()
}

func (s *stage) tellImage() { s.out.line(" ---> %s", image.ShortID(s.image)) }
