package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/mflag"
	"github.com/enginejobs/docker/pkg/pipe"
)

const cpHelp = `One of the two sides is CONTAINER:PATH, the other a local path, or - for a tar
archive on standard input or output. A directory that exists is copied into; a
path that ends with /. means what is inside of a directory.`

type cpOptions struct {
	archive, follow, quiet bool
}

func newCp(cli *CLI, flags *mflag.Set) runFunc {
	o := &cpOptions{}
	flags.Bool(&o.archive, "-a --archive", "Copy all uid/gid information")
	flags.Bool(&o.follow, "-L --follow-link", "Follow symbolic links in the source path")
	flags.Bool(&o.quiet, "-q --quiet", "Do not tell how much was copied")
	return func(ctx context.Context, args []string) error {
		if args[0] == "" {
			return errors.New("source can not be empty")
		}
		if args[1] == "" {
			return errors.New("destination can not be empty")
		}
		from, src := splitCpArg(args[0])
		to, dst := splitCpArg(args[1])
		switch {
		case from != "" && to != "":
			return errors.New("copying between containers is not supported")
		case from != "":
			return cli.copyFrom(ctx, o, from, src, dst)
		case to != "":
			return cli.copyTo(ctx, o, src, to, dst)
		}
		return errors.New("must specify at least one container source")
	}
}

// splitCpArg tells CONTAINER:PATH from a local path, whose container is empty. A
// local path with a colon begins with a slash or a dot.
func splitCpArg(arg string) (container, file string) {
	if filepath.IsAbs(arg) {
		return "", arg
	}
	container, file, ok := strings.Cut(arg, ":")
	if !ok || strings.HasPrefix(container, ".") {
		return "", arg
	}
	return container, file
}

// place is one side of a copy, as the rules of cp look at it.
type place struct {
	path   string // as the user wrote it, links at its end resolved
	exists bool
	dir    bool
}

// wantsDir tells whether a path can only be a directory's.
func wantsDir(p string) bool {
	return strings.HasSuffix(p, "/") || strings.HasSuffix(p, "/.") || p == "." ||
		os.PathSeparator != '/' && strings.HasSuffix(p, string(os.PathSeparator))
}

// contentsOnly tells whether a source path means what is inside of a directory.
func contentsOnly(p string) bool { return strings.HasSuffix(p, "/.") || p == "." }

// settle says into which directory of the destination the source goes, and under
// which name: "." for what is inside of it.
func settle(srcName string, srcDir bool, dst place, split func(string) (dir, base string)) (dir, name string, err error) {
	if dst.exists && dst.dir {
		return dst.path, srcName, nil
	}
	switch {
	case dst.exists && srcDir:
		return "", "", errors.New("cannot copy directory")
	case !dst.exists && !srcDir && wantsDir(dst.path):
		return "", "", errors.New("no such directory")
	}
	dir, name = split(dst.path)
	return dir, name, nil
}

func splitRemote(p string) (dir, base string) {
	clean := path.Clean("/" + p)
	if contentsOnly(p) {
		return clean, "."
	}
	return path.Dir(clean), path.Base(clean)
}

// sourceName is what a source is called at its destination.
func sourceName(p, clean string) string {
	if contentsOnly(p) || clean == "/" {
		return "."
	}
	return path.Base(clean)
}

// copyFrom copies out of a container.
func (cli *CLI) copyFrom(ctx context.Context, o *cpOptions, container, src, dst string) error {
	name := sourceName(src, path.Clean("/"+src))
	local := dst
	if dst != "-" {
		var err error
		if local, err = absLocal(dst); err == nil {
			err = checkOutput(local)
		}
		if err != nil {
			return err
		}
	}
	if o.follow {
		stat, err := cli.statPath(ctx, container, src)
		if err != nil {
			return err
		}
		if stat.LinkTarget != "" {
			src = stat.LinkTarget
		}
	}
	resp, err := cli.http.do(ctx, request{method: http.MethodGet, path: containerPath(container, "/archive"), query: url.Values{"path": {src}}})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if dst == "-" {
		if _, err := io.Copy(cli.Out, resp.Body); err != nil {
			return vanished("copying from "+container, err)
		}
		return nil
	}
	stat, err := decodePathStat(resp.Header)
	if err != nil {
		return err
	}
	to, err := localPlace(local)
	if err != nil {
		return err
	}
	dir, as, err := settle(name, stat.Mode.IsDir(), to, splitLocal)
	if err != nil {
		return err
	}
	size, err := unpackLocal(ctx, resp.Body, dir, as, o.archive)
	var other *kindError
	switch {
	case errors.As(err, &other):
		return other
	case err != nil:
		return fmt.Errorf("copying %s:%s to %s: %w", container, src, dst, err)
	}
	cli.copied(o, size, dst)
	return nil
}

// copied tells a person how much it was.
func (cli *CLI) copied(o *cpOptions, size int64, dst string) {
	if _, terminal := terminalOf(cli.Err); terminal && !o.quiet {
		fmt.Fprintf(cli.Err, "Successfully copied %s to %s\n", humanSize(size), dst)
	}
}

// statPath describes a file of a container.
func (cli *CLI) statPath(ctx context.Context, container, file string) (api.PathStat, error) {
	resp, err := cli.http.do(ctx, request{method: http.MethodHead, path: containerPath(container, "/archive"), query: url.Values{"path": {file}}})
	if err != nil {
		if errdefs.IsNotFound(err) { // the answer to HEAD cannot say what is missing
			return api.PathStat{}, errdefs.NotFound("Could not find the file %s in container %s", file, container)
		}
		return api.PathStat{}, err
	}
	defer resp.Body.Close()
	return decodePathStat(resp.Header)
}

func decodePathStat(h http.Header) (stat api.PathStat, err error) {
	text, err := base64.StdEncoding.DecodeString(h.Get(api.PathStatHeader))
	if err == nil {
		err = json.Unmarshal(text, &stat)
	}
	if err != nil {
		return stat, fmt.Errorf("reading the daemon's description of the file: %w", err)
	}
	return stat, nil
}

// remotePlace looks at a destination in a container, where links at the end are
// followed too. What cannot be looked at is taken for missing: the daemon knows
// better.
func (cli *CLI) remotePlace(ctx context.Context, container, dst string) (place, error) {
	p := dst
	for range maxLinks {
		stat, err := cli.statPath(ctx, container, p)
		if err != nil {
			return place{path: p}, nil
		}
		if stat.LinkTarget == "" {
			if stat.Mode&os.ModeDevice != 0 {
				return place{}, fmt.Errorf("destination \"%s:%s\" must be a directory or a regular file: got a device", container, dst)
			}
			return place{path: p, exists: true, dir: stat.Mode.IsDir()}, nil
		}
		p = stat.LinkTarget
	}
	return place{path: p}, nil
}

// copyTo copies into a container.
func (cli *CLI) copyTo(ctx context.Context, o *cpOptions, src, container, dst string) error {
	if dst == "" {
		return errors.New("destination path must not be empty")
	}
	to, err := cli.remotePlace(ctx, container, dst)
	if err != nil {
		return err
	}
	if src == "-" {
		if !to.dir {
			return fmt.Errorf("destination \"%s:%s\" must be a directory", container, dst)
		}
		return cli.putArchive(ctx, o, container, to.path, cli.In)
	}
	abs, local, err := localSource(src, o.follow)
	if err != nil {
		return err
	}
	info, err := os.Lstat(local)
	if err != nil {
		return err
	}
	local = filepath.Clean(local)
	dir, as, err := settle(sourceName(filepath.ToSlash(abs), filepath.ToSlash(filepath.Clean(abs))), info.IsDir(), to, splitRemote)
	if err != nil {
		return err
	}
	var size int64
	content := pipe.From(func(w io.Writer) (err error) {
		size, err = packLocal(ctx, w, local, as)
		return err
	})
	err = cli.putArchive(ctx, o, container, dir, content)
	_ = content.Close() // putArchive has read its error
	if err == nil {
		cli.copied(o, size, container+":"+dst)
	}
	return err
}

func (cli *CLI) putArchive(ctx context.Context, o *cpOptions, container, dir string, content io.Reader) error {
	query := url.Values{"path": {dir}, "noOverwriteDirNonDir": {"true"}}
	if o.archive {
		query.Set("copyUIDGID", "true")
	}
	resp, err := cli.http.do(ctx, request{
		method: http.MethodPut, path: containerPath(container, "/archive"), query: query, stream: content, streamType: "application/x-tar",
	})
	if err != nil {
		return err
	}
	return resp.Body.Close()
}
