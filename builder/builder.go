// Package builder owns job build: it turns a Dockerfile and a context into an
// image. A build reads its context once, into an unlinked file that package
// source indexes; COPY and ADD write the archive of their layer straight from
// there (package layer), RUN is a container like any other (package run), and
// everything else only changes the document of the image (package dockerfile).
//
// The package keeps no state between builds: what a step made is found again
// among the children of the image before it. Start reading at build.go, then
// stages.go; every instruction has a file of its own. It must not import daemon,
// graph or server: it asks for work by jobs, and for images by the small interface
// in this file.
package builder

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/enginejobs/docker/builder/run"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/image"
)

// imageStore is what a build reads of images; what it changes it changes by jobs.
type imageStore interface {
	Image(ref string) (*image.Image, error)
	// Children lists the images that were made here on one, newest first; of "",
	// those that were made on nothing.
	Children(id string) []*image.Image
	// ViewImage gives a path of this host that shows the root of an image, to be
	// read only, until release; "" is an empty root.
	ViewImage(ctx context.Context, id string) (root string, release func() error, err error)
	// HoldImage keeps an image from being pruned until release.
	HoldImage(id string) (release func())
}

// Options configure a Builder. Engine, Images and Root are needed.
type Options struct {
	Engine  *engine.Engine
	Images  imageStore
	Root    string // a directory of the builder's own
	Runtime string // likewise, on a tmpfs, for secrets

	Now  func() time.Time                 // nil: time.Now
	Logf func(format string, args ...any) // nil: discard
}

// Builder builds images.
type Builder struct {
	opt    Options
	runner *run.Runner
}

// New makes a builder. Recover clears what an earlier one left.
func New(opt Options) (*Builder, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Logf == nil {
		opt.Logf = func(string, ...any) {}
	}
	r, err := run.New(run.Options{
		Engine: opt.Engine, Root: filepath.Join(opt.Root, "run"), Runtime: opt.Runtime, Logf: opt.Logf, Now: opt.Now,
	})
	if err != nil {
		return nil, err
	}
	return &Builder{opt: opt, runner: r}, nil
}

// Install puts the jobs of the builder on the engine.
func (b *Builder) Install(eng *engine.Engine) error {
	return eng.Declare(b.buildDeclaration(), b.buildPruneDeclaration(), b.buildCachesDeclaration(), b.insertDeclaration())
}

// Recover clears what a killed daemon left of its builds. Containers must have
// been restored.
func (b *Builder) Recover(ctx context.Context) error {
	return errors.Join(os.RemoveAll(filepath.Join(b.opt.Root, scratchDir)), b.runner.Recover(ctx))
}

// job makes a job that belongs to the one of the context.
func (b *Builder) job(ctx context.Context, name string, args ...string) *engine.Job {
	return b.opt.Engine.Job(name, args...).SetContext(ctx)
}

// scratchDir is below the root of the builder.
const scratchDir = "tmp"

// scratch is the directory of files that live as long as a build. Most are
// unlinked as soon as they are open.
func (b *Builder) scratch() (string, error) {
	dir := filepath.Join(b.opt.Root, scratchDir)
	return dir, os.MkdirAll(dir, 0o700)
}

// Phases are told to the job of a build as they end.
type phaser func(name string)

// streams are where a build reads its context and writes its messages.
type streams struct {
	in  io.Reader
	out io.Writer
}
