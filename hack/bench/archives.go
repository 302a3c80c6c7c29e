package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// The image of these benchmarks: 540 MB in five layers of 4,000 files, half of
// which cannot be compressed.
const (
	bigLayers    = 5
	bigDirs      = 100 // of each layer
	bigFiles     = 40  // of each directory
	bigMean      = 26_500
	bigName      = "big.example/big:1"
	bigCommitted = "big.example/committed:1"
	bigContainer = "ejt-bench-big"
	bigRounds    = 3
	bigBlockSize = 1 << 20
)

// bigArchive is the image as files.
type bigArchive struct {
	dir    string
	load   string   // as docker save writes it: layers first, then what they are
	tree   string   // all files in one archive, for import
	layers []string // archives of the layers
}

// benchArchives loads, saves, commits, removes and imports a large image. tar -x of the
// same layers into the same file system is beside them.
func benchArchives(ctx context.Context, b *board) error {
	dir, err := os.MkdirTemp("", "ejt-archives-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	a, err := makeBigArchive(dir)
	if err != nil {
		return fmt.Errorf("making the archive: %w", err)
	}
	took := map[string]map[string][]float64{}
	note := func(what, who string, ms float64) {
		if took[what] == nil {
			took[what] = map[string][]float64{}
		}
		took[what][who] = append(took[what][who], ms/1000)
	}
	rounds := min(b.cfg.rounds, bigRounds)
	for round := range rounds {
		for _, e := range b.engines {
			cli := oneClient(b, e)
			if cli == nil {
				continue
			}
			if err := a.life(ctx, e, cli, note); err != nil {
				return fmt.Errorf("%s: %w", e.name(), err)
			}
		}
		for what, archives := range map[string][]string{"load": a.layers, "import": {a.tree}} {
			ms, err := timed(func() error { return extract(ctx, filepath.Join(dir, fmt.Sprint(what, round)), archives) })
			if err != nil {
				return err
			}
			note(what, plainTar, ms)
		}
	}
	for _, r := range []row{
		{name: "load of 540 MB, 20,000 files, 5 layers", goal: target{peer: plainTar, times: 1}, values: took["load"]},
		{name: "save of the same", goal: target{times: 2}, values: took["save"]},
		{name: "commit of an unchanged container of it", goal: target{times: 3}, values: took["commit"]},
		{name: "removal of the same", goal: target{times: 3}, values: took["rmi"]},
		{name: "import of the same in one layer", goal: target{peer: plainTar, times: 1}, values: took["import"]},
	} {
		r.unit = "s"
		b.print(r)
	}
	return nil
}

// benchMemoryRoot loads the same image into a daemon of ours whose root is in memory,
// where creating a file costs next to nothing, beside tar -x into the same memory.
func benchMemoryRoot(ctx context.Context, b *board) (err error) {
	dir, err := os.MkdirTemp("", "ejt-memory-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	a, err := makeBigArchive(dir)
	if err != nil {
		return fmt.Errorf("making the archive: %w", err)
	}
	memory := filepath.Join(dir, "memory")
	if err := errors.Join(os.Mkdir(memory, 0o755), unix.Mount("memory", memory, "tmpfs", 0, "size=4g")); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unix.Unmount(memory, unix.MNT_DETACH)) }()
	d, err := daemonproc.New(daemonproc.Options{Quiet: true, NoBridge: true, Root: filepath.Join(memory, "root")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(d.Close(), err) }()
	if err := d.Start(); err != nil {
		return err
	}
	e := &ours{cfg: b.cfg, d: d}
	r := row{name: "load of 540 MB into memory (tmpfs)", unit: "s", goal: target{peer: plainTar, times: 0.5}, values: map[string][]float64{}}
	for range min(b.cfg.rounds, bigRounds) {
		ms, err := timed(func() error { return quietly(ctx, e.cli("load", "-q", "-i", a.load)) })
		if err != nil {
			return err
		}
		r.values["ours"] = append(r.values["ours"], ms/1000)
		if err := quietly(ctx, e.cli("rmi", bigName)); err != nil {
			return err
		}
		plain := filepath.Join(memory, "plain")
		if ms, err = timed(func() error { return extract(ctx, plain, a.layers) }); err != nil {
			return err
		}
		r.values[plainTar] = append(r.values[plainTar], ms/1000)
		if err := os.RemoveAll(plain); err != nil {
			return err
		}
	}
	b.print(r)
	return nil
}

// plainTar is the peer of what unpacks.
const plainTar = "tar -x"

// oneClient is the same client for all engines that it can talk to, so that only
// these are compared; else the engine's own. It is nil without any.
func oneClient(b *board, e engine) func(args ...string) []string {
	if b.cfg.official != "" && e.socket() != "" {
		return func(args ...string) []string {
			return append([]string{b.cfg.official, "-H", "unix://" + e.socket()}, args...)
		}
	}
	if e.cli("version") == nil {
		return nil
	}
	return e.cli
}

// life loads, saves, commits, removes and imports once.
func (a *bigArchive) life(ctx context.Context, e engine, cli func(args ...string) []string, note func(what, who string, ms float64)) error {
	for _, step := range []struct {
		what string
		own  bool // by the engine's own client: the common one would take most of the time
		args []string
	}{
		{"load", false, []string{"load", "-q", "-i", a.load}},
		{"save", false, []string{"save", bigName}},
		{"", false, []string{"create", "--name", bigContainer, bigName, "/d0"}},
		{"commit", true, []string{"commit", bigContainer, bigCommitted}},
		{"", false, []string{"rmi", bigCommitted}},
		{"", false, []string{"rm", bigContainer}},
		{"rmi", false, []string{"rmi", bigName}},
		{"import", false, []string{"import", a.tree, bigName}},
		{"", false, []string{"rmi", bigName}},
	} {
		args := cli(step.args...)
		if own := e.cli(step.args...); step.own && own != nil {
			args = own
		}
		ms, err := timed(func() error { return quietly(ctx, args) })
		if err != nil {
			return err
		}
		if step.what != "" {
			note(step.what, e.name(), ms)
		}
	}
	return nil
}

// quietly runs a command whose output nobody wants, however long it is.
func quietly(ctx context.Context, args []string) error {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%v: %w: %s", args, err, said.Bytes())
	}
	return nil
}

// extract is what tar does of archives, each into a directory of its own.
func extract(ctx context.Context, dir string, archives []string) error {
	for i, name := range archives {
		at := filepath.Join(dir, fmt.Sprint(i))
		if err := os.MkdirAll(at, 0o755); err != nil {
			return err
		}
		if err := command(ctx, []string{"tar", "-x", "-C", at, "-f", name}); err != nil {
			return err
		}
	}
	return nil
}

// makeBigArchive writes the archives. The same bytes come every time.
func makeBigArchive(dir string) (*bigArchive, error) {
	a := &bigArchive{dir: dir, load: filepath.Join(dir, "load.tar"), tree: filepath.Join(dir, "tree.tar")}
	random := rand.New(rand.NewPCG(1, 2))
	block := make([]byte, bigBlockSize)
	for i := range block[:bigBlockSize/2] {
		block[i] = byte(random.Uint32())
	}
	copy(block[bigBlockSize/2:], bytes.Repeat([]byte("all files of one image are alike and none is the same\n"), bigBlockSize/2/54))
	tree, err := newArchive(a.tree)
	if err != nil {
		return nil, err
	}
	var diffIDs []string
	for i := range bigLayers {
		name := filepath.Join(dir, fmt.Sprintf("layer%d.tar", i))
		id, err := writeLayer(name, tree, i, random, block)
		if err != nil {
			return nil, err
		}
		diffIDs, a.layers = append(diffIDs, id), append(a.layers, name)
	}
	if err := tree.close(); err != nil {
		return nil, err
	}
	return a, a.writeLoad(diffIDs)
}

// archiveFile is an archive that is being written.
type archiveFile struct {
	*tar.Writer
	file *os.File
	buf  *bufio.Writer
}

func newArchive(name string) (*archiveFile, error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	buf := bufio.NewWriterSize(f, 1<<20)
	return &archiveFile{tar.NewWriter(buf), f, buf}, nil
}

func (a *archiveFile) close() error {
	return errors.Join(a.Close(), a.buf.Flush(), a.file.Close())
}

func (a *archiveFile) add(name string, content []byte) error {
	if err := a.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := a.Write(content)
	return err
}

// writeLayer writes a layer, and the same files into the tree, and gives the
// digest of the layer.
func writeLayer(name string, tree *archiveFile, n int, random *rand.Rand, block []byte) (string, error) {
	layer, err := newArchive(name)
	if err != nil {
		return "", err
	}
	both := []*archiveFile{layer, tree}
	for d := range bigDirs {
		dirs := []string{fmt.Sprintf("usr/lib%d/d%02d/", n, d)}
		if d == 0 {
			dirs = slices.Insert(dirs, 0, "usr/", fmt.Sprintf("usr/lib%d/", n))
		}
		for _, dir := range dirs {
			for _, to := range both {
				if to == tree && dir == "usr/" && n > 0 {
					continue // it is there
				}
				if err := to.WriteHeader(&tar.Header{Name: dir, Typeflag: tar.TypeDir, Mode: 0o755}); err != nil {
					return "", err
				}
			}
		}
		for f := range bigFiles {
			size := min(int(random.ExpFloat64()*bigMean), bigBlockSize/2)
			from := bigBlockSize/2 - size/2 - random.IntN(max(1, bigBlockSize/4-size/2))
			for _, to := range both {
				if err := to.add(fmt.Sprintf("usr/lib%d/d%02d/f%02d", n, d, f), block[from:from+size]); err != nil {
					return "", err
				}
			}
		}
	}
	if err := layer.close(); err != nil {
		return "", err
	}
	content, err := os.ReadFile(name)
	return strings.TrimPrefix(digestOf(content), "sha256:"), err
}

// digestOf is the name of a layer or document.
func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// writeLoad writes the archive of the image. Directories are in the order of
// their names, as dockerd writes them, which is not that of the layers.
func (a *bigArchive) writeLoad(diffIDs []string) error {
	out, err := newArchive(a.load)
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(slices.Values(diffIDs)) {
		content, err := os.ReadFile(a.layers[slices.Index(diffIDs, id)])
		if err != nil {
			return err
		}
		if err := out.add(id+"/layer.tar", content); err != nil {
			return err
		}
	}
	var layers, digests []string
	for _, id := range diffIDs {
		layers, digests = append(layers, id+"/layer.tar"), append(digests, "sha256:"+id)
	}
	config, err := json.Marshal(map[string]any{
		"architecture": "amd64", "os": "linux", "config": map[string]any{"Cmd": []string{"true"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": digests},
	})
	if err != nil {
		return err
	}
	manifest, err := json.Marshal([]map[string]any{{"Config": "config.json", "RepoTags": []string{bigName}, "Layers": layers}})
	if err != nil {
		return err
	}
	return errors.Join(out.add("config.json", config), out.add("manifest.json", manifest), out.close())
}
