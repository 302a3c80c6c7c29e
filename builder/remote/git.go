package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	securejoin "github.com/cyphar/filepath-securejoin"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/archive"
)

// checkout is a repository on disk that is read as an archive.
type checkout struct {
	io.ReadCloser
	dir string
}

// Close ends the archive and removes the directory.
func (c *checkout) Close() error { return errors.Join(c.ReadCloser.Close(), os.RemoveAll(c.dir)) }

// clone gets a repository, as shallow as its server can, with its submodules, and
// streams what its URL asks for.
func clone(ctx context.Context, rawURL string, opt Options) (io.ReadCloser, error) {
	repo, err := parseGit(rawURL)
	if err != nil {
		return nil, err
	}
	program, err := exec.LookPath("git")
	if err != nil {
		return nil, errdefs.New(errdefs.KindUnavailable, "unable to prepare context: the program git is not installed where the engine runs: %w", err)
	}
	dir, err := os.MkdirTemp(opt.Dir, "git-")
	if err != nil {
		return nil, fmt.Errorf("making a directory for %s: %w", Redacted(repo.url), err)
	}
	g := &git{program: program, dir: filepath.Join(dir, "work"), home: dir, repo: repo}
	root, err := g.clone(ctx)
	if err == nil && !opt.KeepGit {
		err = os.RemoveAll(filepath.Join(root, ".git"))
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &checkout{ReadCloser: archive.Stream(ctx, root, archive.PackOptions{}), dir: dir}, nil
}

// git runs the program in one repository.
type git struct {
	program string
	dir     string // of the repository
	home    string // its parent: nothing of the engine's user counts
	repo    repository
}

// clone fills the directory and returns the part of it that the URL names.
func (g *git) clone(ctx context.Context) (string, error) {
	if err := os.Mkdir(g.dir, 0o755); err != nil {
		return "", err
	}
	for _, args := range [][]string{{"init", "--quiet", "--template="}, {"remote", "add", "origin", g.repo.url}} {
		if err := g.run(ctx, args...); err != nil {
			return "", err
		}
	}
	fetched, err := g.fetch(ctx)
	if err != nil {
		return "", err
	}
	if err := g.checkout(ctx, fetched); err != nil {
		return "", err
	}
	if _, err := os.Lstat(filepath.Join(g.dir, ".gitmodules")); err == nil {
		if err := g.run(ctx, "submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"); err != nil {
			return "", fmt.Errorf("error initializing submodules: %w", err)
		}
	}
	return g.subdir()
}

// fetch gets one ref with no history; what a server does not support, with more.
// It returns what has been fetched, for checkout.
func (g *git) fetch(ctx context.Context) (string, error) {
	const fetched = "FETCH_HEAD"
	ref := g.repo.ref
	if ref == "" {
		ref = "HEAD"
	}
	err := g.run(ctx, "fetch", "--quiet", "--depth", "1", "origin", "--", ref)
	if err == nil || ctx.Err() != nil {
		return fetched, err
	}
	// Servers of plain files have no shallow clones.
	if g.run(ctx, "fetch", "--quiet", "origin", "--", ref) == nil {
		return fetched, nil
	}
	if !isCommit(ref) || ctx.Err() != nil {
		return "", err
	}
	// Many servers give no commit that is not the end of a branch.
	return ref, g.run(ctx, "fetch", "--quiet", "--tags", "origin", "--", "+refs/heads/*:refs/remotes/origin/*")
}

// checkout puts the files in place. What can be the name of a branch becomes one,
// as users of .git expect.
func (g *git) checkout(ctx context.Context, fetched string) error {
	if ref := g.repo.ref; ref != "" && ref != fetched && !isCommit(ref) && !strings.HasPrefix(ref, "refs/") {
		if err := g.run(ctx, "checkout", "--quiet", "-B", ref, fetched, "--"); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return g.run(ctx, "checkout", "--quiet", "--detach", fetched, "--")
}

// subdir is the directory of the URL; links in it never lead out.
func (g *git) subdir() (string, error) {
	if g.repo.subdir == "" {
		return g.dir, nil
	}
	root, err := securejoin.SecureJoin(g.dir, g.repo.subdir)
	if err != nil {
		return "", errdefs.InvalidArgument("error setting git context, %q not within git root: %w", g.repo.subdir, err)
	}
	info, err := os.Lstat(root)
	if errors.Is(err, os.ErrNotExist) {
		return "", errdefs.NotFound("error setting git context: %s has no directory %s", Redacted(g.repo.url), g.repo.subdir)
	}
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return "", errdefs.InvalidArgument("error setting git context, not a directory: %s", g.repo.subdir)
	}
	return root, nil
}

// killDelay is how long output of a killed program may still come.
const killDelay = 500 * time.Millisecond

// run runs one command to its end, with no way to ask anybody, none of the user's
// configuration, and only the transports that Docker takes, also for submodules.
func (g *git) run(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, g.program, args...)
	cmd.Dir = g.dir
	cmd.Env = append(environment(os.Environ()),
		"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=/bin/false", "GIT_SSH_COMMAND=ssh -o BatchMode=yes",
		"GIT_ALLOW_PROTOCOL=http:https:git:ssh", "GIT_PROTOCOL_FROM_USER=0",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CEILING_DIRECTORIES="+g.home, "HOME="+g.home, "LC_ALL=C",
	)
	var out tail
	cmd.Stdout, cmd.Stderr = &out, &out
	ownGroup(cmd)
	cmd.WaitDelay = killDelay
	err := cmd.Run()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	text := strings.TrimSpace(out.String())
	if g.repo.secret != "" {
		text = strings.ReplaceAll(text, g.repo.secret, "xxxxx")
	}
	return errdefs.InvalidArgument("unable to 'git %s' %s: %w: %s", args[0], Redacted(g.repo.url), err, text)
}

// environment leaves out what turns git to another repository or program.
func environment(list []string) []string {
	kept := make([]string, 0, len(list)+10)
	for _, v := range list {
		if !strings.HasPrefix(v, "GIT_") && !strings.HasPrefix(v, "SSH_ASKPASS") {
			kept = append(kept, v)
		}
	}
	return kept
}

// maxOutput bounds what is kept of the words of a failure.
const maxOutput = 4 << 10

// tail keeps the end of what is written.
type tail struct{ bytes.Buffer }

// Write keeps and forgets.
func (t *tail) Write(p []byte) (int, error) {
	n, err := t.Buffer.Write(p)
	if over := t.Len() - maxOutput; over > 0 {
		t.Next(over)
	}
	return n, err
}
