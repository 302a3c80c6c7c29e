// Package reference reads the names of images: what people write ("ubuntu",
// "localhost:5000/team/app:1.2", "app@sha256:…") and the full form that it means
// ("docker.io/library/ubuntu:latest").
//
// It owns no state and is safe for concurrent use; a Ref is a plain value that
// can be compared. The grammar is that of github.com/distribution/reference,
// which the tests hold it against; it is written by hand because the regular
// expressions there cost every start of the program about a millisecond
// (docs/decisions/0008-hand-written-checks.md). Start reading at Parse. It knows
// nothing of the module and must not import any of it.
package reference

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// What can be wrong with a name; ask with errors.Is.
var (
	ErrFormat      = errors.New("invalid reference format")
	ErrUppercase   = errors.New("repository name must be lowercase")
	ErrTooLong     = fmt.Errorf("repository name must not be more than %d characters", maxPath)
	ErrTag         = errors.New("invalid tag format")
	ErrDigest      = errors.New("invalid checksum digest format")
	ErrDigestSize  = errors.New("invalid checksum digest length")
	ErrUnsupported = errors.New("unsupported digest algorithm")
	ErrIdentifier  = errors.New("cannot specify 64-byte hexadecimal strings")
)

const (
	defaultDomain = "docker.io"
	legacyDomain  = "index.docker.io"
	official      = "library/"
	defaultTag    = "latest"
	maxPath       = 255
	maxTag        = 128
)

// Ref is a name of images in its full form. The zero value names nothing.
type Ref struct {
	Domain string // "docker.io"; empty when the first part of the path can be no host
	Path   string // "library/ubuntu"
	Tag    string // may be empty
	Digest string // "sha256:…", may be empty
}

// Parse reads a name as people write it. Identifiers of 64 hex digits are
// refused, because they would hide the image that has them.
func Parse(s string) (Ref, error) {
	if len(s) == 64 && isHex(s) {
		return Ref{}, fmt.Errorf("invalid repository name (%s), %w", s, ErrIdentifier)
	}
	domain, rest := splitDomain(s)
	repo, _, _ := strings.Cut(rest, ":")
	if strings.ToLower(repo) != repo {
		return Ref{}, fmt.Errorf("%w: repository name (%s) must be lowercase", ErrFormat, repo)
	}
	ref, ok := parseFull(domain + "/" + rest)
	if !ok {
		if _, ok := parseFull(strings.ToLower(domain + "/" + rest)); ok {
			return Ref{}, ErrUppercase
		}
		return Ref{}, ErrFormat
	}
	if len(ref.Path) > maxPath {
		return Ref{}, ErrTooLong
	}
	if ref.Digest != "" {
		if err := checkDigest(ref.Digest); err != nil {
			return Ref{}, err
		}
	}
	return ref, nil
}

// splitDomain parts the host from the rest and fills in what people leave out:
// the default host, and "library/" before the official names on it. The first
// part is a host when it is localhost or can be no part of a path.
func splitDomain(s string) (domain, rest string) {
	first, after, ok := strings.Cut(s, "/")
	switch {
	case !ok:
		return defaultDomain, official + s
	case first == legacyDomain:
		domain, rest = defaultDomain, after
	case first == "localhost", strings.ContainsAny(first, ".:"), strings.ToLower(first) != first:
		domain, rest = first, after
	default:
		domain, rest = defaultDomain, s
	}
	if domain == defaultDomain && !strings.Contains(rest, "/") {
		rest = official + rest
	}
	return domain, rest
}

// parseFull parts DOMAIN/PATH[:TAG][@DIGEST] and checks the grammar of each. Tags
// and digests have no slash, so the last slash is still in the path.
func parseFull(s string) (ref Ref, ok bool) {
	name := s
	slash := strings.LastIndexByte(s, '/')
	if i := strings.IndexAny(s[slash+1:], ":@"); i >= 0 {
		i += slash + 1
		name = s[:i]
		tag, digest, digested := strings.Cut(s[i:], "@")
		if tag != "" {
			ref.Tag = tag[1:]
			if !ValidTag(ref.Tag) {
				return Ref{}, false
			}
		}
		if digested {
			ref.Digest = digest
			if !isDigest(digest) {
				return Ref{}, false
			}
		}
	}
	if domain, rest, cut := strings.Cut(name, "/"); cut && isDomain(domain) && isPath(rest) {
		ref.Domain, ref.Path = domain, rest
		return ref, true
	}
	ref.Path = name
	return ref, isPath(name)
}

// IsZero says whether r names nothing.
func (r Ref) IsZero() bool { return r == Ref{} }

// IsNameOnly says whether r has neither tag nor digest.
func (r Ref) IsNameOnly() bool { return r.Tag == "" && r.Digest == "" }

// Name is the repository in full: "docker.io/library/ubuntu".
func (r Ref) Name() string {
	if r.Domain == "" {
		return r.Path
	}
	return r.Domain + "/" + r.Path
}

// String is all of r in full.
func (r Ref) String() string { return r.with(r.Name()) }

// FamiliarName is the repository as people write it: "ubuntu".
func (r Ref) FamiliarName() string {
	if r.Domain != defaultDomain {
		return r.Name()
	}
	if short, ok := strings.CutPrefix(r.Path, official); ok && !strings.Contains(short, "/") {
		return short
	}
	return r.Path
}

// FamiliarString is all of r as people write it.
func (r Ref) FamiliarString() string { return r.with(r.FamiliarName()) }

func (r Ref) with(name string) string {
	switch {
	case r.Digest == "" && r.Tag == "":
		return name
	case r.Digest == "":
		return name + ":" + r.Tag
	case r.Tag == "":
		return name + "@" + r.Digest
	}
	return name + ":" + r.Tag + "@" + r.Digest
}

// WithDefaultTag adds the tag "latest" to a reference that is a name only.
func (r Ref) WithDefaultTag() Ref {
	if r.IsNameOnly() {
		r.Tag = defaultTag
	}
	return r
}

// WithTag is the repository of r with this tag and no digest.
func (r Ref) WithTag(tag string) (Ref, error) {
	if !ValidTag(tag) {
		return Ref{}, ErrTag
	}
	return Ref{Domain: r.Domain, Path: r.Path, Tag: tag}, nil
}

// Matches compares a pattern of path.Match with r, and with its repository, both
// as people write them.
func (r Ref) Matches(pattern string) (bool, error) {
	ok, err := path.Match(pattern, r.FamiliarString())
	if !ok {
		ok, _ = path.Match(pattern, r.FamiliarName()) // the same pattern, the same error
	}
	return ok, err
}
