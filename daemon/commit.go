package daemon

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/enginejobs/docker/builder/dockerfile"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/reference"
	"github.com/enginejobs/docker/runconfig"
)

func (d *Daemon) commitDeclaration() engine.Declaration {
	key := func(name string, t engine.Type, summary string) engine.Key {
		return engine.Key{Name: name, Type: t, Summary: summary}
	}
	return engine.Declaration{
		Name: "commit", Summary: "Make an image of what a container has written, and print its id.", Changes: true,
		Args:   []engine.Arg{{Name: "CONTAINER", Summary: "id, unique beginning of it, or name"}},
		Stdout: engine.Bytes, Handler: d.jobCommit,
		Env: []engine.Key{
			key("author", engine.String, "who has made the image"),
			{Name: "changes", Type: engine.List, Secret: true, Summary: "Dockerfile instructions applied to the configuration"},
			key("comment", engine.String, "message of the commit"),
			{Name: "config", Type: engine.JSON, Secret: true, Summary: "what differs from the configuration of the container"},
			{Name: "containerConfig", Type: engine.JSON, Secret: true, Summary: "what the image tells of the container, instead of its configuration"},
			key("createdBy", engine.String, "what the image tells of the command, instead of the container's"),
			key("exact", engine.Bool, "config is all of the image's: nothing of the container's is added"),
			key("pause", engine.Bool, "freeze the container while it is read"),
			key("repo", engine.String, "name of the image, with or without tag"),
			key("stubs", engine.List, "places of mounts, which are no part of the image when they are new and empty"),
			key("tag", engine.String, "tag of the image"),
		},
	}
}

type commitOptions struct {
	Name, Repo, Tag, Author, Comment string
	Pause, Exact                     bool
	Config, ContainerConfig          *runconfig.Config
	CreatedBy                        string
	Changes, Stubs                   []string
	mark                             marks
}

func decodeCommit(job *engine.Job) (opt commitOptions, err error) {
	opt = commitOptions{
		Name: job.Args[0], Repo: job.Getenv("repo"), Tag: job.Getenv("tag"), Author: job.Getenv("author"),
		Comment: job.Getenv("comment"), Pause: job.GetenvBool("pause"), Changes: job.GetenvList("changes"), mark: job.Phase,
		Exact: job.GetenvBool("exact"), CreatedBy: job.Getenv("createdBy"), Stubs: job.GetenvList("stubs"),
	}
	if err := job.GetenvJson("containerConfig", &opt.ContainerConfig); err != nil {
		return opt, err
	}
	return opt, job.GetenvJson("config", &opt.Config)
}

// jobCommit makes an image of a container: what it has written, without its
// volumes, over the image that it was made from.
//
// Usage:  commit CONTAINER
// Env:    repo, tag: name of the image; one that exists moves. author, comment.
// Env:    config, changes: what differs from the container's configuration.
// Env:    exact, containerConfig, createdBy, stubs: for builds, which know better.
// Env:    pause: freeze the container meanwhile.
// Stdout: the id of the image and a newline.
// Phases: read, keep.
// Errors: NotFound, InvalidArgument (name, change), Conflict (being removed).
// Events: commit; tag; pause and unpause.
func (d *Daemon) jobCommit(job *engine.Job) error {
	opt, err := decodeCommit(job)
	if err != nil {
		return err
	}
	id, err := d.Commit(job.Context(), opt)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(job.Stdout, id)
	return err
}

// Commit returns the id of the new image. The container is frozen no longer than
// it is read, and goes on whatever becomes of the commit.
func (d *Daemon) Commit(ctx context.Context, opt commitOptions) (string, error) {
	c, err := d.containers.find(opt.Name)
	if err != nil {
		return "", err
	}
	if err := d.opt.Images.CommitName(opt.Repo, opt.Tag); err != nil {
		return "", err
	}
	s, err := c.decided(ctx)
	if err != nil {
		return "", err
	}
	if s.state.Phase.gone() {
		return "", errdefs.Conflict("You cannot commit container %s which is being removed", s.rec.ID)
	}
	cfg, err := commitConfig(opt, s.rec.Config)
	if err != nil {
		return "", err
	}
	goOn, err := d.freeze(ctx, c, opt.Pause && s.state.Phase == running)
	if err != nil {
		return "", err
	}
	defer goOn()
	img, err := d.opt.Images.Commit(ctx, image.Commit{
		Container: c.id, Parent: s.rec.Image, Config: cfg, ContainerConfig: cmp.Or(opt.ContainerConfig, s.rec.Config),
		CreatedBy: cmp.Or(opt.CreatedBy, strings.Join(slices.Concat([]string{s.rec.Path}, s.rec.Args), " ")),
		Author:    opt.Author, Comment: opt.Comment, Repo: opt.Repo, Tag: opt.Tag, Stubs: opt.Stubs,
		Read: func() { opt.mark.done("read"); goOn() },
	})
	if err != nil {
		return "", err
	}
	opt.mark.done("keep")
	attrs := map[string]string{"comment": opt.Comment, "imageID": img.ID}
	if opt.Repo != "" {
		attrs["imageRef"] = opt.Repo
		if ref, err := reference.Parse(opt.Repo + ":" + cmp.Or(opt.Tag, "latest")); err == nil {
			attrs["imageRef"] = ref.FamiliarString()
		}
	}
	d.event(ctx, s, "commit", attrs)
	return img.ID, nil
}

// commitConfig is the configuration of the image. Changes apply to the one that
// was given, or else to the container's.
func commitConfig(opt commitOptions, from *runconfig.Config) (*runconfig.Config, error) {
	cfg := &runconfig.Config{}
	if opt.Config != nil {
		*cfg = *opt.Config
	} else {
		inherit(cfg, from)
	}
	if err := dockerfile.Changes(cfg, opt.Changes); err != nil {
		return nil, err
	}
	if opt.Config != nil && !opt.Exact {
		inherit(cfg, from)
	}
	return cfg, nil
}

// inherit completes the configuration of an image with the container's, of which
// the streams and the host's name are the container's alone.
func inherit(cfg, from *runconfig.Config) {
	merge(cfg, from)
	if cfg.OnBuild == nil {
		cfg.OnBuild = from.OnBuild
	}
	cfg.Image = from.Image
}

// freeze pauses a container. The function lets it go on, once, also when the
// caller has left.
func (d *Daemon) freeze(ctx context.Context, c *container, wanted bool) (goOn func(), err error) {
	if !wanted {
		return func() {}, nil
	}
	if err := d.job(ctx, "pause", c.id).Run(); err != nil {
		if errdefs.IsConflict(err) {
			return func() {}, nil // it has ended, or somebody else froze it
		}
		return nil, err
	}
	done := false
	return func() {
		if done {
			return
		}
		done = true
		if err := d.job(context.WithoutCancel(ctx), "unpause", c.id).Run(); err != nil && !errdefs.IsConflict(err) && !errdefs.IsNotFound(err) {
			d.opt.Logf("container %s stays paused after its commit: %v", short(c.id), err)
		}
	}, nil
}
