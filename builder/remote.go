package builder

import (
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
	"github.com/enginejobs/docker/pkg/jsonstream"
)

// openRemote brings a context that is named by a URL.
func (b *Builder) openRemote(ctx context.Context, opt buildOptions, g *given, out *messages) error {
	dir, err := b.scratch()
	if err != nil {
		return err
	}
	message := remote.Message(opt.Remote)
	got, err := remote.Fetch(ctx, opt.Remote, remote.Options{
		Dir: dir, MaxDockerfile: dockerfile.MaxSize, Progress: progress(out.w, message),
	})
	if err != nil {
		return err
	}
	if got.Archive == nil {
		g.dockerfile, g.tree, g.name = got.Dockerfile, source.Empty(), "Dockerfile"
		return nil
	}
	return errors.Join(b.spool(ctx, g, got.Archive), got.Archive.Close())
}

// progressStep is how many bytes come between two messages.
const progressStep = 512 << 10

// progress tells of a download.
func progress(out *jsonstream.Writer, action string) func(current, total int64) {
	last := int64(-progressStep)
	return func(current, total int64) {
		if current-last < progressStep && current != total {
			return
		}
		last = current
		_ = out.Progress("", action, jsonstream.Progress{Current: current, Total: total})
	}
}

// download is a tree with one downloaded file, in a directory that ends with the
// build.
func (s *stage) download(ctx context.Context, c *instructions.AddCommand, url string) (source.Tree, source.Entry, error) {
	f, err := remote.Download(ctx, url, remote.Options{Progress: progress(s.out.w, "Downloading")})
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
	if err := keepDownload(filepath.Join(dir, name), f); err != nil {
		return nil, source.Entry{}, err
	}
	t := source.Dir(dir)
	e, err := t.Lstat(name)
	return t, e, err
}

func keepDownload(file string, f *remote.Remote) error {
	w, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(w, f.Body)
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
	x.atEnd(func() error { return os.RemoveAll(dir) })
	return dir, nil
}

// atEnd has something done when the build is over.
func (x *building) atEnd(f func() error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.views["files "+strconv.Itoa(len(x.views))] = &view{release: f}
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
	return []layer.Source{{Tree: t, Path: e.Path, Entry: e, Remote: true, Unpack: c.Unpack != nil && *c.Unpack}}, nil
}

// addGit is a repository.
func (s *stage) addGit(ctx context.Context, c *instructions.AddCommand, url string) ([]layer.Source, error) {
	dir, err := s.x.b.scratch()
	if err != nil {
		return nil, err
	}
	got, err := remote.Fetch(ctx, url, remote.Options{Dir: dir, KeepGit: c.KeepGitDir != nil && *c.KeepGitDir})
	if err != nil {
		return nil, err
	}
	t, err := source.Spool(ctx, dir, got.Archive, source.SpoolOptions{})
	if err = errors.Join(err, got.Archive.Close()); err != nil {
		return nil, err
	}
	s.x.atEnd(t.Close)
	e, err := t.Lstat(".")
	return []layer.Source{{Tree: t, Path: ".", Entry: e}}, err
}
