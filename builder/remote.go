package builder

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/enginejobs/docker/builder/dockerfile"
	"github.com/enginejobs/docker/builder/layer"
	"github.com/enginejobs/docker/builder/remote"
	"github.com/enginejobs/docker/builder/source"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/archive"
	"github.com/enginejobs/docker/pkg/jsonstream"
)

// openRemote brings a context that is named by a URL.
func (b *Builder) openRemote(ctx context.Context, opt buildOptions, g *given, out *messages) error {
	if repo, ok := remote.ParseGit(opt.Remote); ok {
		dir, err := b.scratch()
		if err != nil {
			return err
		}
		root, part, err := remote.Clone(ctx, dir, repo)
		if err != nil {
			return err
		}
		packed := archive.Stream(ctx, part, archive.PackOptions{})
		err = b.spool(ctx, g, packed)
		return errors.Join(err, packed.Close(), os.RemoveAll(root))
	}
	if !remote.IsURL(opt.Remote) {
		return errdefs.InvalidArgument("remoteURL (%s) could not be recognized as URL", opt.Remote)
	}
	f, err := remote.Download(ctx, opt.Remote)
	if err != nil {
		return err
	}
	defer f.Body.Close()
	body := bufio.NewReaderSize(out.w.NewReader(f.Body, f.Size, "", "Downloading build context from remote url"), 4096)
	head, err := body.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return errdefs.Unavailable("downloading the build context: %w", err)
	}
	if isArchive(head) {
		return b.spool(ctx, g, body)
	}
	text, err := io.ReadAll(io.LimitReader(body, dockerfile.MaxSize+1))
	if err != nil {
		return errdefs.Unavailable("downloading the Dockerfile: %w", err)
	}
	g.dockerfile, g.tree, g.name = text, source.Empty(), "Dockerfile"
	return nil
}

func isGit(s string) bool {
	_, ok := remote.ParseGit(s)
	return ok
}

// download is a tree with one downloaded file, in a directory that ends with the
// build.
func (s *stage) download(ctx context.Context, c *instructions.AddCommand, url string) (source.Tree, source.Entry, error) {
	f, err := remote.Download(ctx, url)
	if err != nil {
		return nil, source.Entry{}, err
	}
	defer f.Body.Close()
	name, err := destName(c, f.Name, url)
	if err != nil {
		return nil, source.Entry{}, err
	}
	dir, err := s.x.directory()
	if err != nil {
		return nil, source.Entry{}, err
	}
	if err := keepDownload(filepath.Join(dir, name), f, s.out.w); err != nil {
		return nil, source.Entry{}, err
	}
	t := source.Dir(dir)
	e, err := t.Lstat(name)
	return t, e, err
}

func keepDownload(file string, f *remote.File, out *jsonstream.Writer) error {
	w, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(w, out.NewReader(f.Body, f.Size, "", "Downloading"))
	if err == nil && f.Size >= 0 && n != f.Size {
		err = io.ErrUnexpectedEOF
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return errdefs.Unavailable("downloading %s: %w", filepath.Base(file), err)
	}
	modified := f.ModTime
	if modified.Before(time.Unix(0, 0)) {
		modified = time.Unix(0, 0)
	}
	return os.Chtimes(file, modified, modified)
}

// directory makes one that ends with the build.
func (x *building) directory() (string, error) {
	scratch, err := x.b.scratch()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(scratch, "files-")
	if err != nil {
		return "", err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.views["files "+strconv.Itoa(len(x.views))] = &view{release: func() error { return os.RemoveAll(dir) }}
	return dir, nil
}

// addURL is a file by HTTP. Archives stay what they are, unless --unpack is given.
func (s *stage) addURL(ctx context.Context, c *instructions.AddCommand, url string) ([]layer.Source, error) {
	t, e, err := s.download(ctx, c, url)
	if err != nil {
		return nil, err
	}
	if c.Checksum != "" {
		if err := verify(ctx, t, e, c.Checksum); err != nil {
			return nil, err
		}
	}
	return []layer.Source{{Tree: t, Path: e.Path, Entry: e, Unpack: c.Unpack != nil && *c.Unpack}}, nil
}

// addGit is a repository.
func (s *stage) addGit(ctx context.Context, c *instructions.AddCommand, url string) ([]layer.Source, error) {
	repo, _ := remote.ParseGit(url)
	dir, err := s.x.directory()
	if err != nil {
		return nil, err
	}
	_, part, err := remote.Clone(ctx, dir, repo)
	if err != nil {
		return nil, err
	}
	if c.KeepGitDir == nil || !*c.KeepGitDir {
		if err := os.RemoveAll(filepath.Join(part, ".git")); err != nil {
			return nil, err
		}
	}
	t := source.Dir(part)
	e, err := t.Lstat(".")
	return []layer.Source{{Tree: t, Path: ".", Entry: e}}, err
}
