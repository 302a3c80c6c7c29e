package ignorefile

import (
	"errors"
	"path"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/moby/patternmatcher"

	"github.com/enginejobs/docker/errdefs"
)

func TestMatcher(t *testing.T) {
	for what, c := range map[string]struct {
		text    string
		out, in string // paths
	}{
		"nothing":           {"", "", "a a/b .dockerignore"},
		"comments":          {"# a\n#b\n \n\n  c  \n", "c c/d", "a b # #b"},
		"mark of UTF-8":     {"\ufeffa\nb", "a b", "c"},
		"Windows ends":      {"a\r\nb\r\n", "a b a/x", "c"},
		"slashes":           {"/a\nb/\n./c\n/d/\n", "a b b/x c d d/e", "x/a x/b"},
		"out of it":         {"../a\n", "", "a"},
		"stars":             {"*.o\nd/*/x\n", "a.o d/e/x d/e/x/y", "d/a.o d/x d/e/f/x"},
		"two stars":         {"**/*.o\na/**/z\n**/node_modules\n", "a.o d/a.o d/e/a.o a/z a/b/z a/b/c/z node_modules/x d/node_modules/x/y", "a.oo z a/zz"},
		"two stars behind":  {"a/**\n", "a/b a/b/c", "a b"},
		"again":             {"*.md\n!README.md\n", "a.md", "README.md d/a.md"},
		"again and away":    {"*.md\n!README*.md\nREADME-secret.md\n", "a.md README-secret.md", "README.md README-x.md"},
		"again last":        {"*.md\nREADME-secret.md\n!README*.md\n", "a.md", "README-secret.md"},
		"again below":       {"*\n!src\n!/lib/keep\nsrc/*.tmp", "a lib lib/x src/a.tmp", "src src/a lib/keep lib/keep/x"},
		"again, two stars":  {"a\n!**/keep\n", "a a/b", "a/keep a/b/keep"},
		"all":               {"**\n", "a a/b", ""},
		"one character":     {"?.txt\n[a-c]1\n", "a.txt b1", "ab.txt d1"},
		"escaped":           {"a\\*\n\\!b\n", "a* !b", "ab b"},
		"regular expresion": {"a.b(c)+$\n", "a.b(c)+$", "axb(c)+$ a.bcc"},
		"blank after !":     {"*\n! a\n", "b", "a"},
	} {
		m, err := Read(strings.NewReader(c.text))
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		for want, names := range map[bool]string{true: c.out, false: c.in} {
			for _, name := range strings.Fields(names) {
				if got, err := m.Path(name); err != nil || got != want {
					t.Errorf("%s: %s: left out: %v, %v", what, name, got, err)
				}
				if want {
					continue
				}
				for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
					if out, err := m.Path(dir); err != nil || out && m.Prunes(dir) {
						t.Errorf("%s: %s is not read, though %s is needed: %v", what, dir, name, err)
					}
				}
			}
		}
	}
}

func TestPrunes(t *testing.T) {
	for text, c := range map[string]struct {
		dir  string
		want bool
	}{
		"a": {"a", true}, "a\n!b": {"a", true}, "a\n!a/b": {"a", false}, "a/b\n!a": {"a/b", false}, "a\n!*/x": {"a", false}, "a\n!ab": {"a", true},
	} {
		m, err := Read(strings.NewReader(text))
		if err != nil || m.Prunes(c.dir) != c.want {
			t.Errorf("%q: %s: %v, %v", text, c.dir, m.Prunes(c.dir), err)
		}
	}
	var none *Matcher
	if out, err := none.Path("a"); out || err != nil || !none.Prunes("a") {
		t.Error("no patterns leave something out")
	}
}

func TestFor(t *testing.T) {
	if got := For("dir/my.Dockerfile"); got != "dir/my.Dockerfile.dockerignore" {
		t.Error(got)
	}
}

func TestFaults(t *testing.T) {
	for _, text := range []string{"[", "a[", "!\n", "a/[b-\n", "x\\"} {
		if m, err := Read(strings.NewReader(text)); !errdefs.Is(err, errdefs.KindInvalidArgument) || !strings.Contains(err.Error(), Name) {
			t.Errorf("%q: %v, %v", text, m, err)
		}
	}
	if _, err := Read(strings.NewReader(strings.Repeat("a\n", maxSize))); err == nil {
		t.Error("reads any size")
	}
	broken := errors.New("broken")
	if _, err := Read(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// FuzzMatcher: any text is refused or matches any path, and what it says of a path
// step by step, as a walk asks, is what it says at once.
func FuzzMatcher(f *testing.F) {
	f.Add("*.md\n!README.md\n# x\n**/a[b-c]?\\*", "a/b/c.md")
	f.Add("\ufeff/a/../b/\r\n!**", "b/x")
	f.Add("a\n!a/b\na/b/c", "a/b/c/d")
	f.Fuzz(func(t *testing.T, text, name string) {
		name = strings.TrimPrefix(path.Clean("/"+name), "/")
		m, err := Read(strings.NewReader(text))
		if err != nil || name == "" {
			return
		}
		out, err := m.Path(name)
		if err != nil {
			return
		}
		if m.m.Exclusions() {
			for dir := path.Dir(name); dir != "." && !out; dir = path.Dir(dir) {
				if left, err := m.Path(dir); err == nil && left && m.Prunes(dir) {
					t.Errorf("%q: %q is taken, but %q is not read", text, name, dir)
				}
			}
			return // the library itself skips what cannot change anything for the directory alone
		}
		patterns := make([]string, 0, len(m.m.Patterns()))
		for _, p := range m.m.Patterns() {
			patterns = append(patterns, p.String())
		}
		whole, err := patternmatcher.MatchesOrParentMatches(name, patterns)
		if err == nil && whole != out && !strings.HasPrefix(strings.Join(patterns, ""), "!") {
			t.Errorf("%q: %q: %v by steps, %v at once", text, name, out, whole)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	m, err := Read(strings.NewReader("**/*.o\n**/node_modules\n.git\nbuild/**\n*.log\n!keep.log\ndocs/*/draft\n"))
	if err != nil {
		b.Fatal(err)
	}
	_, dir, err := m.Match("src", Parent{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, err := m.Match("src/file.go", dir); err != nil {
			b.Fatal(err)
		}
	}
}
