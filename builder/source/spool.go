package source

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/archive"
)

// SpoolOptions limit what is read.
type SpoolOptions struct {
	MaxBytes   int64 // of the plain archive; 0: any
	MaxEntries int   // 0: DefaultMaxEntries
}

// DefaultMaxEntries is how many files a context may have: each costs less than 200
// bytes of memory and its name.
const DefaultMaxEntries = 4_000_000

const (
	block     = 512 // of a tar archive
	readAhead = 256 << 10
)

// Spool reads an archive, plain or compressed, to its end: into an unlinked file
// in dir, in one pass, and indexes it. What it holds of memory is the index.
// Errors of the archive are InvalidArgument: truncated ones, names that lead out,
// files in files.
func Spool(ctx context.Context, dir string, r io.Reader, opt SpoolOptions) (*Archive, error) {
	if opt.MaxEntries == 0 {
		opt.MaxEntries = DefaultMaxEntries
	}
	f, err := unlinked(dir)
	if err != nil {
		return nil, err
	}
	a := newArchive(f)
	if err := a.fill(ctx, r, opt); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return a, nil
}

// unlinked makes a file that is gone with its last descriptor.
func unlinked(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "context-")
	if err != nil {
		return nil, fmt.Errorf("making a file for the build context: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (a *Archive) fill(ctx context.Context, r io.Reader, opt SpoolOptions) error {
	plain, _, err := archive.Decompress(&cancelled{ctx: ctx, r: r})
	if err != nil {
		return readError(ctx, err)
	}
	defer plain.Close()
	out := bufio.NewWriterSize(a.file, readAhead)
	copied := &spooler{r: plain, w: out, left: opt.MaxBytes, limited: opt.MaxBytes > 0}
	in := &position{r: bufio.NewReaderSize(copied, readAhead)}
	if err := a.index(ctx, tar.NewReader(in), in, opt); err != nil {
		return readError(ctx, errors.Join(copied.failed, err))
	}
	copied.w = io.Discard
	if _, err := io.Copy(io.Discard, copied); err != nil { // what follows the end is not kept
		return readError(ctx, err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("keeping the build context: %w", err)
	}
	return nil
}

// readError gives faults of an archive their kind.
func readError(ctx context.Context, err error) error {
	var own *errdefs.Error
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &own), errors.Is(err, errWrite):
		return err
	}
	return errdefs.InvalidArgument("reading the build context: %w", err)
}

// errWrite says that the spool is full.
var errWrite = errors.New("keeping the build context")

// spooler writes down what is read through it.
type spooler struct {
	r       io.Reader
	w       io.Writer
	left    int64
	limited bool
	failed  error
}

// Read passes on and keeps.
func (s *spooler) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if s.limited {
		if s.left -= int64(n); s.left < 0 {
			s.failed = errdefs.InvalidArgument("the build context is larger than it may be")
			return 0, s.failed
		}
	}
	if _, werr := s.w.Write(p[:n]); werr != nil {
		s.failed = fmt.Errorf("%w: %w", errWrite, werr)
		return 0, s.failed
	}
	return n, err
}

// position counts what the reader of the archive has taken.
type position struct {
	r io.Reader
	n int64
}

// Read counts.
func (p *position) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.n += int64(n)
	return n, err
}

// cancelled ends with its context.
type cancelled struct {
	ctx context.Context
	r   io.Reader
}

// Read fails once the context has ended.
func (c *cancelled) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
