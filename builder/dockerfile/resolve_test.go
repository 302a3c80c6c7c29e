package dockerfile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/enginejobs/docker/builder/dockerfile"
	"github.com/enginejobs/docker/errdefs"
)

func resolve(t *testing.T, text string, opt dockerfile.ResolveOptions) (*dockerfile.Graph, error) {
	t.Helper()
	f, err := dockerfile.Parse([]byte(text), dockerfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	opt.Host = "linux/amd64"
	return f.Resolve(opt)
}

// show is a graph in a line for each stage.
func show(g *dockerfile.Graph) string {
	var b strings.Builder
	for _, n := range g.Nodes {
		fmt.Fprintf(&b, "%d first=%d", n.Index, n.First)
		switch {
		case n.Parent != nil:
			fmt.Fprintf(&b, " on=%d", n.Parent.Index)
		case n.Base == "":
			b.WriteString(" scratch")
		default:
			b.WriteString(" from=" + n.Base)
		}
		if n.Platform != "" {
			b.WriteString(" platform=" + n.Platform)
		}
		for _, need := range n.Needs {
			fmt.Fprintf(&b, " needs=%d", need.Index)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "target=%d steps=%d\n", g.Target.Index, g.Steps)
	return b.String()
}

const stages = `ARG v=1
FROM a:$v AS one
RUN x
FROM one AS Two
RUN --mount=type=bind,from=three-not-a-stage,target=/x x
FROM unused AS three
RUN y
FROM scratch
COPY --from=TWO /x /x
COPY --from=0 /x /x
RUN --mount=from=one,target=/m z
FROM 1
COPY --from=3 /x /y
COPY --from=busybox:latest /x /y
`

func TestResolve(t *testing.T) {
	one, arm := "one", "linux/arm64"
	for _, c := range []struct {
		name, text string
		opt        dockerfile.ResolveOptions
		want       string
	}{
		{"all that the last one needs", stages, dockerfile.ResolveOptions{},
			"0 first=1 from=a:1\n1 first=3 on=0 needs=0\n3 first=5 scratch needs=1 needs=0\n4 first=9 from=1 needs=3\ntarget=4 steps=12\n"},
		{"target by name", stages, dockerfile.ResolveOptions{Target: "tWo"}, "0 first=1 from=a:1\n1 first=3 on=0 needs=0\ntarget=1 steps=5\n"},
		{"target by number", stages, dockerfile.ResolveOptions{Target: "2"}, "2 first=1 from=unused\ntarget=2 steps=3\n"},
		{"arguments of the caller", stages, dockerfile.ResolveOptions{Target: "one", BuildArgs: map[string]*string{"v": &one}},
			"0 first=1 from=a:one\ntarget=0 steps=3\n"},
		{"labels are steps", "FROM a", dockerfile.ResolveOptions{Labels: map[string]string{"b": "2", "a": "1"}}, "0 first=0 from=a\ntarget=0 steps=3\n"},
		{"platforms", "FROM --platform=$BUILDPLATFORM a AS b\nFROM a\nCOPY --from=b / /\n", dockerfile.ResolveOptions{Platform: arm},
			"0 first=0 from=a platform=linux/amd64\n1 first=1 from=a platform=linux/arm64 needs=0\ntarget=1 steps=3\n"},
		{"platform of the target in a name", "FROM a-$TARGETARCH", dockerfile.ResolveOptions{Platform: arm}, "0 first=0 from=a-arm64 platform=linux/arm64\ntarget=0 steps=1\n"},
		{"an argument that chooses a stage", "ARG v=x\nFROM a AS b-x\nFROM a AS b-y\nFROM b-$v\n", dockerfile.ResolveOptions{},
			"0 first=1 from=a\n2 first=2 on=0 needs=0\ntarget=2 steps=3\n"},
		{"two of a name", "FROM a AS x\nFROM b AS X\nFROM x\n", dockerfile.ResolveOptions{}, "1 first=0 from=b\n2 first=1 on=1 needs=1\ntarget=2 steps=2\n"},
		{"a stage may have the name of its base", "FROM busybox AS busybox\nFROM busybox\n", dockerfile.ResolveOptions{},
			"0 first=0 from=busybox\n1 first=1 on=0 needs=0\ntarget=1 steps=2\n"},
		{"triggers of a stage", "FROM a AS x\nFROM a AS base\nONBUILD COPY --from=x a b\nFROM a AS y\nFROM base\n", dockerfile.ResolveOptions{},
			"0 first=0 from=a\n1 first=1 from=a\n3 first=3 on=1 needs=1 needs=0\ntarget=3 steps=4\n"},
		{"triggers of an image", "FROM a AS x\nFROM a AS y\nFROM b\n", dockerfile.ResolveOptions{Triggers: func(image string) []string {
			return map[string][]string{"b": {"RUN a", "what", "COPY --from=X a b", "RUN --mount=from=1,target=/x x", "COPY --from=later a b"}}[image]
		}}, "0 first=0 from=a\n1 first=1 from=a\n2 first=2 from=b needs=0 needs=1\ntarget=2 steps=3\n"},
		{"faults of stages that are not wanted", "FROM $nothing AS x\nCOPY --from=9 a b\nFROM a\n", dockerfile.ResolveOptions{}, "1 first=0 from=a\ntarget=1 steps=1\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, err := resolve(t, c.text, c.opt)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, show(g)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestResolve_Labels(t *testing.T) {
	g, err := resolve(t, "FROM a\nENV x=1\n", dockerfile.ResolveOptions{Labels: map[string]string{"b": "$x", "a": "1 2"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range g.Target.Steps {
		if err := dockerfile.Expand(s.Command, []string{"x=1"}, '\\'); err != nil {
			t.Fatal(err)
		}
		got = append(got, s.Text)
	}
	if diff := cmp.Diff([]string{"ENV x=1", "LABEL a=1 2", "LABEL b=$x"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestResolve_Faults(t *testing.T) {
	for _, c := range []struct{ text, target, want string }{
		{"FROM a AS b", "c", `failed to reach build target c in Dockerfile: target stage "c" could not be found`},
		{"FROM a AS b", "1", `failed to reach build target 1 in Dockerfile: target stage "1" could not be found`},
		{"FROM a AS b", "-1", `failed to reach build target -1 in Dockerfile: target stage "-1" could not be found`},
		{"FROM a\nRUN --mount=from=0,target=/x x", "", "dockerfile parse error line 2: circular dependency detected on stage: 0: it cannot copy from itself"},
		{"FROM a AS b\n\nCOPY --from=c x y\nFROM b AS c", "", "dockerfile parse error line 3: circular dependency detected on stage: c: it begins in line 4, after the line that copies from it"},
		{"ARG x=${", "", "no build stage in current context: the Dockerfile (Dockerfile) has no FROM"},
		{"ARG x=${\nFROM a", "", `dockerfile parse error line 1: ARG x: failed to process "${": missing '}'`},
		{"FROM a\nFROM $b", "", "dockerfile parse error line 2: base name ($b) should not be blank"},
		{"ARG b\nFROM ${b:?needed}", "", `dockerfile parse error line 2: FROM ${b:?needed}: failed to process "${b:?needed}": b: needed`},
	} {
		f, err := dockerfile.Parse([]byte(c.text), dockerfile.Options{})
		if err == nil {
			_, err = f.Resolve(dockerfile.ResolveOptions{Target: c.target})
		}
		if err == nil || err.Error() != c.want {
			t.Errorf("%q: got %v, want %s", c.text, err, c.want)
		}
		if !errdefs.Is(err, errdefs.KindInvalidArgument) && !errdefs.IsNotFound(err) {
			t.Errorf("%q: kind %v", c.text, errdefs.KindOf(err))
		}
	}
}

func TestGraph_Reference(t *testing.T) {
	g, err := resolve(t, stages, dockerfile.ResolveOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		at    int // among the nodes
		from  string
		stage int
		image string
	}{
		{2, "TWO", 1, ""}, {2, "two", 1, ""}, {2, "1", 1, ""}, {2, "0", 0, ""}, {3, "3", 3, ""},
		{3, "busybox:latest", -1, "busybox:latest"}, {1, "three-not-a-stage", -1, "three-not-a-stage"},
	} {
		n, image := g.Reference(c.from, g.Nodes[c.at])
		if got := index(n); got != c.stage || image != c.image {
			t.Errorf("%s: stage %d, image %q", c.from, got, image)
		}
	}
}

func index(n *dockerfile.Node) int {
	if n == nil {
		return -1
	}
	return n.Index
}
