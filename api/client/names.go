package client

import (
	"errors"
	"strings"
)

// splitTag cuts repository[:tag]. A colon before a slash is a registry's port.
// A digest stays with the repository's tag part: "name@sha256:…" gives the
// digest as tag.
func splitTag(ref string) (repo, tag string) {
	if repo, digest, ok := strings.Cut(ref, "@"); ok {
		return repo, digest
	}
	i := strings.LastIndexByte(ref, ':')
	if i < 0 || strings.Contains(ref[i:], "/") {
		return ref, ""
	}
	return ref[:i], ref[i+1:]
}

// withTag adds the default tag to a reference that has none.
func withTag(ref string) string {
	if _, tag := splitTag(ref); tag == "" {
		return ref + ":latest"
	}
	return ref
}

// shortID is the form of an id for people: 12 digits, no algorithm.
func shortID(id string) string {
	id = strings.TrimPrefix(id, "sha256:")
	if len(id) > 12 {
		return id[:12]
	}
	return id
}

// isRepositoryPart wants lower-case letters and digits, and between them also
// dots, dashes and underscores.
func isRepositoryPart(text string) bool {
	for i, r := range text {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
		case i > 0 && i < len(text)-1 && (r == '_' || r == '.' || r == '-'):
		default:
			return false
		}
	}
	return text != ""
}

// checkRepository refuses names that no server takes, before data is sent.
func checkRepository(repo string) error {
	if strings.Contains(repo, "://") {
		return errors.New(`Invalid repository name (ex: "registry.domain.tld/myrepos")`)
	}
	parts := strings.Split(repo, "/")
	if first := parts[0]; len(parts) > 1 && (strings.ContainsAny(first, ".:") || first == "localhost") {
		parts = parts[1:]
	}
	for _, part := range parts {
		if !isRepositoryPart(part) {
			return errors.New("Invalid repository name (" + part + "), only [a-z0-9-_.] are allowed")
		}
	}
	if len(parts) == 1 && parts[0] == "scratch" {
		return errors.New("'scratch' is a reserved name")
	}
	return nil
}
