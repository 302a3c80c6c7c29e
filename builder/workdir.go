package builder

import (
	"context"
	"io"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/enginejobs/docker/builder/dockerfile"
	"github.com/enginejobs/docker/builder/layer"
)

// workdir is WORKDIR: a missing directory is made, in a layer.
func (s *stage) workdir(ctx context.Context, c *instructions.WorkdirCommand) error {
	dir, err := dockerfile.Workdir(s.stand.Config.WorkingDir, c.Path)
	if err != nil {
		return err
	}
	s.stand.Config.WorkingDir = dir
	cc := s.noted([]string{"#(nop) WORKDIR " + dir})
	if hit, err := s.cached(ctx, cc); hit || err != nil {
		return err
	}
	below, err := s.x.view(ctx, s.image)
	if err != nil {
		return err
	}
	plan, err := layer.Directory(ctx, below.tree, dir, s.x.b.opt.Now())
	if err != nil {
		return err
	}
	var write func(io.Writer) error
	if plan != nil {
		write = func(w io.Writer) error { return plan.Write(ctx, w) }
	}
	return s.x.work(ctx, func() error { return s.appendImage(ctx, cc, write) })
}
