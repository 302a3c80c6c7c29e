package integration

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/hack/treediff/compare"
	"github.com/enginejobs/docker/integration/daemonproc"
	"github.com/enginejobs/docker/integration/dockerdproc"
)

// dockerfileCase is build.json of a directory of dockerfiles. All may be missing.
type dockerfileCase struct {
	name, dir string

	Peer       string   // what ours is held against: "classic", "buildkit", or "plain": plain.Dockerfile by the classic builder
	Heavy      bool     // takes long, or needs a registry of packages
	Bases      []string // bundles of hack/make that are imported first, beside busybox
	Before     []string // directories that are built first
	Args       []string // more arguments of docker build
	Secret     string   // the id of a secret
	Server     bool     // has the build argument SERVER, the address of one with files
	AnyContent []string // files that hold times: their content does not count

	// Differs has what is not the same on purpose: patterns of files and fields, and why.
	Differs map[string]string
}

// dockerfileSecret is the value of all secrets.
const dockerfileSecret = "the token of the tests\n"

// dockerfileCases reads those that are heavy, or those that are not.
func dockerfileCases(t *testing.T, heavy bool) []*dockerfileCase {
	t.Helper()
	dirs, err := filepath.Glob("dockerfiles/*/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	var cases []*dockerfileCase
	for _, file := range dirs {
		c := readDockerfileCase(t, filepath.Dir(file))
		if c.Heavy == heavy {
			cases = append(cases, c)
		}
	}
	return cases
}

func readDockerfileCase(t *testing.T, dir string) *dockerfileCase {
	t.Helper()
	c := &dockerfileCase{name: filepath.Base(dir), dir: dir, Peer: "classic"}
	text, err := os.ReadFile(filepath.Join(dir, "build.json"))
	if err == nil {
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		err = decoder.Decode(c)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%s: %v", dir, err)
	}
	return c
}

// context makes the directory that is sent: a copy with what prepare.sh makes.
func (c *dockerfileCase) context(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), c.name)
	command(t, "cp", "-a", c.dir, dir)
	command(t, "chown", "-R", "0:0", dir)
	command(t, "chmod", "-R", "u=rwX,go=rX", dir)
	if _, err := os.Stat(filepath.Join(dir, "prepare.sh")); err == nil {
		prepare := exec.CommandContext(t.Context(), "sh", "prepare.sh")
		prepare.Dir = dir
		if out, err := prepare.CombinedOutput(); err != nil {
			t.Fatalf("prepare.sh: %v: %s", err, out)
		}
	}
	for _, ours := range []string{"prepare.sh", "build.json"} {
		_ = os.Remove(filepath.Join(dir, ours)) // not every case has them
	}
	return dir
}

// builder is a way to build with a daemon.
type builder struct {
	host, client string
	env          []string
	config       string // directory of the client
}

// dockerfilePeers are the daemons that are held against each other.
type dockerfilePeers struct {
	ours, classic, buildkit builder
	own                     builder // ours by its own client
	server                  string
	secret                  string
}

// newDockerfilePeers starts them, with their base images.
func newDockerfilePeers(t *testing.T, cases []*dockerfileCase) *dockerfilePeers {
	t.Helper()
	ours := daemonproc.Start(t, daemonproc.Options{})
	peer := dockerdproc.StartHere(t)
	config := t.TempDir()
	client := daemonproc.MustAsset(t, "client")
	p := &dockerfilePeers{
		ours:     builder{ours.Host, client, []string{"DOCKER_BUILDKIT=0"}, config},
		own:      builder{ours.Host, ours.Bin, nil, config},
		classic:  builder{peer.Host(), client, []string{"DOCKER_BUILDKIT=0"}, config},
		buildkit: builder{peer.Host(), "/usr/bin/docker", []string{"DOCKER_BUILDKIT=1", "BUILDKIT_PROGRESS=plain"}, config},
		server:   fileServer(t),
		secret:   filepath.Join(config, "secret"),
	}
	if err := os.WriteFile(p.secret, []byte(dockerfileSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	bases := []string{"busybox"}
	for _, c := range cases {
		bases = append(bases, c.Bases...)
	}
	slices.Sort(bases)
	for _, base := range slices.Compact(bases) {
		tar := daemonproc.MustAsset(t, base)
		for _, b := range []builder{p.ours, p.classic} {
			if out, err := b.run(t, "import", "-c", "CMD sh", tar, base); err != nil {
				t.Fatalf("%s: %v: %s", base, err, out)
			}
		}
	}
	return p
}

// fileServer serves the files that ADD fetches.
func fileServer(t *testing.T) string {
	t.Helper()
	var packed bytes.Buffer
	compressed := gzip.NewWriter(&packed)
	_, err := compressed.Write([]byte("this is no archive that ADD may unpack"))
	if err == nil {
		err = compressed.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"/files/app.conf": []byte("served = true\n"), "/files/archive.tar.gz": packed.Bytes()}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, r.URL.Path, time.Date(2020, 2, 2, 2, 2, 2, 0, time.UTC), bytes.NewReader(files[r.URL.Path]))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// run runs the client of a builder, five minutes at most.
func (b builder) run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.client, append([]string{"-H", b.host}, args...)...)
	cmd.Env = append(append(os.Environ(), "DOCKER_CONFIG="+b.config), b.env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// build builds a case and gives what was printed.
func (p *dockerfilePeers) build(t *testing.T, b builder, c *dockerfileCase, dir string, more ...string) string {
	t.Helper()
	args := append([]string{"build", "--network", "host", "-t", "ejt/" + c.name}, c.Args...)
	if c.Server {
		args = append(args, "--build-arg", "SERVER="+p.server)
	}
	if c.Secret != "" {
		args = append(args, "--secret", "id="+c.Secret+",src="+p.secret)
	}
	out, err := b.run(t, append(append(args, more...), dir)...)
	if err != nil {
		t.Fatalf("building %s by %s: %v\n%s", c.name, filepath.Base(b.client), err, out)
	}
	return out
}

// check builds a case by ours and by its peer and tells what differs.
func (p *dockerfilePeers) check(t *testing.T, c *dockerfileCase) {
	for _, name := range c.Before {
		before := readDockerfileCase(t, filepath.Join("dockerfiles", name))
		dir := before.context(t)
		p.build(t, p.classic, before, dir)
		p.build(t, p.ours, before, dir)
	}
	dir := c.context(t)
	opt := compare.Options{SizesOnly: c.AnyContent, IgnoreFields: append(compare.Volatile(), `history\[0\]/*`)}
	for pattern := range c.Differs {
		opt.IgnoreFiles, opt.IgnoreFields = append(opt.IgnoreFiles, pattern), append(opt.IgnoreFields, pattern)
	}
	var theirs, mine string
	peer, ours := p.classic, p.ours
	var more []string
	switch c.Peer {
	case "classic":
	case "buildkit":
		peer, ours = p.buildkit, p.own
		opt.FieldsBelow = []string{"config.", "architecture", "os"}
		opt.IgnoreFields = append(opt.IgnoreFields, "config/Image", "config/ArgsEscaped") // what no newer BuildKit writes
	case "plain":
		ours = p.own
		more = []string{"-f", filepath.Join(dir, "plain.Dockerfile")}
		opt.FieldsBelow = []string{"architecture", "os"}
	default:
		t.Fatalf("build.json: unknown peer %q", c.Peer)
	}
	theirs = p.build(t, peer, c, dir, more...)
	mine = p.build(t, ours, c, dir)
	if c.Peer == "classic" && !c.Heavy { // packages are fetched at different speeds
		if got, want := sameWords(mine), sameWords(theirs); got != want {
			t.Errorf("ours prints\n%s\ndockerd prints\n%s", got, want)
		}
	}
	report(t, p.differences(t, c, opt))
}

func (p *dockerfilePeers) differences(t *testing.T, c *dockerfileCase, opt compare.Options) []compare.Difference {
	t.Helper()
	look := func(b builder) *compare.Snapshot {
		s, err := compare.Image(t.Context(), b.host, "ejt/"+c.name)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a, b := look(p.ours), look(p.classic)
	found := compare.Differences(a, b, opt)
	if c.Peer == "classic" {
		found = append(found, compare.LayerDifferences(a, b, opt)...)
	}
	return found
}

// report fails the test with the first differences.
func report(t *testing.T, found []compare.Difference) {
	t.Helper()
	const most = 40
	for _, d := range found[:min(len(found), most)] {
		t.Error("ours | dockerd: ", d)
	}
	if len(found) > most {
		t.Errorf("and %d more", len(found)-most)
	}
}

// sameWords is what a builder printed without what no two builds have in common.
func sameWords(out string) string {
	id := regexp.MustCompile(`\b[0-9a-f]{12}\b`)
	var lines []string
	out = strings.NewReplacer("\x1b[91m", "", "\x1b[0m", "").Replace(out) // the client's color of errors, per chunk
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\r\n ")
		if strings.HasPrefix(line, "Sending build context") || strings.Contains(line, "DEPRECATED") || strings.HasPrefix(line, "            ") || line == "" {
			continue // the client's
		}
		if strings.HasPrefix(line, " ---> Running in ") || strings.HasPrefix(line, "Removing intermediate container ") || line == " ---> Using cache" {
			continue // dockerd makes containers for what needs none; other cases may have had the same step
		}
		lines = append(lines, id.ReplaceAllString(line, "ID"))
	}
	return strings.Join(lines, "\n")
}
