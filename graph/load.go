//go:build linux

package graph

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/pkg/jsonstream"
)

func (s *Store) loadDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "load", Summary: "Bring in the images of an archive.",
		Env: []engine.Key{
			{Name: "json", Type: engine.Bool, Summary: "progress as JSON objects instead of text"},
			{Name: "quiet", Type: engine.Bool, Summary: "no progress, only what was loaded"},
			{Name: "platform", Type: engine.List, Summary: "os/architecture[/variant], or the object of the API, of the images to be taken: those of this host where an image has several"},
		},
		Stdin: engine.Bytes, Stdout: engine.Bytes, Changes: true, Handler: s.jobLoad,
	}
}

type loadOptions struct {
	json, quiet bool
	platforms   []platform
}

func decodeLoad(job *engine.Job) (opt loadOptions, err error) {
	opt.json, opt.quiet = job.GetenvBool("json"), job.GetenvBool("quiet")
	opt.platforms, err = decodePlatforms(job.GetenvList("platform"))
	return opt, err
}

// jobLoad
//
//	Usage:  load
//	Env:    json, quiet, platform
//	Stdin:  an archive of images, plain or compressed by gzip, bzip2, xz or zstd:
//	        what docker save has written at any time (directories of classic
//	        images and repositories; manifest.json; an OCI layout), or an OCI
//	        layout of another tool. Its layers may be compressed likewise.
//	Stdout: progress, and "Loaded image: NAME" or "Loaded image ID: ID" for each
//	Errors: InvalidArgument (the archive), NotFound (platform)
//	Events: load for each image
//
// Nothing that the archive says of itself is believed: ids and digests are those
// of the content. Names that exist move. A load that fails or is cancelled
// leaves nothing.
func (s *Store) jobLoad(job *engine.Job) error {
	opt, err := decodeLoad(job)
	if err != nil {
		return err
	}
	return s.Load(job.Context(), opt, job.Stdin, jsonstream.NewWriter(job.Stdout, opt.json))
}

// Load brings in all images of an archive, or none.
func (s *Store) Load(ctx context.Context, opt loadOptions, stdin io.Reader, out *jsonstream.Writer) (err error) {
	flushes, err := s.newFlusher()
	if err != nil {
		return fmt.Errorf("loading images: %w", err)
	}
	l := &loader{store: s, contents: newLoadContents(), flushes: flushes}
	if !opt.quiet {
		l.progress = newLoadProgress(out)
	}
	defer func() { err = errors.Join(err, l.close()) }()
	if err := l.scan(ctx, stdin); err != nil {
		return fmt.Errorf("loading images: %w", err)
	}
	l.endProgress()
	list, err := l.contents.plan(opt.platforms)
	if err != nil {
		return fmt.Errorf("loading images: %w", err)
	}
	if err := l.flushes.flush(); err != nil {
		return fmt.Errorf("loading images: %w", err)
	}
	var kept []keptImage
	for _, w := range list {
		images, err := l.bring(ctx, w)
		if err != nil {
			return fmt.Errorf("loading images: %w", err)
		}
		kept = append(kept, images...)
	}
	if err := s.keepLoaded(ctx, kept); err != nil {
		return fmt.Errorf("loading images: %w", err)
	}
	return s.reportLoaded(ctx, kept, out)
}

// reportLoaded tells what was loaded, in the words of Docker.
func (s *Store) reportLoaded(ctx context.Context, kept []keptImage, out *jsonstream.Writer) error {
	for _, k := range kept {
		if k.inner {
			continue
		}
		s.event(ctx, "load", k.img.ID, map[string]string{"name": k.img.ID})
		if len(k.names) == 0 {
			if err := out.Stream("Loaded image ID: " + k.img.ID + "\n"); err != nil {
				return err
			}
		}
		for _, name := range k.names {
			if err := out.Stream("Loaded image: " + name.FamiliarString() + "\n"); err != nil {
				return err
			}
		}
	}
	return nil
}
