package dockerfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/enginejobs/docker/builder/dockerfile"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// seeds are the Dockerfiles of the records, and some that are odder.
func seeds(f *testing.F) {
	f.Helper()
	for _, pattern := range []string{"testdata/peer/*.txtar", "testdata/errors/*.txtar"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			for _, section := range txtar.Parse(raw).Files {
				if section.Name == "Dockerfile" {
					f.Add(section.Data)
				}
			}
		}
	}
	for _, text := range []string{
		stages, "\xef\xbb\xbffrom a", "FROM a\nRUN <<A <<-B\nx\nA\n\ty\n\tB\n", "# escape=`\nFROM a\nRUN a`\nb", "FROM a\nONBUILD RUN <<A\nx\nA\n",
		"FROM a\nENV a=${b//x/y}${c#*}${d%%?}", "FROM a\nRUN --mount=type=cache,target=/x,sharing=locked,uid=1 x", "FROM a\nCOPY [\"a b\", \"c\"]",
		"FROM a\nEXPOSE 1-65535/udp 0:0:0", "FROM a\nHEALTHCHECK --retries=2147483647 CMD x", "ARG a=${a}\nFROM $a${a:-b}",
	} {
		f.Add([]byte(text))
	}
}

// FuzzBuild: any text ends in a fault of the user's or in a build, which is the
// same each time, and whose texts are of one line.
func FuzzBuild(f *testing.F) {
	seeds(f)
	v := "x y\"'$a"
	f.Fuzz(func(t *testing.T, text []byte) {
		q := question{text: text, opt: dockerfile.ResolveOptions{Host: "linux/amd64", BuildArgs: map[string]*string{"a": &v, "b": nil, "http_proxy": &v}}}
		one, err := build(q)
		if err != nil {
			if !errdefs.Is(err, errdefs.KindInvalidArgument) && !errdefs.IsNotFound(err) && !strings.HasSuffix(err.Error(), "more than a change of the configuration") {
				t.Fatalf("kind %v: %v", errdefs.KindOf(err), err)
			}
			if strings.ContainsAny(err.Error(), "\x00") {
				t.Fatalf("%q", err)
			}
			return
		}
		two, err := build(q)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(one.history, two.history); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(one.config, two.config); diff != "" {
			t.Fatal(diff)
		}
	})
}

// FuzzParse: texts of either style, and a graph in which stages only need those
// before them.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, classic := range []bool{false, true} {
			file, err := dockerfile.Parse(text, dockerfile.Options{Classic: classic})
			if err != nil {
				if !errdefs.Is(err, errdefs.KindInvalidArgument) {
					t.Fatalf("kind %v: %v", errdefs.KindOf(err), err)
				}
				continue
			}
			g, err := file.Resolve(dockerfile.ResolveOptions{Host: "linux/amd64"})
			if err != nil {
				continue
			}
			check(t, g)
		}
	})
}

func check(t *testing.T, g *dockerfile.Graph) {
	t.Helper()
	seen := map[*dockerfile.Node]bool{}
	next := g.Nodes[0].First
	for _, n := range g.Nodes {
		if n.First != next {
			t.Fatalf("stage %d begins with step %d, not %d", n.Index, n.First, next)
		}
		next += 1 + len(n.Steps)
		for _, need := range n.Needs {
			if !seen[need] || need.Index >= n.Index {
				t.Fatalf("stage %d needs %d", n.Index, need.Index)
			}
		}
		if n.Parent == nil && n.Base == "" && n.Stage.Base == "" {
			t.Fatalf("stage %d has no base", n.Index)
		}
		seen[n] = true
		for _, s := range n.Steps {
			if s.Line <= 0 || s.Text == "" {
				t.Fatalf("step %+v", s)
			}
		}
	}
	if !seen[g.Target] || next != g.Steps {
		t.Fatalf("target %v, %d steps of %d", g.Target, next, g.Steps)
	}
}

// FuzzExpand: words of any kind with any variables, in little memory.
func FuzzExpand(f *testing.F) {
	for _, w := range []string{"$a", "${a}", "${a:-b}", "${a:+b}", "${a#*.}", "${a//b/c}", "\\$a", "'$a'", "\"$a\"", "${", "$", "${a?b}", "<<a", "${a%%[}", "${a/\\/}"} {
		f.Add(w, "foo.tar")
	}
	f.Fuzz(func(t *testing.T, word, value string) {
		if strings.ContainsAny(word, "\x00\n") {
			return
		}
		for _, text := range []string{"ENV x=" + word, "EXPOSE " + word, "COPY " + word + " /x", "RUN --mount=" + word + " x"} {
			file, err := dockerfile.Parse([]byte("FROM a\n"+text+"\n"), dockerfile.Options{})
			if err != nil || len(file.Stages) != 1 || len(file.Stages[0].Steps) != 1 {
				continue
			}
			if err := dockerfile.Expand(file.Stages[0].Steps[0].Command, []string{"a=" + value}, file.Escape); err != nil && !errdefs.Is(err, errdefs.KindInvalidArgument) {
				t.Fatalf("kind %v: %v", errdefs.KindOf(err), err)
			}
		}
	})
}

// FuzzTrigger: triggers come with images from anywhere.
func FuzzTrigger(f *testing.F) {
	for _, text := range []string{"RUN x", "ONBUILD x", "COPY . /", "RUN <<A\nx\nA", "# escape=`\nRUN x", "", "ENV a", "FROM x", "\n\nRUN a"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := dockerfile.Trigger(text, '\\')
		if err != nil {
			if !errdefs.Is(err, errdefs.KindInvalidArgument) {
				t.Fatalf("kind %v: %v", errdefs.KindOf(err), err)
			}
			return
		}
		switch strings.ToUpper(s.Command.Name()) {
		case "ONBUILD", "FROM", "MAINTAINER":
			t.Fatalf("%q is a trigger", text)
		}
	})
}

func FuzzChanges(f *testing.F) {
	f.Add(`ENV A="b c" D=\ e`)
	f.Add("LABEL a=${B:-$C} $")
	f.Add("HEALTHCHECK --interval=5s CMD x")
	f.Add("CMD <<E\nx\nE")
	f.Fuzz(func(_ *testing.T, lines string) {
		_ = dockerfile.Changes(&runconfig.Config{}, strings.Split(lines, "\n"))
	})
}
