package builder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/enginejobs/docker/builder/dockerfile"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/pipe"
	"github.com/enginejobs/docker/runconfig"
)

func itoa(n int) string { return strconv.Itoa(n) }

// perform does one step.
func (s *stage) perform(ctx context.Context, step dockerfile.Step) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	s.step = step
	s.stand.Config.Image = s.image
	cmd := dockerfile.Clone(step.Command)
	if err := dockerfile.Expand(cmd, s.stand.Args.Env(s.stand.Config.Env), s.x.file.Escape); err != nil {
		return err
	}
	switch c := cmd.(type) {
	case *instructions.RunCommand:
		return s.run(ctx, c)
	case *instructions.CopyCommand:
		return s.copy(ctx, c)
	case *instructions.AddCommand:
		return s.add(ctx, c)
	case *instructions.WorkdirCommand:
		return s.workdir(ctx, c)
	case *instructions.HealthCheckCommand:
		if old := s.stand.Config.Healthcheck; old != nil && len(old.Test) > 0 && old.Test[0] != "NONE" {
			s.out.line("Note: overriding previous HEALTHCHECK: %v", old.Test)
		}
	}
	text, ok, err := dockerfile.Apply(&s.stand, cmd)
	if err != nil {
		return err
	}
	if !ok {
		return errdefs.NotImplemented("line %d: %s is not an instruction of this engine", step.Line, strings.ToUpper(cmd.Name()))
	}
	return s.commit(ctx, s.noted([]string{"#(nop) ", text}), nil)
}

// noted is the configuration that the history tells of a step without a command
// of its own. The cache compares it.
func (s *stage) noted(words []string) *runconfig.Config {
	cc := *s.stand.Config
	cc.Cmd = append(dockerfile.Shell(&cc), words...)
	return &cc
}

// commit makes the image of a step whose layer, if there is one, is written by
// layer; or finds the one that was made before.
func (s *stage) commit(ctx context.Context, cc *runconfig.Config, layer func(io.Writer) error) error {
	if hit, err := s.cached(ctx, cc); hit || err != nil {
		return err
	}
	return s.x.work(ctx, func() error { return s.appendImage(ctx, cc, layer) })
}

// cached goes on with what was made before, if there is such.
func (s *stage) cached(ctx context.Context, cc *runconfig.Config) (bool, error) {
	if id, hit := s.probe(cc); hit {
		s.hit(id)
		return true, nil
	}
	return s.foreign(ctx, cc)
}

// hit goes on with an image that exists.
func (s *stage) hit(id string) {
	s.out.text(" ---> Using cache\n")
	s.set(id)
}

func (s *stage) set(id string) {
	s.image = id
	s.x.held.add(id)
}

// appendImage makes an image on the present one.
func (s *stage) appendImage(ctx context.Context, cc *runconfig.Config, layer func(io.Writer) error) error {
	return s.appendSpec(ctx, image.Append{
		Config: s.stand.Config, ContainerConfig: cc, CreatedBy: strings.Join(cc.Cmd, " "), Author: s.stand.Author, Platform: s.node.Platform,
	}, layer)
}

func (s *stage) appendSpec(ctx context.Context, spec image.Append, layer func(io.Writer) error) error {
	var parents []string
	if s.image != "" {
		parents = append(parents, s.image)
	}
	job := s.x.b.job(ctx, "image_append", parents...)
	if err := job.SetenvJson("Spec", spec); err != nil {
		return err
	}
	var id bytes.Buffer
	job.Stdout.Add(&id)
	if layer == nil {
		if err := job.Run(); err != nil {
			return err
		}
		s.set(strings.TrimSpace(id.String()))
		return nil
	}
	job.SetenvBool("layer", true)
	archive := pipe.From(layer)
	if err := job.Stdin.Add(archive); err != nil {
		return errors.Join(err, archive.Close())
	}
	err := job.Run()
	if werr := archive.Close(); werr != nil && err != nil && ctx.Err() == nil {
		return fmt.Errorf("%s failed: %w", strings.ToUpper(s.step.Command.Name()), werr)
	}
	if err != nil {
		return err
	}
	s.set(strings.TrimSpace(id.String()))
	return nil
}
