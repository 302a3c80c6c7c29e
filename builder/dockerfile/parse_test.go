package dockerfile_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/enginejobs/docker/builder/dockerfile"
	"github.com/enginejobs/docker/errdefs"
)

func TestParse_Texts(t *testing.T) {
	text := "# escape=\\\narg v=1\nfrom  a:$v  as B\nENV a=1 b=\"x y\"\nenv old  style\nRUN [\"a\",   \"b c\"]\nRUN echo \\\n  # no\n  x\n" +
		"HEALTHCHECK --retries=3 CMD [\"x\"]\nonbuild run --network=none echo   x\nLABEL a=b\nRUN <<EOF\nx\nEOF\nEXPOSE 9 8\n"
	for _, c := range []struct {
		classic bool
		want    []string
	}{
		{false, []string{"arg v=1", "from  a:$v  as B", "ENV a=1 b=\"x y\"", "env old  style", "RUN [\"a\",   \"b c\"]", "RUN echo   x",
			"HEALTHCHECK --retries=3 CMD [\"x\"]", "onbuild run --network=none echo   x", "LABEL a=b", "RUN <<EOF", "EXPOSE 9 8"}},
		{true, []string{"ARG v=1", "FROM a:$v as B", "ENV a 1 b \"x y\"", "ENV old style", "RUN a b c", "RUN echo   x",
			"HEALTHCHECK --retries=3 CMD x", "ONBUILD run --network=none echo   x", "LABEL a b", "RUN <<EOF", "EXPOSE 9 8"}},
	} {
		f, err := dockerfile.Parse([]byte(text), dockerfile.Options{Classic: c.classic})
		if err != nil {
			t.Fatal(err)
		}
		got := append([]string{}, f.MetaText...)
		for _, s := range f.Stages {
			got = append(got, s.Text)
			for _, step := range s.Steps {
				got = append(got, step.Text)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("classic %v (-want +got):\n%s", c.classic, diff)
		}
		if f.Stages[0].Name != "b" || f.Stages[0].Base != "a:$v" || f.Stages[0].Line != 3 || f.Stages[0].Steps[3].Line != 7 {
			t.Errorf("stage %+v", f.Stages[0])
		}
	}
}

func TestParse_Faults(t *testing.T) {
	big := append([]byte("FROM a\n"), bytes.Repeat([]byte("RUN true\n"), 10<<20/9)...)
	for _, c := range []struct {
		name    string
		text    []byte
		classic bool
		want    string
	}{
		{"nothing", nil, false, "the Dockerfile (D) cannot be empty"},
		{"nothing, classic", []byte(" \n"), true, "Dockerfile cannot be empty"},
		{"only a mark of the order of bytes", []byte("\xef\xbb\xbf\n"), false, "the Dockerfile (D) cannot be empty"},
		{"only comments", []byte("\xef\xbb\xbf# x\n\n # y"), false, "the Dockerfile (D) cannot be empty"},
		{"only comments, classic", []byte("# x\n"), true, "Dockerfile cannot be empty"},
		{"10 MB", big, false, "the Dockerfile (D) has more than the 2097152 bytes that are read"},
		{"too many instructions", append([]byte("FROM a\n"), bytes.Repeat([]byte("RUN a\n"), 10_000)...), false,
			"dockerfile parse error line 10001: the Dockerfile (D) has more than the 10000 instructions that are read"},
		{"a program", []byte("\x7fELF\x02\x01\x01\x00\x00"), false, "the Dockerfile (D) is not a text: line 1 has control characters"},
		{"a zero in it", []byte("FROM a\nRUN \x00\n"), false, "the Dockerfile (D) is not a text: line 2 has control characters"},
		{"neither UTF-8 nor text", []byte("FROM a\nRUN \xff\x01\n"), false, "the Dockerfile (D) is not a text: line 2 has control characters"},
		{"unknown, classic", []byte("FROM a\nfoo b\n"), true, "Unknown instruction: FOO"},
		{"a long line", []byte("FROM a\nRUN " + strings.Repeat("x", 70000)), false,
			"dockerfile parse error line 1: dockerfile line greater than max allowed size of 65535"},
		{"an open heredoc", []byte("FROM a\nRUN <<E\nx\n"), false, "dockerfile parse error line 2: unterminated heredoc"},
		{"a mount", []byte("FROM a\nRUN --mount=from=$x x\n"), false, `dockerfile parse error line 2: 'from' doesn't support variable expansion, define alias stage instead`},
		{"a second line of a command", []byte("FROM a\nRUN x \\\n  y\n\nCOPY x\n"), false,
			"dockerfile parse error line 5: COPY requires at least two arguments, but only one was provided. Destination could not be determined"},
	} {
		t.Run(c.name, func(t *testing.T) {
			began := time.Now()
			_, err := dockerfile.Parse(c.text, dockerfile.Options{Name: "D", Classic: c.classic})
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if !errdefs.Is(err, errdefs.KindInvalidArgument) {
				t.Errorf("kind %v", errdefs.KindOf(err))
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestParse_Accepted(t *testing.T) {
	for name, text := range map[string]string{
		"a mark of the order of bytes":     "\xef\xbb\xbfFROM a\n",
		"lines of Windows":                 "FROM a\r\nRUN x \\\r\n y\r\n",
		"an encoding of old":               "FROM a\n# caf\xe9\nLABEL x=caf\xe9\n",
		"no end of the last line":          "FROM a\nRUN x \\",
		"colours":                          "FROM a\nRUN echo \x1b[31m\n",
		"the frontend of Docker":           "# syntax=docker/dockerfile:1.7\n# check=skip=all\nFROM a\n",
		"the same by its digest":           "#syntax=docker.io/docker/dockerfile@sha256:00\nFROM a\n",
		"many flags":                       "FROM --platform=x/y a\nCOPY --from=a --chown=1:2 --chmod=u=rwX --link --parents --exclude=*.x a b /c/\nADD --checksum=sha256:00 --keep-git-dir=true --unpack x y\nRUN --network=none --mount=type=cache,target=/x,sharing=locked --mount=type=secret,id=a,env=A --mount=type=ssh --mount=type=tmpfs,target=/t,size=10m x\nHEALTHCHECK --start-interval=1s CMD x\n",
		"files of their own in the recipe": "FROM a\nCOPY <<a <<-\"b\" /c/\nx\na\n\ty $x\n\tb\n",
	} {
		f, err := dockerfile.Parse([]byte(text), dockerfile.Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(f.Stages) != 1 || f.Stages[0].Base != "a" || len(f.Warnings) > 0 {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestParse_Warnings(t *testing.T) {
	f, err := dockerfile.Parse([]byte("# syntax=example.com/frontend:1\nFROM a AS x\nRUN a \\\n\n b\nFROM b AS x\n"), dockerfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"Empty continuation line found in: RUN a  b",
		"the frontend example.com/frontend:1 of the line \"# syntax=\" is not used: this engine reads the file itself",
		"the name x of a stage is taken twice: what follows means the later one, line 6, not line 2",
	}
	if diff := cmp.Diff(want, f.Warnings); diff != "" {
		t.Error(diff)
	}
}

// Time grows with the size, not faster.
func TestParse_Large(t *testing.T) {
	text := append([]byte("FROM a\n"), bytes.Repeat([]byte("ENV a=$a b=${b:-c}\n"), dockerfile.MaxInstructions-1)...)
	began := time.Now()
	f, err := dockerfile.Parse(text, dockerfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Resolve(dockerfile.ResolveOptions{}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("%d instructions took %v", len(f.Stages[0].Steps), took)
	}
}

func TestTrigger(t *testing.T) {
	s, err := dockerfile.Trigger("RUN  a  `\n b", '`')
	if err != nil || s.Text != "RUN  a   b" || s.Command.Name() != "RUN" || s.Line != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err = dockerfile.Trigger("RUN <<E\nx\nE", '\\'); err != nil || s.Text != "RUN <<E" {
		t.Errorf("%+v, %v", s, err)
	}
	for text, want := range map[string]string{
		"":              `reading the build trigger "": file with no instructions`,
		"ONBUILD RUN x": "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed",
		"from x":        "FROM isn't allowed as an ONBUILD trigger",
		"Maintainer x":  "MAINTAINER isn't allowed as an ONBUILD trigger",
		"RUN a\nRUN b":  `onbuild trigger should be a single expression: "RUN a\nRUN b" has 2`,
		"nope":          `unknown instruction: NOPE, in the build trigger "nope"`,
		"COPY a":        `reading the build trigger "COPY a": COPY requires at least two arguments, but only one was provided. Destination could not be determined`,
		"RUN --x=y":     `reading the build trigger "RUN --x=y": unknown flag: --x`,
	} {
		_, err := dockerfile.Trigger(text, '\\')
		if err == nil || err.Error() != want || !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
