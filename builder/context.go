package builder

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/enginejobs/docker/builder/dockerfile"
	"github.com/enginejobs/docker/builder/source"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/archive"
	"github.com/enginejobs/docker/pkg/ignorefile"
)

// given is what a build is made of.
type given struct {
	tree       *source.Archive
	dockerfile []byte
	name       string // of the Dockerfile
}

func (g *given) close(logf func(string, ...any)) {
	if err := g.tree.Close(); err != nil {
		logf("closing a build context: %v", err)
	}
}

// openContext reads the context and finds the Dockerfile in it.
func (b *Builder) openContext(ctx context.Context, opt buildOptions, in io.Reader, out *messages) (*given, error) {
	g := &given{name: opt.Dockerfile}
	if g.name == "" {
		g.name = "Dockerfile"
	}
	var err error
	if opt.Remote != "" {
		err = b.openRemote(ctx, opt, g, out)
	} else {
		err = b.openStdin(ctx, g, in)
	}
	if err != nil {
		return nil, err
	}
	if g.dockerfile == nil {
		if err := g.find(ctx, opt); err != nil {
			g.close(b.opt.Logf)
			return nil, err
		}
	}
	return g, nil
}

// openStdin reads an archive, or a Dockerfile that comes alone.
func (b *Builder) openStdin(ctx context.Context, g *given, in io.Reader) error {
	if in == nil {
		return errdefs.InvalidArgument("no build context: stdin has neither an archive nor a Dockerfile")
	}
	peeked := bufio.NewReaderSize(in, 4096)
	head, err := peeked.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if len(head) == 0 {
		return errdefs.InvalidArgument("no build context: stdin has neither an archive nor a Dockerfile")
	}
	if isArchive(head) {
		return b.spool(ctx, g, peeked)
	}
	text, err := io.ReadAll(io.LimitReader(peeked, dockerfile.MaxSize+1))
	if err != nil {
		return err
	}
	g.dockerfile, g.tree = text, source.Empty()
	return nil
}

// isArchive knows archives by their first bytes: 512 of zeros are an empty one.
func isArchive(head []byte) bool {
	if archive.Detect(head) != archive.None {
		return true
	}
	if len(head) < 512 {
		return false
	}
	return string(head[257:262]) == "ustar" || strings.Trim(string(head), "\x00") == ""
}

func (b *Builder) spool(ctx context.Context, g *given, r io.Reader) error {
	dir, err := b.scratch()
	if err != nil {
		return err
	}
	g.tree, err = source.Spool(ctx, dir, r, source.SpoolOptions{})
	return err
}

// find reads the Dockerfile of a context, and takes away what .dockerignore says
// is not for the build: clients send both files in any case.
func (g *given) find(ctx context.Context, opt buildOptions) error {
	name := path.Clean(strings.ReplaceAll(g.name, "\\", "/"))
	if path.IsAbs(name) || name == ".." || strings.HasPrefix(name, "../") {
		return errdefs.InvalidArgument("The Dockerfile (%s) must be within the build context", g.name)
	}
	text, err := readFile(ctx, g.tree, name, dockerfile.MaxSize+1)
	if errors.Is(err, fs.ErrNotExist) && opt.Dockerfile == "" {
		if text, err = readFile(ctx, g.tree, "dockerfile", dockerfile.MaxSize+1); err == nil {
			name = "dockerfile"
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return errdefs.InvalidArgument("Cannot locate specified Dockerfile: %s", g.name)
	}
	if err != nil {
		return err
	}
	g.dockerfile = text
	if len(text) == 0 {
		return errdefs.InvalidArgument("the Dockerfile (%s) cannot be empty", g.name)
	}
	return g.ignore(ctx, name, opt.Remote != "")
}

// ignore applies .dockerignore: to all files of what the engine itself has
// fetched, else to the two files that clients always send.
func (g *given) ignore(ctx context.Context, name string, all bool) error {
	file := ignorefile.For(name)
	text, err := readFile(ctx, g.tree, file, 4<<20)
	if errors.Is(err, fs.ErrNotExist) {
		file = ignorefile.Name
		text, err = readFile(ctx, g.tree, file, 4<<20)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	m, err := ignorefile.Read(strings.NewReader(string(text)))
	if err != nil {
		return errdefs.InvalidArgument("reading %s: %w", file, err)
	}
	if all {
		return g.tree.Ignore(m)
	}
	for _, f := range []string{name, file} {
		out, err := m.Path(f)
		if err != nil {
			return errdefs.InvalidArgument("reading %s: %w", file, err)
		}
		if out {
			g.tree.Hide(f)
		}
	}
	return nil
}

// readFile reads a small file of a tree.
func readFile(ctx context.Context, t source.Tree, name string, most int64) ([]byte, error) {
	e, err := source.Lookup(t, name, true)
	if err != nil {
		return nil, err
	}
	if e.IsDir() {
		return nil, errdefs.InvalidArgument("%s is a directory", name)
	}
	r, err := t.Open(ctx, e)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(r, most))
	return text, errors.Join(err, r.Close())
}
