package daemon

import (
	"context"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/archive"
	"github.com/enginejobs/docker/pkg/containerfs"
)

// archiveDeclarations is the table of the jobs that copy files in and out.
func (d *Daemon) archiveDeclarations() []engine.Declaration {
	where := []engine.Arg{
		{Name: "CONTAINER", Summary: "id, unique beginning of it, or name"},
		{Name: "PATH", Summary: "path in the container; a slash at its end asks for a directory"},
	}
	key := func(name string, t engine.Type, summary string) engine.Key {
		return engine.Key{Name: name, Type: t, Summary: summary}
	}
	return []engine.Declaration{
		{
			Name: "container_archive", Summary: "Write an archive of a file or directory of a container.", Args: where,
			Stdout: engine.Bytes, Handler: d.jobContainerArchive,
			Env: []engine.Key{key("stat", engine.Bool, "write one line of JSON before, which describes the file")},
		},
		{
			Name: "container_archive_put", Summary: "Unpack an archive into a directory of a container.", Args: where, Changes: true,
			Stdin: engine.Bytes, Handler: d.jobContainerArchivePut,
			Env: []engine.Key{
				key("copyUIDGID", engine.Bool, "everything belongs to the user of the container"),
				key("noOverwriteDirNonDir", engine.Bool, "refuse to put a file in the place of a directory or the other way round"),
			},
		},
		{
			Name: "container_archive_stat", Summary: "Describe a file of a container.", Args: where,
			Stdout: engine.JSONDocument, Handler: d.jobContainerArchiveStat,
		},
		{
			Name: "container_copy", Summary: "Write an archive of a file or directory of a container, as the first versions did.",
			Args:   []engine.Arg{where[0], {Name: "RESOURCE", Summary: "path in the container"}},
			Stdout: engine.Bytes, Handler: d.jobContainerCopy,
		},
	}
}

// jobContainerArchive packs what is at a path of a container, its volumes
// included. The names in the archive begin with the last element of the path.
//
// Usage:  container_archive CONTAINER PATH
// Env:    stat: a line with an api.PathStat comes first.
// Stdout: an uncompressed archive.
// Errors: NotFound (container, path), InvalidArgument, Conflict (being removed).
// Events: archive-path.
func (d *Daemon) jobContainerArchive(job *engine.Job) error {
	return d.Archive(job.Context(), decodeArchive(job))
}

var errNoPath = errdefs.InvalidArgument("bad parameter: 'path' cannot be empty")

// archiveOptions say what to pack, and for whom.
type archiveOptions struct {
	Name, Path string
	Stat       bool
	Out        io.Writer
	head       func(v any) error // writes the line before the archive
}

func decodeArchive(job *engine.Job) archiveOptions {
	return archiveOptions{Name: job.Args[0], Path: job.Args[1], Stat: job.GetenvBool("stat"), Out: job.Stdout, head: job.WriteJSON}
}

// Archive packs a file or a directory.
func (d *Daemon) Archive(ctx context.Context, opt archiveOptions) error {
	return d.withObject(ctx, opt.Name, opt.Path, func(c *container, o *containerfs.Object) error {
		if opt.Stat {
			if err := opt.head(pathStat(o)); err != nil {
				return err
			}
		}
		if err := pack(ctx, opt.Out, o, archiveName(opt.Path)); err != nil {
			return err
		}
		d.event(ctx, c.now(), "archive-path", nil)
		return nil
	})
}

// archiveName is what the object at a path is called in its archive: "." for
// what is inside of a directory, "/" for the root.
func archiveName(name string) string {
	if strings.HasSuffix(name, "/.") || name == "." {
		return "."
	}
	return path.Base(path.Clean("/" + name))
}

// pack writes an object under a name.
func pack(ctx context.Context, w io.Writer, o *containerfs.Object, as string) error {
	if o.Mode.IsDir() {
		return archive.Pack(ctx, w, o.Dir(), archive.PackOptions{As: as})
	}
	return archive.Pack(ctx, w, o.Dir(), archive.PackOptions{Only: []string{o.Base()}, As: as})
}

// withObject looks a path of a container up and lets f work on it.
func (d *Daemon) withObject(ctx context.Context, name, file string, f func(*container, *containerfs.Object) error) (err error) {
	c, err := d.containers.find(name)
	if err != nil {
		return err
	}
	if file == "" {
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
	o, err := view.Find(file)
	if err != nil {
		return pathError(err, file, name)
	}
	defer o.Close()
	return f(c, o)
}

// pathStat is the API's form of an object.
func pathStat(o *containerfs.Object) api.PathStat {
	return api.PathStat{Name: o.Name, Size: o.Size, Mode: o.Mode, Mtime: o.ModTime, LinkTarget: o.Link}
}

// copied is what an object is called in the archive of the first versions.
func copied(o *containerfs.Object) string {
	if o.Mode&fs.ModeDir != 0 && o.Name == "/" {
		return "."
	}
	return o.Name
}
