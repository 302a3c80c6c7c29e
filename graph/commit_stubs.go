//go:build linux

package graph

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/enginejobs/docker/graphdriver"
	"github.com/enginejobs/docker/pkg/pipe"
)

// withoutStubs leaves the places of mounts out of what a container has written:
// new, empty files and directories of these paths. diff is closed with the result.
func (s *Store) withoutStubs(ctx context.Context, container string, stubs []string, diff io.ReadCloser) (io.ReadCloser, error) {
	if len(stubs) == 0 {
		return diff, nil
	}
	changes, err := s.driver.Changes(ctx, container)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("looking for the places of mounts: %w", err), diff.Close())
	}
	drop := bareStubs(changes, stubs)
	if len(drop) == 0 {
		return diff, nil
	}
	return &filteredDiff{pipe.From(func(w io.Writer) error { return copyWithout(w, diff, drop) }), diff}, nil
}

// bareStubs are those with nothing in them but each other.
func bareStubs(changes []graphdriver.Change, stubs []string) map[string]bool {
	added, inside := map[string]bool{}, map[string]int{}
	for _, c := range changes {
		added[c.Path] = c.Kind == graphdriver.ChangeAdd
		inside[path.Dir(c.Path)]++
	}
	deepest := slices.Clone(stubs)
	slices.SortFunc(deepest, func(a, b string) int { return strings.Count(b, "/") - strings.Count(a, "/") })
	drop := map[string]bool{}
	for _, stub := range deepest {
		stub = path.Join("/", stub)
		if added[stub] && inside[stub] == 0 && !drop[stub] {
			drop[stub] = true
			inside[path.Dir(stub)]--
		}
	}
	return drop
}

// copyWithout copies an archive but for what is in drop and has no content.
func copyWithout(w io.Writer, r io.Reader, drop map[string]bool) error {
	in, out := tar.NewReader(r), tar.NewWriter(w)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return out.Close()
		}
		if err != nil {
			return err
		}
		bare := h.Typeflag == tar.TypeDir || h.Typeflag == tar.TypeReg && h.Size == 0
		if bare && drop[path.Join("/", h.Name)] {
			continue
		}
		if err := out.WriteHeader(h); err != nil {
			return err
		}
		if _, err := io.Copy(out, in); err != nil {
			return err
		}
	}
}

type filteredDiff struct {
	*pipe.Reader
	diff io.Closer
}

// Close ends the filter, too.
func (f *filteredDiff) Close() error {
	_ = f.PipeReader.Close() // never fails
	err := f.diff.Close()    // nothing blocks on it any more
	_ = f.Reader.Close()     // said by Read already
	return err
}
