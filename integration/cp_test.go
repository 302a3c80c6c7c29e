package integration

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// TestCp_OfficialClient copies by every rule of cp, both ways, with our client
// and with the official one: the same trees, words and codes come of it.
func TestCp_OfficialClient(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	clients := map[string]string{"ours": daemonproc.Binary(), "official": daemonproc.MustAsset(t, "client")}
	cases := cpCases()
	seed := cpSeed(t, cases)
	for client := range clients {
		// What does not run is reached in another way than what does.
		d.Must(t, "create", "--name", "idle-"+client, "busybox", "true")
		d.Must(t, "run", "-d", "--name", "live-"+client, "busybox", "sleep", "1000")
		for _, state := range []string{"idle-", "live-"} {
			if r := d.DockerStdin(bytes.NewReader(seed), "cp", "-", state+client+":/"); r.Code != 0 {
				t.Fatal(r)
			}
		}
	}
	results := make(map[string][]cpResult)
	for client := range clients {
		results[client] = make([]cpResult, len(cases))
	}
	var wg sync.WaitGroup
	for client, bin := range clients {
		local := t.TempDir()
		unpackSeed(t, seed, local)
		wg.Go(func() {
			for i, c := range cases {
				results[client][i] = c.run(t, d, bin, client, local)
			}
		})
	}
	wg.Wait()
	for client := range clients {
		for _, state := range []string{"idle-", "live-"} {
			for i, lines := range treesOf(t, d, state+client, len(cases)) {
				if cases[i].state == state {
					results[client][i].remote = lines
				}
			}
		}
	}
	for i, c := range cases {
		if !c.in && strings.HasSuffix(c.src, "/.") && c.dst == "ldir/" {
			continue // the official client takes the link for what is to be replaced; the rules say that it is followed
		}
		ours, official := results["ours"][i], results["official"][i]
		if diff := official.diff(ours); diff != "" {
			t.Errorf("docker %s (%s):\n%s", strings.Join(c.args("BOX"), " "), c.state, diff)
		}
	}
}

// cpCase is one copy, with its own directory wN on both sides.
type cpCase struct {
	n        int
	state    string // beginning of the container's name
	flag     string
	src, dst string
	in       bool // into the container
}

func (c *cpCase) args(box string) []string {
	args := []string{"cp", c.src, box + ":" + c.remote(c.dst)}
	if !c.in {
		args = []string{"cp", box + ":" + c.remote(c.src), c.dst}
	}
	if c.flag != "" {
		args = slices.Insert(args, 1, c.flag)
	}
	return args
}

// remote is a path in the container; relative ones begin at its root.
func (c *cpCase) remote(p string) string { return fmt.Sprintf("/w%d/%s", c.n, p) }

// cpCases are the pairs of the kinds of sources and destinations of which one at
// least is a usual one.
func cpCases() []*cpCase {
	sources := []string{
		"file", "dir", "dir/", "dir/.", "empty", "empty/.", "lfile", "ldir", "ldir/", "ldir/.", "ldang",
		"file/", "file/.", "missing", "missing/file", "ldang/", "dir/sub/../a", "many",
	}
	targets := []string{
		"file", "empty", "empty/", "empty/.", "tree", "new", "new/", "new/.", "no/such", "no/such/", "lfile", "ldir", "ldir/", "ldang", "file/", "./new",
	}
	usual := []string{"file", "dir", "dir/.", "lfile", "ldir", "empty", "new"}
	var cases []*cpCase
	add := func(flag, src, dst string, in bool) {
		n := len(cases)
		cases = append(cases, &cpCase{n: n, state: []string{"idle-", "live-"}[n%2], flag: flag, src: src, dst: dst, in: in})
	}
	for _, in := range []bool{false, true} {
		for _, src := range sources {
			for _, dst := range targets {
				if slices.Contains(usual, src) || slices.Contains(usual, dst) {
					add("", src, dst, in)
				}
			}
		}
		for _, src := range []string{"lfile", "ldir", "ldir/", "ldir/.", "ldang", "dir"} {
			for _, dst := range []string{"file", "empty", "new", "new/"} {
				add("-L", src, dst, in)
			}
		}
		for _, src := range []string{"file", "many"} {
			add("-q", src, "new", in)
		}
	}
	for _, src := range []string{"file", "dir", "dir/", "dir/.", "lfile", "ldir/", "missing", "many"} {
		add("", src, "-", false)
	}
	add("-L", "ldir", "-", false)
	add("", "./co:lon", "new", true)
	add("", "co:lon", "new", true)
	add("", "file", "./co:lon", false)
	add("", "file", "", false)
	add("", "", "new", true)
	return cases
}

// cpSeed is an archive of what each case finds on both sides.
func cpSeed(t *testing.T, cases []*cpCase) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	at := time.Unix(1400000000, 0)
	for _, c := range cases {
		for _, h := range []tar.Header{
			{Name: "", Typeflag: tar.TypeDir, Mode: 0o755},
			{Name: "file", Typeflag: tar.TypeReg, Mode: 0o640, Size: 5},
			{Name: "co:lon", Typeflag: tar.TypeReg, Mode: 0o600, Size: 7},
			{Name: "dir", Typeflag: tar.TypeDir, Mode: 0o750},
			{Name: "dir/a", Typeflag: tar.TypeReg, Mode: 0o755, Size: 1},
			{Name: "dir/link", Typeflag: tar.TypeSymlink, Linkname: "a"},
			{Name: "dir/sub", Typeflag: tar.TypeDir, Mode: 0o700},
			{Name: "dir/sub/b", Typeflag: tar.TypeReg, Mode: 0o644, Size: 3},
			{Name: "tree", Typeflag: tar.TypeDir, Mode: 0o755},
			{Name: "tree/dir", Typeflag: tar.TypeReg, Mode: 0o644, Size: 2},
			{Name: "tree/file", Typeflag: tar.TypeDir, Mode: 0o755},
			{Name: "tree/a", Typeflag: tar.TypeReg, Mode: 0o644, Size: 4},
			{Name: "tree/lfile", Typeflag: tar.TypeSymlink, Linkname: "../file"},
			{Name: "empty", Typeflag: tar.TypeDir, Mode: 0o711},
			{Name: "lfile", Typeflag: tar.TypeSymlink, Linkname: "file"},
			{Name: "ldir", Typeflag: tar.TypeSymlink, Linkname: "dir"},
			{Name: "ldang", Typeflag: tar.TypeSymlink, Linkname: "nowhere"},
			{Name: "many", Typeflag: tar.TypeDir, Mode: 0o755},
			{Name: "many/one", Typeflag: tar.TypeReg, Mode: 0o644, Size: 6, Uid: 1000, Gid: 50},
			{Name: "many/two", Typeflag: tar.TypeLink, Linkname: "many/one"},
			{Name: "many/set", Typeflag: tar.TypeReg, Mode: 0o4755, Size: 1},
			{Name: "many/sticky", Typeflag: tar.TypeDir, Mode: 0o1777},
			{Name: "many/abs", Typeflag: tar.TypeSymlink, Linkname: "/etc/hostname"},
		} {
			h.Name, h.ModTime, h.Format = path.Join(fmt.Sprintf("w%d", c.n), h.Name), at, tar.FormatPAX
			if h.Typeflag == tar.TypeLink {
				h.Linkname = path.Join(fmt.Sprintf("w%d", c.n), h.Linkname)
			}
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
			if _, err := io.CopyN(w, strings.NewReader("content of a file"), h.Size); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unpackSeed(t *testing.T, seed []byte, dir string) {
	t.Helper()
	cmd := exec.Command("tar", "-xp", "-C", dir)
	cmd.Stdin = bytes.NewReader(seed)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// cpResult is all that can be seen of a copy.
type cpResult struct {
	code                  int
	stdout, local, remote []string
	stderr                string
}

// run copies in a directory below local.
func (c *cpCase) run(t *testing.T, d *daemonproc.Daemon, bin, client, local string) (r cpResult) {
	t.Helper()
	cmd := d.Command(t.Context(), bin, c.args(c.state+client)...)
	cmd.Dir = filepath.Join(local, fmt.Sprintf("w%d", c.n))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Error(err)
		return r
	}
	r.code = cmd.ProcessState.ExitCode()
	r.stderr = strings.NewReplacer(c.state+client, "BOX", local, "HERE").Replace(withoutLog(stderr.String()))
	if stdout.Len() > 0 {
		for _, h := range archiveOf(t, &stdout) {
			r.stdout = append(r.stdout, h.line)
		}
	}
	r.local = localTree(t, cmd.Dir)
	return r
}

// withoutLog takes away what the official client logs of its own broken pipe.
func withoutLog(text string) string {
	return strings.Join(slices.DeleteFunc(strings.SplitAfter(text, "\n"), func(line string) bool {
		return strings.HasPrefix(line, "time=")
	}), "")
}

func (r *cpResult) diff(ours cpResult) string {
	var b strings.Builder
	if r.code != ours.code {
		fmt.Fprintf(&b, "  code %d, ours %d\n", r.code, ours.code)
	}
	if r.stderr != ours.stderr {
		fmt.Fprintf(&b, "  says %q\n  ours %q\n", r.stderr, ours.stderr)
	}
	for _, part := range []struct {
		name    string
		a, ours []string
	}{{"stdout", r.stdout, ours.stdout}, {"local", r.local, ours.local}, {"container", r.remote, ours.remote}} {
		for _, line := range part.a {
			if !slices.Contains(part.ours, line) {
				fmt.Fprintf(&b, "  %s: only the official one has %s\n", part.name, line)
			}
		}
		for _, line := range part.ours {
			if !slices.Contains(part.a, line) {
				fmt.Fprintf(&b, "  %s: only ours has %s\n", part.name, line)
			}
		}
	}
	return b.String()
}

// localTree describes all files below a directory.
func localTree(t *testing.T, dir string) (lines []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		st := info.Sys().(*syscall.Stat_t)
		text := ""
		switch {
		case info.Mode().IsRegular():
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			text = fmt.Sprintf("%d bytes %x", len(data), crc32.ChecksumIEEE(data))
		case info.Mode()&fs.ModeSymlink != 0:
			text, _ = os.Readlink(p)
		}
		line := fmt.Sprintf("%s %v %d:%d %s", rel, info.Mode(), st.Uid, st.Gid, text)
		if info.Mode().IsRegular() {
			line += fmt.Sprintf(" links %d time %s", st.Nlink, cpTime(info.ModTime()))
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return lines
}

// cpTime tells only whether a time was kept.
func cpTime(at time.Time) string {
	if at.Unix() == 1400000000 {
		return "kept"
	}
	return "new"
}

type cpEntry struct {
	name, line string
}

func archiveOf(t *testing.T, r io.Reader) (list []cpEntry) {
	t.Helper()
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Error(err)
			return list
		}
		data, err := io.ReadAll(tr)
		if err != nil {
			t.Error(err)
			return list
		}
		line := fmt.Sprintf("%s %c %v %d:%d %s %d bytes %x", h.Name, h.Typeflag, h.FileInfo().Mode(), h.Uid, h.Gid, h.Linkname, len(data), crc32.ChecksumIEEE(data))
		if h.Typeflag == tar.TypeReg {
			line += " time " + cpTime(h.ModTime)
		}
		list = append(list, cpEntry{h.Name, line})
	}
}

// treesOf gives what is in the directories w0, w1, … of a container.
func treesOf(t *testing.T, d *daemonproc.Daemon, box string, n int) [][]string {
	t.Helper()
	trees := make([][]string, n)
	r := d.Docker("export", box)
	if r.Code != 0 {
		t.Fatal(r)
	}
	for _, e := range archiveOf(t, strings.NewReader(r.Stdout)) {
		var i int
		if _, err := fmt.Sscanf(e.name, "w%d/", &i); err == nil && i < n {
			trees[i] = append(trees[i], e.line)
		}
	}
	return trees
}
