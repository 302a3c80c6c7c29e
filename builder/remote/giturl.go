package remote

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/enginejobs/docker/errdefs"
)

// repository is what the URL of a repository says.
type repository struct {
	url    string // for git, without the part after "#"
	ref    string // branch, tag or commit; "" is what the server has as its own
	subdir string
	secret string // password in the URL, never shown
}

// IsGit tells whether a text is the URL of a repository: of git://, ssh://, a name
// like git@host:path or github.com/…, or of http with a path that ends in .git.
func IsGit(text string) bool {
	if IsHTTP(text) {
		location, _, _ := strings.Cut(text, "#")
		return strings.HasSuffix(location, ".git")
	}
	for _, prefix := range []string{"git://", "ssh://", "git@", "github.com/"} {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}

// parseGit splits "URL#ref:subdir".
func parseGit(text string) (repository, error) {
	if strings.HasPrefix(text, "github.com/") {
		text = "https://" + text
	}
	location, fragment, _ := strings.Cut(text, "#")
	r := repository{url: location}
	if strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return r, errdefs.InvalidArgument("the URL of a git repository cannot have control characters")
	}
	host := strings.TrimPrefix(location, "git@")
	if !strings.HasPrefix(location, "git@") {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" {
			return r, errdefs.InvalidArgument("%s is no URL of a git repository", Redacted(location))
		}
		fragment, host = u.Fragment, u.Host
		r.secret, _ = u.User.Password()
		if strings.HasPrefix(u.User.Username(), "-") {
			return r, errdefs.InvalidArgument("%s is no URL of a git repository: its user begins with \"-\"", Redacted(location))
		}
	}
	if host == "" || host[0] == '-' {
		return r, errdefs.InvalidArgument("%s is no URL of a git repository: it has no host", Redacted(location))
	}
	r.ref, r.subdir, _ = strings.Cut(fragment, ":")
	if strings.HasPrefix(r.ref, "-") || strings.ContainsAny(r.ref, " ~^?*[\\:+") || strings.Contains(r.ref, "..") {
		return r, errdefs.InvalidArgument("invalid refspec: %s", r.ref)
	}
	return r, nil
}

// isCommit tells whether a ref may be the name of a commit, perhaps a short one.
func isCommit(ref string) bool {
	ok, err := regexp.MatchString(`^[0-9a-f]{7,64}$`, ref)
	return err == nil && ok
}
