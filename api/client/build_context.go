package client

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/ignorefile"
)

// buildContext is what is sent of a build.
type buildContext struct {
	remote     string
	archive    io.ReadCloser
	dockerfile string // its name in there
	mu         sync.Mutex
	err        error // why the archive is not whole
}

func (b *buildContext) close() {
	if b.archive != nil {
		_ = b.archive.Close() // what reads from it has ended
	}
}

func (b *buildContext) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

func (b *buildContext) failed() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// maxDockerfile is how many bytes are read of one that is not in the context.
const maxDockerfile = 16 << 20

// buildContext decides what is sent: a directory, what comes by standard input, or
// nothing, when the daemon is to fetch it.
func (cli *CLI) buildContext(ctx context.Context, o *buildOptions, from string) (*buildContext, error) {
	switch {
	case o.dockerfile == "-" && from == "-":
		return nil, errdefs.InvalidArgument("invalid argument: can't use stdin for both build context and dockerfile")
	case from == "-":
		return cli.stdinContext(o)
	case isRemote(from):
		return &buildContext{remote: from, dockerfile: o.dockerfile}, nil
	}
	return cli.directoryContext(ctx, o, from)
}

// isRemote tells what the daemon fetches: URLs, and repositories of git. A
// directory of that name goes before.
func isRemote(s string) bool {
	for _, prefix := range []string{"http://", "https://", "git://", "ssh://", "git@", "github.com/"} {
		if strings.HasPrefix(s, prefix) {
			_, err := os.Lstat(s)
			return err != nil
		}
	}
	return false
}

// stdinContext is an archive, or a Dockerfile alone.
func (cli *CLI) stdinContext(o *buildOptions) (*buildContext, error) {
	in := bufio.NewReaderSize(cli.In, 64<<10)
	head, err := in.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the build context from standard input: %w", err)
	}
	if looksPacked(head) {
		return &buildContext{archive: io.NopCloser(in), dockerfile: o.dockerfile}, nil
	}
	if o.dockerfile != "" {
		return nil, errdefs.InvalidArgument("ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles")
	}
	text, err := readDockerfile(in)
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	tw := tar.NewWriter(&packed)
	err = errors.Join(addText(tw, "Dockerfile", text), tw.Close())
	return &buildContext{archive: io.NopCloser(&packed)}, err
}

// looksPacked knows archives, plain or compressed, by their first bytes.
func looksPacked(head []byte) bool {
	for _, magic := range []string{"\x1f\x8b\x08", "BZh", "\xfd7zXZ\x00", "\x28\xb5\x2f\xfd"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return len(head) == 512 && (string(head[257:262]) == "ustar" || len(bytes.Trim(head, "\x00")) == 0)
}

func readDockerfile(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxDockerfile+1))
	if err != nil {
		return nil, fmt.Errorf("reading the Dockerfile: %w", err)
	}
	if len(text) > maxDockerfile {
		return nil, errdefs.InvalidArgument("the Dockerfile has more than %d bytes", maxDockerfile)
	}
	return text, nil
}

// directoryContext packs a directory while it is sent.
func (cli *CLI) directoryContext(ctx context.Context, o *buildOptions, dir string) (*buildContext, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errdefs.NotFound("unable to prepare context: path %q not found", dir)
	case err != nil:
		return nil, fmt.Errorf("unable to prepare context: %w", err)
	case !info.IsDir():
		return nil, errdefs.InvalidArgument("unable to prepare context: context must be a directory: %s", dir)
	}
	p := &packer{root: dir}
	given := &buildContext{}
	if given.dockerfile, err = cli.placeDockerfile(o, p); err != nil {
		return nil, err
	}
	if err := p.readIgnore(given.dockerfile); err != nil {
		return nil, err
	}
	r, w := io.Pipe()
	given.archive = r
	go func() { // ends with its pipe
		var out io.Writer = w
		var packed *gzip.Writer
		if o.compress {
			packed = gzip.NewWriter(w)
			out = packed
		}
		err := p.pack(ctx, out)
		if packed != nil && err == nil {
			err = packed.Close()
		}
		if err != nil && !errors.Is(err, io.ErrClosedPipe) {
			given.fail(err)
		}
		w.CloseWithError(err)
	}()
	return given, nil
}

// placeDockerfile finds the Dockerfile: in the directory, or outside of it; then
// it is sent with the rest, under a name of its own, and COPY does not see it.
func (cli *CLI) placeDockerfile(o *buildOptions, p *packer) (string, error) {
	if o.dockerfile == "-" {
		text, err := readDockerfile(cli.In)
		return p.extra(text), err
	}
	name := o.dockerfile
	if name == "" {
		name = filepath.Join(p.root, "Dockerfile")
		if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			if other := filepath.Join(p.root, "dockerfile"); exists(other) {
				name = other
			}
		}
	} else if !filepath.IsAbs(name) && !exists(name) && exists(filepath.Join(p.root, name)) {
		name = filepath.Join(p.root, name) // as clients of today take it
	}
	rel, err := relativeTo(p.root, name)
	if err != nil {
		return "", err
	}
	if rel != "" {
		if !exists(name) {
			return "", errdefs.InvalidArgument("unable to prepare context: Cannot locate Dockerfile: %s", name)
		}
		return rel, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("unable to prepare context: unable to open Dockerfile: %w", err)
	}
	defer f.Close()
	text, err := readDockerfile(f)
	return p.extra(text), err
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// relativeTo is the path of a file in a directory, links followed, "" when it is
// outside.
func relativeTo(dir, name string) (string, error) {
	absDir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	absName, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(absDir); err == nil {
		absDir = real
	}
	if real, err := filepath.EvalSymlinks(absName); err == nil {
		absName = real
	} else if real, err := filepath.EvalSymlinks(filepath.Dir(absName)); err == nil {
		absName = filepath.Join(real, filepath.Base(absName))
	}
	rel, err := filepath.Rel(absDir, absName)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return "", nil //nolint:nilerr // on another disk is outside
	}
	return filepath.ToSlash(rel), nil
}

// extra adds a file that is not in the directory.
func (p *packer) extra(text []byte) string {
	sum := sha256.Sum256(text)
	p.added, p.addedText = ".dockerfile."+hex.EncodeToString(sum[:10]), text
	return p.added
}

// readIgnore reads what is left out: NAME.dockerignore beside the Dockerfile, or
// .dockerignore.
func (p *packer) readIgnore(dockerfile string) error {
	for _, name := range []string{ignorefile.For(dockerfile), ignorefile.Name} {
		text, err := os.ReadFile(filepath.Join(p.root, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("unable to prepare context: %w", err)
		}
		if p.ignore, err = ignorefile.Read(bytes.NewReader(text)); err != nil {
			return errdefs.InvalidArgument("unable to prepare context: error reading %s: %w", name, err)
		}
		p.ignoreName, p.ignoreText = name, text
		break
	}
	p.keep = map[string]bool{dockerfile: true, p.ignoreName: true}
	if p.added != "" {
		p.keep = map[string]bool{p.ignoreName: true}
		if p.ignoreName == "" {
			p.ignoreName = ignorefile.Name
		}
		p.ignoreText = append(append([]byte{}, p.ignoreText...), "\n"+p.added+"\n"+ignorefile.Name+"\n"...)
		if p.ignore != nil && p.ignoreText != nil {
			p.ignoreText = append(append(bytes.TrimRight(p.ignoreText, "\n"), '\n'), p.added...)
		}
	}
	return nil
}
