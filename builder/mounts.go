package builder

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"archive/tar"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/enginejobs/docker/builder/run"
	"github.com/enginejobs/docker/builder/source"
	"github.com/enginejobs/docker/errdefs"
)

// mounts makes the mounts of a RUN ready.
func (s *stage) mounts(ctx context.Context, c *instructions.RunCommand) ([]run.Mount, error) {
	var list []run.Mount
	for _, m := range instructions.GetMounts(c) {
		r := run.Mount{
			Type: string(m.Type), Target: m.Target, ID: m.CacheID, ReadOnly: m.ReadOnly, Sharing: string(m.CacheSharing),
			Size: m.SizeLimit, Required: m.Required,
		}
		if m.UID != nil {
			r.UID = int(*m.UID)
		}
		if m.GID != nil {
			r.GID = int(*m.GID)
		}
		if m.Mode != nil {
			r.Mode = fs.FileMode(*m.Mode) & fs.ModePerm
		}
		if err := s.fill(ctx, m, &r); err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

// fill adds what is behind a mount.
func (s *stage) fill(ctx context.Context, m *instructions.Mount, r *run.Mount) error {
	switch m.Type {
	case instructions.MountTypeSecret:
		if r.ID == "" {
			r.ID = m.Source
		}
		if r.ID == "" {
			r.ID = path.Base(m.Target)
		}
		r.Data = s.x.opt.Secrets[r.ID]
		if m.Env != nil {
			if r.Env = *m.Env; r.Env == "" {
				r.Env = r.ID
			}
		}
	case instructions.MountTypeSSH:
		if r.ID == "" {
			r.ID = "default"
		}
		r.Socket = s.x.opt.SSH[r.ID]
	case instructions.MountTypeBind, instructions.MountTypeCache:
		if m.Type == instructions.MountTypeCache && m.From == "" {
			return nil
		}
		r.Source = m.Source
		return s.behind(ctx, m, r)
	}
	return nil
}

// behind finds the directory of this host that a mount shows.
func (s *stage) behind(ctx context.Context, m *instructions.Mount, r *run.Mount) error {
	if m.From != "" {
		v, err := s.sourceView(ctx, m.From)
		if err != nil {
			return err
		}
		r.From, r.FromID = v.root, v.id
		if v.root == "" {
			r.From, err = s.x.directory()
		}
		return err
	}
	dir, err := s.x.unpackContext(ctx)
	r.From, r.FromID = dir, "context"
	return err
}

// unpackContext puts the context on the disk, once in a build that mounts it.
func (x *building) unpackContext(ctx context.Context) (string, error) {
	x.unpackOnce.Do(func() {
		if x.unpacked, x.unpackErr = x.directory(); x.unpackErr == nil {
			x.unpackErr = unpackTree(ctx, x.context, x.unpacked)
		}
	})
	return x.unpacked, x.unpackErr
}

// unpackTree writes a tree into an empty directory. The tree has no links in its
// directories, so that every path is where it says.
func unpackTree(ctx context.Context, t source.Tree, dir string) error {
	root, err := t.Lstat(".")
	if err != nil {
		return err
	}
	inodes := map[string]string{}
	err = source.Walk(ctx, t, root, func(e source.Entry) error {
		name := filepath.Join(dir, e.Path)
		if first, ok := inodes[e.Inode]; ok && e.Inode != "" {
			return os.Link(first, name)
		}
		if e.Inode != "" {
			inodes[e.Inode] = name
		}
		if err := unpackEntry(ctx, t, e, name); err != nil || e.Type == tar.TypeSymlink {
			return err
		}
		return errors.Join(os.Lchown(name, e.UID, e.GID), os.Chmod(name, fs.FileMode(e.Mode).Perm()), os.Chtimes(name, e.ModTime, e.ModTime))
	})
	if err != nil {
		return errdefs.InvalidArgument("unpacking the build context for a mount: %w", err)
	}
	return nil
}

func unpackEntry(ctx context.Context, t source.Tree, e source.Entry, name string) error {
	switch e.Type {
	case tar.TypeDir:
		if e.Path == "." {
			return nil
		}
		return os.Mkdir(name, 0o700)
	case tar.TypeSymlink:
		return errors.Join(os.Symlink(e.Link, name), os.Lchown(name, e.UID, e.GID))
	case tar.TypeReg:
		w, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		r, err := t.Open(ctx, e)
		if err != nil {
			return errors.Join(err, w.Close())
		}
		_, err = io.Copy(w, r)
		return errors.Join(err, r.Close(), w.Close())
	}
	return nil // devices of a context are nobody's
}
