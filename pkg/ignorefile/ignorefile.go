// Package ignorefile owns .dockerignore: how it is read and what it matches. It
// has no state. Start reading at Read and Matcher. Client and builder share it; it
// is domain-free.
package ignorefile

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"github.com/enginejobs/docker/errdefs"
)

// Name is that of the file in the root of a context.
const Name = ".dockerignore"

// maxSize is how many bytes of patterns are read.
const maxSize = 4 << 20

// For is the name of the file that holds for one Dockerfile only and goes before
// Name.
func For(dockerfile string) string { return dockerfile + Name }

// Matcher tells what is left out of a context. It is not safe for concurrent use.
type Matcher struct {
	m *patternmatcher.PatternMatcher
}

// Read reads patterns, one a line: comments begin with "#", "!" takes paths in
// again, "**" matches any number of directories.
func Read(r io.Reader) (*Matcher, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", Name, err)
	}
	if len(text) > maxSize {
		return nil, errdefs.InvalidArgument("reading %s: more than %d bytes", Name, maxSize)
	}
	patterns, err := ignorefile.ReadAll(bytes.NewReader(text))
	if err != nil {
		return nil, errdefs.InvalidArgument("reading %s: %w", Name, err)
	}
	m, err := New(patterns)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", Name, err)
	}
	return m, nil
}

// New makes a matcher of patterns. Errors are InvalidArgument and name the one
// that is malformed.
func New(patterns []string) (*Matcher, error) {
	m, err := patternmatcher.New(patterns)
	if err == nil {
		return &Matcher{m: m}, nil
	}
	for _, p := range patterns {
		if _, err := patternmatcher.New([]string{p}); err != nil {
			return nil, errdefs.InvalidArgument("the pattern %q: %w", p, err)
		}
	}
	return nil, errdefs.InvalidArgument("patterns: %w", err)
}

// Parent is what a directory says of what is in it. The zero value is that of the
// root.
type Parent struct{ info patternmatcher.MatchInfo }

// Match tells whether a path, relative and with slashes, is left out, and what to
// ask with for the paths in it.
func (m *Matcher) Match(name string, parent Parent) (out bool, self Parent, err error) {
	if m == nil {
		return false, Parent{}, nil
	}
	out, info, err := m.m.MatchesUsingParentResults(path.Clean(name), parent.info)
	if err != nil {
		return false, Parent{}, errdefs.InvalidArgument("matching %s against patterns: %w", name, err)
	}
	return out, Parent{info}, nil
}

// Path is Match for a path alone.
func (m *Matcher) Path(name string) (bool, error) {
	if m == nil {
		return false, nil
	}
	var parent Parent
	var out bool
	for at := 0; at < len(name); {
		end := strings.IndexByte(name[at:], '/')
		if end < 0 {
			end = len(name) - at
		}
		var err error
		if out, parent, err = m.Match(name[:at+end], parent); err != nil {
			return false, err
		}
		at += end + 1
	}
	return out, nil
}

// Prunes tells whether nothing in a directory that is left out can be taken in
// again, so that it need not be read.
func (m *Matcher) Prunes(dir string) bool {
	if m == nil || !m.m.Exclusions() {
		return true
	}
	for _, p := range m.m.Patterns() {
		if !p.Exclusion() {
			continue
		}
		text := p.String()
		if strings.Contains(text, "*") || strings.ContainsAny(text, "?[\\") || strings.HasPrefix(text+"/", dir+"/") || strings.HasPrefix(dir+"/", text+"/") {
			return false
		}
	}
	return true
}
