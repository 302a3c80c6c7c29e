package remote

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

func TestIsGit(t *testing.T) {
	for text, want := range map[string]bool{
		"git://h/x": true, "ssh://git@h/x": true, "git@h:x": true, "github.com/a/b": true, "https://h/x.git": true, "http://h/x.git#main:dir": true,
		"https://h/x": false, "https://h/x#a.git": false, "https://h/x.git?a": false, "": false, "x.git": false, "/a/b.git": false, "ext::sh": false, "file:///x.git": false,
	} {
		if got := IsGit(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestParseGit(t *testing.T) {
	for text, want := range map[string]repository{
		"github.com/a/b":                   {url: "https://github.com/a/b"},
		"git@h:a/b.git#v1.2:x/y":           {url: "git@h:a/b.git", ref: "v1.2", subdir: "x/y"},
		"https://u:p@h/b.git#:x":           {url: "https://u:p@h/b.git", subdir: "x", secret: "p"},
		"git://h/b#feature/x":              {url: "git://h/b", ref: "feature/x"},
		"ssh://git@h:22/b.git#refs/tags/1": {url: "ssh://git@h:22/b.git", ref: "refs/tags/1"},
	} {
		if got, err := parseGit(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"https://h/b.git#-x", "https://h/b.git#--upload-pack=x", "git@h:b#a..b", "git@h:b#a b", "ssh://-oProxyCommand=x/b.git", "git@-oProxyCommand=x:b",
		"https:///b.git", "git@", "https://h/b.git\n", "git://[/x", "ssh://-x@h/b", "git://h/b#+a:b", "git@h:b#a:b\x00",
	} {
		if got, err := parseGit(text); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

// server serves repositories below a directory: with the program's own back end,
// or below /dumb/ as plain files. /hang/ never answers.
type server struct {
	dir string
	url string
	env []string
}

func newServer(t *testing.T) *server {
	t.Helper()
	path, err := exec.LookPath("git")
	if err != nil {
		t.Skip("there is no git here")
	}
	out, err := exec.CommandContext(t.Context(), path, "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	backend := filepath.Join(strings.TrimSpace(string(out)), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		t.Skip("git has no http back end here")
	}
	s := &server{dir: t.TempDir()}
	mux := http.NewServeMux()
	mux.Handle("/", &cgi.Handler{Path: backend, Stderr: io.Discard, Env: []string{"GIT_PROJECT_ROOT=" + s.dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"}})
	mux.Handle("/dumb/", http.StripPrefix("/dumb/", http.FileServer(http.Dir(s.dir))))
	mux.HandleFunc("/hang/", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)
	s.url = web.URL + "/"
	s.env = append(environment(os.Environ()), "HOME="+s.dir, "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b", "GIT_CONFIG_NOSYSTEM=1", "GIT_ALLOW_PROTOCOL=file:http")
	return s
}

// git runs the program in a repository of the server.
func (s *server) git(t *testing.T, repo string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir, cmd.Env = filepath.Join(s.dir, repo), s.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// write puts files into a repository and commits; the text of links begins with "->".
func (s *server) write(t *testing.T, repo string, files map[string]string) string {
	t.Helper()
	for name, text := range files {
		name = filepath.Join(s.dir, repo, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if to, ok := strings.CutPrefix(text, "->"); ok {
			err = os.Symlink(to, name)
		} else {
			err = os.WriteFile(name, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s.git(t, repo, "add", "-A")
	s.git(t, repo, "commit", "-q", "-m", "x")
	s.git(t, repo, "update-server-info")
	return s.git(t, repo, "rev-parse", "HEAD")
}

func (s *server) init(t *testing.T, repo, branch string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(s.dir, repo), 0o755); err != nil {
		t.Fatal(err)
	}
	s.git(t, repo, "init", "-q", "-b", branch)
}

// files reads an archive and drops the files of git itself to one word.
func files(t *testing.T, got *Fetched) []string {
	t.Helper()
	var list []string
	for tr := tar.NewReader(got.Archive); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(h.Name, ".git/") && h.Name != ".git/" || h.Typeflag == tar.TypeDir && h.Name != ".git/" {
			continue
		}
		text, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, strings.TrimSpace(h.Name+h.Linkname+"="+string(text)))
	}
	if err := got.Archive.Close(); err != nil {
		t.Error(err)
	}
	slices.Sort(list)
	return list
}

func TestFetch_Git(t *testing.T) {
	s := newServer(t)
	s.init(t, "lib.git", "main")
	s.write(t, "lib.git", map[string]string{"l": "lib"})
	s.init(t, "a.git", "trunk") // nothing depends on the name of the first branch
	first := s.write(t, "a.git", map[string]string{"Dockerfile": "one", "sub/Dockerfile": "sub", "sub/out": "->/etc", "in": "->sub", "up": "->../../etc"})
	s.git(t, "a.git", "tag", "v1")
	s.write(t, "a.git", map[string]string{"Dockerfile": "two"})
	s.git(t, "a.git", "checkout", "-q", "-b", "other/branch", "v1")
	s.write(t, "a.git", map[string]string{"Dockerfile": "three", ".dockerignore": "x"})
	s.git(t, "a.git", "submodule", "--quiet", "add", "../lib.git", "mod")
	s.write(t, "a.git", nil)
	s.git(t, "a.git", "checkout", "-q", "trunk")

	links := []string{"in" + "sub=", "sub/Dockerfile=sub", "sub/out/etc=", "up../../etc="}
	head := append([]string{"Dockerfile=two"}, links...)
	one := append([]string{"Dockerfile=one"}, links...)
	for _, c := range []struct {
		url  string
		want []string
		git  bool
	}{
		{url: "a.git", want: head},
		{url: "a.git", want: append([]string{".git/="}, head...), git: true},
		{url: "a.git#trunk", want: head},
		{url: "a.git#v1", want: one},
		{url: "a.git#" + first, want: one},
		{url: "a.git#" + first[:8], want: one},
		{url: "a.git#refs/heads/trunk", want: head},
		{url: "a.git#:sub", want: []string{"Dockerfile=sub", "out/etc="}},
		{url: "a.git#v1:in", want: []string{"Dockerfile=sub", "out/etc="}, git: true},
		{url: "a.git#other/branch:mod", want: []string{".git=", "l=lib"}, git: true},
		{url: "a.git#other/branch:mod", want: []string{"l=lib"}},
		{url: "dumb/a.git/.git", want: head},
	} {
		dir := t.TempDir()
		got, err := Fetch(t.Context(), s.url+c.url, Options{Dir: dir, KeepGit: c.git})
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		list := files(t, got)
		for i, f := range list {
			if strings.HasPrefix(f, ".git=gitdir:") {
				list[i] = ".git="
			}
		}
		if !slices.Equal(list, c.want) {
			t.Errorf("%s: %q, want %q", c.url, list, c.want)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("%s leaves %v, %v", c.url, left, err)
		}
	}
}

func TestFetch_GitFaults(t *testing.T) {
	s := newServer(t)
	s.init(t, "a.git", "main")
	s.write(t, "a.git", map[string]string{"f": "x", "up": "->../../../../../../etc"})
	s.init(t, "evil.git", "main")
	s.write(t, "evil.git", map[string]string{".gitmodules": "[submodule \"m\"]\n\tpath = m\n\turl = file://" + s.dir + "/a.git\n"})
	s.git(t, "evil.git", "update-index", "--add", "--cacheinfo", "160000,"+s.git(t, "a.git", "rev-parse", "HEAD")+",m")
	s.git(t, "evil.git", "commit", "-q", "-m", "y")
	withSecret := strings.Replace(s.url, "://", "://me:hunter2@", 1)
	for what, want := range map[string]string{
		"none.git":      "unable to 'git fetch' http://me:xxxxx@",
		"a.git#nothing": "unable to 'git fetch'",
		"a.git#:none":   "has no directory none",
		"a.git#:f":      "not a directory: f",
		"a.git#:up":     "has no directory up", // the link stays inside, where there is no etc
		"evil.git":      "error initializing submodules",
		"a.git#0123456789012345678901234567890123456789": "unable to 'git checkout'",
	} {
		dir := t.TempDir()
		got, err := Fetch(t.Context(), withSecret+what, Options{Dir: dir})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") || errdefs.Is(err, errdefs.KindInternal) {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("%s leaves %v, %v", what, left, err)
		}
	}
	if _, err := Fetch(t.Context(), s.url+"a.git", Options{Dir: "/nowhere"}); err == nil {
		t.Error("fetched into a directory that does not exist")
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := Fetch(t.Context(), s.url+"a.git", Options{Dir: t.TempDir()}); !errdefs.Is(err, errdefs.KindUnavailable) {
		t.Errorf("without git: %v", err)
	}
}

// TestFetch_GitCancel: a server that says nothing costs no more than the patience
// of the user.
func TestFetch_GitCancel(t *testing.T) {
	s := newServer(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	dir := t.TempDir()
	time.AfterFunc(300*time.Millisecond, func() { cancel(errors.New("enough")) })
	begin := time.Now()
	_, err := Fetch(ctx, s.url+"hang/a.git", Options{Dir: dir})
	if err == nil || err.Error() != "enough" || time.Since(begin) > 1300*time.Millisecond {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("leaves %v, %v", left, err)
	}
}

func FuzzParseGit(f *testing.F) {
	f.Add("https://u:p@h/b.git#v1:x")
	f.Add("git@h:b#-x")
	f.Add("github.com/\x00")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseGit(text)
		if err != nil || !IsGit(text) {
			return
		}
		if strings.HasPrefix(r.ref, "-") || strings.HasPrefix(r.url, "-") || strings.ContainsRune(r.url+r.ref, 0) {
			t.Errorf("%q: %+v", text, r)
		}
	})
}
