package server

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/enginejobs/docker/builder"
)

// StartBuilder makes the builder, which works by the jobs of containers and
// images.
func (s *Server) StartBuilder(context.Context) error {
	p := &s.parts
	if err := errors.Join(need(p.images != nil, "the image store"), need(p.daemon != nil, "the daemon")); err != nil {
		return err
	}
	b, err := builder.New(builder.Options{
		Engine: s.eng, Images: p.images, Root: filepath.Join(s.cfg.Root, "builder"), Runtime: filepath.Join(s.cfg.ExecRoot, "builder"),
		Now: s.cfg.Now, Logf: s.log.Warnf,
	})
	if err != nil {
		return err
	}
	p.builder = b
	return b.Install(s.eng)
}

// RecoverBuilds clears what a killed daemon left of its builds, once containers
// are there again.
func (s *Server) RecoverBuilds(ctx context.Context) error {
	if err := need(s.parts.builder != nil, "the builder"); err != nil {
		return err
	}
	return s.parts.builder.Recover(ctx)
}
