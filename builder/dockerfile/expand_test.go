package dockerfile_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/enginejobs/docker/builder/dockerfile"
	"github.com/enginejobs/docker/errdefs"
)

// instruction reads one line.
func instruction(t testing.TB, text string) instructions.Command {
	t.Helper()
	f, err := dockerfile.Parse([]byte("FROM a\n"+text+"\n"), dockerfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f.Stages[0].Steps[0].Command
}

// TestExpand_Modifiers has what dockerd 20.10 did not know; testdata/peer has the
// rest.
func TestExpand_Modifiers(t *testing.T) {
	env := []string{"f=foo.tar.gz", "e=", "p=/a/b/c", "f=second"}
	for in, want := range map[string]string{
		"${e-d}": "", "${n-d}": "d", "${e:-d}": "d", "${f+y}": "y", "${n+y}": "", "${e:+y}": "",
		"${f#*.}": "tar.gz", "${f##*.}": "gz", "${f%.*}": "foo.tar", "${f%%.*}": "foo",
		"${f/o/0}": "f0o.tar.gz", "${f//o/0}": "f00.tar.gz", "${p//\\//-}": "-a-b-c", "${f/x/y}": "foo.tar.gz",
		"${n:-${e:-${f}}}": "foo.tar.gz", "a${f}b": "afoo.tar.gzb", "\\$f": "$f", "'$f'": "$f", "\"$f\"": "foo.tar.gz",
		"${f?needed}": "foo.tar.gz", "${f:?needed}": "foo.tar.gz",
	} {
		cmd := instruction(t, "USER x")
		cmd.(*instructions.UserCommand).User = in
		if err := dockerfile.Expand(cmd, env, '\\'); err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got := cmd.(*instructions.UserCommand).User; got != want {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
}

func TestExpand_Faults(t *testing.T) {
	for in, want := range map[string]string{
		"USER ${n:?is_missing}":     `failed to process "${n:?is_missing}": n: is_missing`,
		"ENV a=${n":                 `failed to process "${n": missing '}'`,
		"ENV a=${n!x}":              `failed to process "${n!x}": unsupported modifier (!) in substitution`,
		"EXPOSE 80 ${":              `failed to process "${": missing '}'`,
		"RUN --mount=type=nope x":   `unsupported mount type "nope"`,
		"COPY --chown=${ a b":       `failed to process "${": missing '}'`,
		"COPY <<E /x\n${y!z}\nE":    "failed to process \"${y!z}\\n\": unsupported modifier (!) in substitution",
		"LABEL x='unended":          `failed to process "'unended": unexpected end of statement while looking for matching single-quote`,
		"WORKDIR \"also":            `failed to process "\"also": unexpected end of statement while looking for matching double-quote`,
		"ENV a=${x//" + long + "/}": "failed to process a word of 8199 bytes with a replacement in a variable: more than 8192 are not read",
	} {
		err := dockerfile.Expand(instruction(t, in), nil, '\\')
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", in[:min(len(in), 40)], err, want)
		}
		if !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%q: kind %v", in[:min(len(in), 40)], errdefs.KindOf(err))
		}
	}
}

var long = strings.Repeat("x", 8192)

// TestExpand_Which: what has variables and what leaves them to the shell.
func TestExpand_Which(t *testing.T) {
	env := []string{"v=1"}
	copied := instruction(t, "COPY --chown=$v:$v --chmod=$v --from=s --exclude=$v $v <<F /d$v/\nis $v \"$v\" '$v' \\$v\nF").(*instructions.CopyCommand)
	quoted := instruction(t, "COPY <<\"F\" /d\n$v\nF").(*instructions.CopyCommand)
	added := instruction(t, "ADD --checksum=sha256:$v http://x/$v /$v").(*instructions.AddCommand)
	run := instruction(t, "RUN --mount=type=cache,target=/$v,id=$v echo $v").(*instructions.RunCommand)
	entry := instruction(t, "ENTRYPOINT [\"$v\"]").(*instructions.EntrypointCommand)
	for _, cmd := range []instructions.Command{copied, quoted, added, run, entry} {
		if err := dockerfile.Expand(cmd, env, '`'); err != nil {
			t.Fatal(err)
		}
	}
	mount := instructions.GetMounts(run)[0]
	got := []string{
		copied.Chown, copied.Chmod, copied.DestPath, strings.Join(copied.SourcePaths, " "), copied.SourceContents[0].Data, quoted.SourceContents[0].Data,
		added.Checksum, added.SourcePaths[0], added.DestPath, mount.Target, mount.CacheID, run.CmdLine[0], entry.CmdLine[0],
	}
	want := []string{
		"1:1", "1", "/d1/", "1", "is 1 \"1\" '1' $v\n", "$v\n", "sha256:1", "http://x/1", "/1", "/1", "1", "echo $v", "$v",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestExpand_Bombs: a short file cannot ask for all the memory there is.
func TestExpand_Bombs(t *testing.T) {
	double := "FROM a\nENV a=xxxxxxxxxxxxxxxx\n" + strings.Repeat("ENV a=$a$a\n", 40)
	wide := "FROM a\nENV a=" + strings.Repeat("x", 60000) + "\nENV b=" + strings.Repeat("$a", 30000) + "\n"
	nested := "FROM a\nENV a=" + strings.Repeat("${n:-", 12000) + strings.Repeat("}", 12000) + "\n"
	replaced := "FROM a\nENV a=" + strings.Repeat("x", 8000) + "\nENV b=${a//x/$a}\n"
	many := "FROM a\nENV a=" + strings.Repeat("x", 60000) + "\n" + strings.Repeat("ENV b$n=$a$a$a$a$a$a$a$a\n", 3)
	for i := range 300 {
		many += "ENV c" + strings.Repeat("i", i) + "=$a$a$a$a$a$a$a$a\nLABEL c" + strings.Repeat("i", i) + "=$a$a$a$a\n"
	}
	for name, text := range map[string]string{"double": double, "wide": wide, "nested": nested, "replaced": replaced, "many": many} {
		began := time.Now()
		_, err := build(question{text: []byte(text), opt: dockerfile.ResolveOptions{Host: "linux/amd64"}})
		if name != "nested" && (err == nil || !errdefs.Is(err, errdefs.KindInvalidArgument)) {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

func TestClone(t *testing.T) {
	for _, text := range []string{
		"ENV a=$v", "LABEL a=$v", "ARG a=$v", "EXPOSE $v", "VOLUME $v", "USER $v", "WORKDIR $v", "STOPSIGNAL $v",
		"COPY $v <<E /$v\n$v\nE", "ADD $v <<E /$v\n$v\nE", "RUN --mount=type=cache,target=$v x",
	} {
		cmd := instruction(t, text)
		one, two := dockerfile.Clone(cmd), dockerfile.Clone(cmd)
		if err := dockerfile.Expand(one, []string{"v=1"}, '\\'); err != nil {
			t.Fatal(err)
		}
		if err := dockerfile.Expand(two, []string{"v=2"}, '\\'); err != nil {
			t.Fatal(err)
		}
		if got := fields(two); strings.Contains(got, "1") || !strings.Contains(got, "2") || strings.Contains(got, "$v") {
			t.Errorf("%s: a second clone is %s", text, got)
		}
	}
}

// fields shows what Expand may change.
func fields(cmd instructions.Command) string {
	switch c := cmd.(type) {
	case *instructions.EnvCommand:
		return c.Env[0].Value
	case *instructions.LabelCommand:
		return c.Labels[0].Value
	case *instructions.ArgCommand:
		return *c.Args[0].Value
	case *instructions.ExposeCommand:
		return c.Ports[0]
	case *instructions.VolumeCommand:
		return c.Volumes[0]
	case *instructions.UserCommand:
		return c.User
	case *instructions.WorkdirCommand:
		return c.Path
	case *instructions.StopSignalCommand:
		return c.Signal
	case *instructions.CopyCommand:
		return c.SourcePaths[0] + c.DestPath + c.SourceContents[0].Data
	case *instructions.AddCommand:
		return c.SourcePaths[0] + c.DestPath + c.SourceContents[0].Data
	case *instructions.RunCommand:
		return instructions.GetMounts(c)[0].Target
	}
	return ""
}
