package daemon

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/archive"
	"github.com/enginejobs/docker/pkg/containerfs"
)

// putOptions say what to unpack where.
type putOptions struct {
	Name, Path string
	KeepKinds  bool
	Own        bool
	In         io.Reader
}

func decodeArchivePut(job *engine.Job) putOptions {
	return putOptions{
		Name: job.Args[0], Path: job.Args[1], In: job.Stdin,
		KeepKinds: job.GetenvBool("noOverwriteDirNonDir"), Own: job.GetenvBool("copyUIDGID"),
	}
}

// jobContainerArchivePut unpacks an archive into a directory of a container, its
// volumes included. Nothing in the archive leads out of the container.
//
// Usage:  container_archive_put CONTAINER PATH
// Env:    noOverwriteDirNonDir: refuse to replace a directory by a file or the other way round.
// Env:    copyUIDGID: everything belongs to the user of the container, if it has one.
// Stdin:  an archive, plain or compressed by gzip, bzip2, xz or zstd.
// Errors: NotFound (container, path), InvalidArgument (archive, no directory), Forbidden (read-only), Conflict.
// Events: extract-to-dir.
func (d *Daemon) jobContainerArchivePut(job *engine.Job) error {
	return d.ArchivePut(job.Context(), decodeArchivePut(job))
}

// ArchivePut unpacks. What was unpacked before a fault stays.
func (d *Daemon) ArchivePut(ctx context.Context, opt putOptions) (err error) {
	c, err := d.containers.find(opt.Name)
	if err != nil {
		return err
	}
	if opt.Path == "" {
		return errNoPath
	}
	view, done, err := d.filesystem(ctx, c)
	if err != nil {
		return err
	}
	defer func() {
		if derr := done(); derr != nil && err == nil {
			err = derr
		}
	}()
	dir, at, err := view.Resolve(opt.Path)
	if err != nil {
		if errors.Is(err, unix.ENOTDIR) {
			return errdefs.InvalidArgument("extraction point is not a directory")
		}
		return pathError(err, opt.Path, opt.Name)
	}
	defer dir.Close()
	s := c.now()
	if err := writable(s.host, s.rec.MountPoints, at); err != nil {
		return err
	}
	how := archive.Options{At: at, KeepKinds: opt.KeepKinds}
	if opt.Own && s.rec.Config.User != "" {
		if how.Owner, err = ownerOf(view, s.rec.Config.User); err != nil {
			return err
		}
	}
	plain, _, err := archive.Decompress(opt.In)
	if err != nil {
		return errdefs.InvalidArgument("reading the archive for container %s: %w", opt.Name, err)
	}
	defer plain.Close()
	if _, err := archive.Unpack(ctx, view.Root(), plain, how); err != nil {
		return putError(err, opt.Name)
	}
	d.event(ctx, s, "extract-to-dir", nil)
	return nil
}

func putError(err error, name string) error {
	switch {
	case archive.IsInvalid(err):
		return errdefs.InvalidArgument("unpacking into container %s: %w", name, err)
	case errors.Is(err, unix.EROFS):
		return errdefs.Forbidden("unpacking into container %s: it is read-only there: %w", name, err)
	}
	return fmt.Errorf("unpacking into container %s: %w", name, err)
}

// ownerOf looks user[:group] up in the container's own files.
func ownerOf(view *containerfs.View, spec string) (*archive.Owner, error) {
	owner := &archive.Owner{}
	user, group, hasGroup := strings.Cut(spec, ":")
	if user != "" {
		fields, err := entryOf(view, "/etc/passwd", user)
		if err != nil {
			return nil, err
		}
		if owner.UID, err = strconv.Atoi(user); err != nil {
			if len(fields) < 4 {
				return nil, errdefs.NotFound("unable to find user %s: no matching entries in passwd file", user)
			}
			owner.UID, _ = strconv.Atoi(fields[2])
		}
		if len(fields) >= 4 {
			owner.GID, _ = strconv.Atoi(fields[3])
		}
	}
	if !hasGroup || group == "" {
		return owner, nil
	}
	var err error
	if owner.GID, err = strconv.Atoi(group); err == nil {
		return owner, nil
	}
	fields, err := entryOf(view, "/etc/group", group)
	if err != nil {
		return nil, err
	}
	if len(fields) < 3 {
		return nil, errdefs.NotFound("unable to find group %s: no matching entries in group file", group)
	}
	owner.GID, _ = strconv.Atoi(fields[2])
	return owner, nil
}

// entryOf finds the line of a name or number in a file like /etc/passwd; nil when
// there is none.
func entryOf(view *containerfs.View, file, name string) ([]string, error) {
	f, err := view.OpenFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	scan := bufio.NewScanner(io.LimitReader(f, 16<<20))
	for scan.Scan() {
		fields := strings.Split(scan.Text(), ":")
		if len(fields) >= 3 && (fields[0] == name || fields[2] == name) {
			return fields, nil
		}
	}
	return nil, scan.Err()
}
