//go:build linux

package graph

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver"
	"github.com/enginejobs/docker/graphdriver/graphtest"
	"github.com/enginejobs/docker/graphdriver/overlay"
	"github.com/enginejobs/docker/graphdriver/vfs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/jsonstream"
	"github.com/enginejobs/docker/pkg/reference"
	"github.com/enginejobs/docker/pkg/testutil"
	"github.com/enginejobs/docker/registry"
	"github.com/enginejobs/docker/registry/registrytest"
	"github.com/enginejobs/docker/runconfig"
)

// What the process that is killed is told.
const (
	crashRoot     = "GRAPH_CRASH_ROOT"     // "driver:directory"
	crashArchive  = "GRAPH_CRASH_ARCHIVE"  // an archive of the images n4 and n5
	crashRegistry = "GRAPH_CRASH_REGISTRY" // host of a registry that has team/n0…n2:latest
)

func openCrash(t *testing.T, spec string) (*Store, graphdriver.Driver) {
	t.Helper()
	name, root, _ := strings.Cut(spec, ":")
	var d graphdriver.Driver
	var err error
	if name == vfs.Name {
		d, err = vfs.New(vfs.Options{Root: filepath.Join(root, name)})
	} else {
		d, err = overlay.New(overlay.Options{Root: filepath.Join(root, name)})
	}
	if err != nil {
		t.Fatal(err)
	}
	registries, err := registry.New(registry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Root: root, Driver: d, Registries: registries})
	if err != nil {
		t.Fatal(err)
	}
	return s, d
}

// TestCrash kills a process that pulls, loads, imports, builds and removes images, at any
// moment, 200 times. What it had answered is there, nothing is left over, and the check
// finds nothing.
func TestCrash(t *testing.T) {
	if spec := os.Getenv(crashRoot); spec != "" {
		crashChild(t, spec)
		return
	}
	testutil.RequiresRoot(t)
	rounds := map[string]int{overlay.Name: 140, vfs.Name: 60}
	if testing.Short() {
		rounds = map[string]int{overlay.Name: 10, vfs.Name: 10}
	}
	peer := registrytest.New(t, registrytest.Options{})
	for i := range 3 {
		publish(t, peer, fmt.Sprintf("team/n%d", i), "latest", "a", "b", fmt.Sprintf("c%d", i))
	}
	env := append(os.Environ(), crashArchive+"="+savedImages(t, "n4", "n5"), crashRegistry+"="+peer.Host())
	for name, n := range rounds {
		t.Run(name, func(t *testing.T) {
			c := &crashing{t: t, spec: name + ":" + t.TempDir(), env: env, kept: map[string]string{}}
			for range n {
				c.round()
				if t.Failed() {
					return
				}
			}
			if c.done < n/2 {
				t.Errorf("only %d changes in %d rounds", c.done, n)
			}
		})
	}
}

// crashing is what the survivor knows.
type crashing struct {
	t    *testing.T
	spec string
	env  []string
	kept map[string]string // full name → id, as answered; "" while it changes
	done int
}

func (c *crashing) round() {
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrash$", "-test.timeout=60s")
	cmd.Env = append(slices.Clone(c.env), crashRoot+"="+c.spec)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		name, id, _ := strings.Cut(rest, " ")
		switch word {
		case "ready":
			time.AfterFunc(time.Duration(rand.Int64N(int64(50*time.Millisecond))), func() { _ = cmd.Process.Signal(syscall.SIGKILL) })
		case "begin":
			c.kept[name] = ""
		case "kept":
			c.kept[name] = id
			c.done++
		case "gone":
			delete(c.kept, name)
			c.done++
		default:
			c.t.Errorf("the process says %q", lines.Text())
		}
	}
	_ = cmd.Wait() // it was killed
	c.verify()
}

func (c *crashing) verify() {
	s, d := openCrash(c.t, c.spec)
	defer d.Close()
	var text strings.Builder
	result, err := s.Check(context.Background(), nil, jsonstream.NewWriter(&text, false))
	if err != nil || len(result.Problems) > 0 {
		c.t.Errorf("%v: %s", err, text.String())
	}
	now := s.current.Load()
	for name, id := range c.kept {
		got := now.refs[name]
		switch {
		case id == "" && got == "":
			delete(c.kept, name)
		case id == "":
			c.kept[name] = got // one or the other
		case got != id:
			c.t.Errorf("%s is image %q and not %q", name, got, id)
		}
	}
	for full := range now.refs {
		if _, ok := c.kept[full]; !ok && !strings.Contains(full, "@") {
			c.t.Errorf("the name %s was removed", full)
		}
	}
	if left, err := os.ReadDir(s.path("tmp")); err != nil || len(left) > 0 {
		c.t.Errorf("work is left: %v, %v", left, err)
	}
	for _, dir := range []string{"imagedb/metadata/sha256", "imagedb/content/sha256"} {
		if left, err := os.ReadDir(s.path(dir)); err != nil || len(left) > len(now.images) {
			c.t.Errorf("%s has %d entries for %d images, %v", dir, len(left), len(now.images), err)
		}
	}
	chains := map[string]bool{}
	for _, img := range now.images {
		for _, chain := range image.ChainIDs(img.RootFS.DiffIDs) {
			chains[chain] = true
		}
	}
	if n := len(d.List()); n != len(chains) || len(s.layers) != n {
		c.t.Errorf("the driver has %d layers, the store %d, images %d", n, len(s.layers), len(chains))
	}
}

// crashChild changes images until it is killed. It says what it begins and what
// it has done.
func crashChild(t *testing.T, spec string) {
	s, _ := openCrash(t, spec)
	var archives [][]byte
	for i := range 5 {
		archives = append(archives, graphtest.Archive(t, graphtest.Dir("d"), graphtest.File(fmt.Sprintf("d/f%d", i), strings.Repeat("x", 1000*i)), graphtest.File(fmt.Sprintf(".wh.g%d", i), "")))
	}
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(os.Stdout, format+"\n", args...) }
	saved, err := os.ReadFile(os.Getenv(crashArchive))
	if err != nil {
		t.Fatal(err)
	}
	say("ready")
	ctx, quiet := context.Background(), jsonstream.NewWriter(io.Discard, true)
	change := func(do func() error, names ...string) { // what do does to names
		refs := make([]string, 0, len(names))
		for _, name := range names {
			ref, err := parseName(name, "")
			if err != nil {
				t.Fatal(err)
			}
			refs = append(refs, ref.String())
			say("begin %s", ref)
		}
		if err := do(); err != nil && !errdefs.IsNotFound(err) && !errdefs.IsConflict(err) { // it has children
			t.Fatal(err)
		}
		now := s.current.Load()
		for _, ref := range refs {
			if id := now.refs[ref]; id != "" {
				say("kept %s %s", ref, id)
			} else {
				say("gone %s", ref)
			}
		}
	}
	for {
		n := rand.IntN(6)
		name := fmt.Sprintf("n%d", n)
		far := fmt.Sprintf("%s/team/n%d", os.Getenv(crashRegistry), n%3)
		switch rand.IntN(8) {
		case 0:
			change(func() error { return bringNamed(ctx, t, s, archives[:1+rand.IntN(5)], name) }, name)
		case 1:
			change(func() error {
				opt := importOptions{source: "-", changes: []string{fmt.Sprintf("LABEL a=%d", rand.IntN(3))}}
				opt.name, _ = parseName(name, "")
				_, err := s.Import(ctx, opt, bytes.NewReader(archives[rand.IntN(5)]), quiet)
				return err
			}, name)
		case 2:
			change(func() error { return s.Load(ctx, loadOptions{}, bytes.NewReader(saved), quiet) }, "n4", "n5")
		case 3:
			change(func() error {
				ref, err := reference.Parse(far)
				if err != nil {
					return err
				}
				return s.Pull(ctx, pullOptions{name: ref.WithDefaultTag()}, quiet)
			}, far)
		case 4:
			change(func() error { _, err := s.Delete(ctx, name, deleteOptions{}); return err }, name)
		case 5:
			change(func() error { _, err := s.Delete(ctx, far, deleteOptions{}); return err }, far)
		case 6:
			change(func() error { return appendNamed(ctx, s, name, archives[rand.IntN(5)]) }, name)
		case 7:
			if _, err := s.Prune(ctx, pruneOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func bringNamed(ctx context.Context, t *testing.T, s *Store, archives [][]byte, name string) error {
	ref, err := parseName(name, "")
	if err != nil {
		return err
	}
	held, err := s.bringLayers(ctx, stackOf(new(atomic.Int32), archives...))
	if err != nil {
		return err
	}
	defer held.release()
	img, err := image.New(image.Document{OS: "linux", Author: name, RootFS: image.RootFS{DiffIDs: held.diffIDs}})
	if err == nil {
		_, err = s.keepDocument(ctx, held, img.Raw, "", ref)
	}
	return err
}

// appendNamed makes two steps of a build on an image and squashes them; the name
// goes to what comes out.
func appendNamed(ctx context.Context, s *Store, name string, archive []byte) error {
	spec := image.Append{Config: &runconfig.Config{}, ContainerConfig: &runconfig.Config{}}
	said, err := s.Append(ctx, appendOptions{parent: name, spec: spec})
	if err != nil {
		return err
	}
	copied, err := s.Append(ctx, appendOptions{parent: said.ID, spec: spec, layer: bytes.NewReader(archive)})
	if err != nil {
		return err
	}
	squashed, err := s.Squash(ctx, copied.ID, said.ID)
	if err == nil {
		_, _, err = s.Tag(squashed.ID, name, "", true)
	}
	return err
}

// savedImages writes an archive of images of two layers.
func savedImages(t *testing.T, names ...string) (file string) {
	b := newBench(t)
	below := graphtest.Archive(t, graphtest.File("below", "x"))
	for _, name := range names {
		if err := bringNamed(t.Context(), t, b.Store, [][]byte{below, graphtest.Archive(t, graphtest.File(name, strings.Repeat("x", 50000)))}, name); err != nil {
			t.Fatal(err)
		}
	}
	var buf bytes.Buffer
	if err := b.Export(t.Context(), imageExportOptions{names: names}, &buf); err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "saved.tar")
	if err := os.WriteFile(file, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
