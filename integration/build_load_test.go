package integration

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// A disk that a build fills is said to be full, and is empty again afterwards.
func TestBuildFillsTheDisk(t *testing.T) {
	daemonproc.Require(t)
	root := filepath.Join(t.TempDir(), "small")
	if err := os.Mkdir(root, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", root, "tmpfs", 0, "size=40m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // after the daemon's own
		if err := syscall.Unmount(root, 0); err != nil {
			t.Errorf("unmounting the small disk: %v", err)
		}
	})
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true, Root: root + "/root"})
	free := func() uint64 {
		var st syscall.Statfs_t
		if err := syscall.Statfs(root, &st); err != nil {
			t.Fatal(err)
		}
		return st.Bfree * uint64(st.Bsize)
	}
	big := buildFile{name: "big", content: strings.Repeat("0123456789abcdef", 4<<16)} // 4 MB
	many := []buildFile{{name: "Dockerfile", content: "FROM busybox\nCOPY . /a/\n"}}
	for i := range 12 {
		big.name = fmt.Sprint("big", i)
		many = append(many, big)
	}
	before := free()
	for name, c := range map[string]struct{ context []byte }{
		"RUN":     {only(t, "FROM busybox\nRUN dd if=/dev/zero of=/full bs=1M count=100\n")},
		"context": {contextTar(t, many...)},
		"COPY":    {contextTar(t, many[:7]...)},
	} {
		t.Run(name, func(t *testing.T) {
			b := postBuild(t, d.HTTP(), "1.41", "t=ejt/full&nocache=1&forcerm=1", bytes.NewReader(c.context))
			if b.fault == "" || !strings.Contains(b.fault+b.text, "o space left on device") {
				t.Errorf("%.500s | %s", b.text, b.fault)
			}
			if r := d.Docker("inspect", "ejt/full"); r.Code == 0 {
				t.Error("it has the name all the same")
			}
			if !daemonproc.Poll(5*time.Second, func() bool { return free()+1<<20 > before }) {
				t.Errorf("%d bytes are free, were %d", free(), before)
			}
		})
	}
	b := postBuild(t, d.HTTP(), "1.41", "t=ejt/fits", bytes.NewReader(only(t, "FROM busybox\nRUN echo fits > /f\n")))
	if b.fault != "" {
		t.Errorf("afterwards: %+v", b)
	}
	nothingLeft(t, d)
}

// The same build by many at once gives images that are whole, and cache for the next.
func TestBuildsAtOnce(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true, Quiet: true})
	var wg sync.WaitGroup
	results := make([]built, 8)
	for i := range results {
		wg.Go(func() {
			results[i] = postBuild(t, d.HTTP(), "1.41", fmt.Sprintf("t=ejt/n%d", i%2),
				bytes.NewReader(only(t, fmt.Sprintf("FROM busybox\nENV A=b\nRUN echo %d > /n\nCOPY Dockerfile /\n", i%2))))
		})
	}
	wg.Wait()
	for i, b := range results {
		if b.fault != "" || b.ID == "" {
			t.Errorf("%d: %+v", i, b)
		}
	}
	// Builds at the same moment may each make a step; later ones take the newest.
	var again built
	for range 2 {
		again = postBuild(t, d.HTTP(), "1.41", "", bytes.NewReader(only(t, "FROM busybox\nENV A=b\nRUN echo 0 > /n\nCOPY Dockerfile /\n")))
	}
	if strings.Count(again.text, "Using cache") != 3 {
		t.Errorf("not all is cached: %s", again.text)
	}
	nothingLeft(t, d)
}

// A context of many files is read with bounded memory.
func TestBuildManyFiles(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true, Quiet: true})
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "sh", "-c", "cd "+dir+" && printf 'FROM busybox\\nCOPY one /\\n' > Dockerfile && echo 1 > one && seq -f d%g 100 | xargs mkdir && for d in d*; do (cd $d && seq 1000 | xargs touch); done").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	before := residentKiB(t, d)
	tar := exec.CommandContext(t.Context(), "tar", "-C", dir, "-c", ".")
	pipe, err := tar.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := tar.Start(); err != nil {
		t.Fatal(err)
	}
	b := postBuild(t, d.HTTP(), "1.41", "", io.NopCloser(pipe))
	if err := tar.Wait(); err != nil || b.fault != "" {
		t.Errorf("%v %+v", err, b)
	}
	if grown := residentKiB(t, d) - before; grown > 80<<10 {
		t.Errorf("the daemon has grown by %d KiB for 100,000 files", grown)
	}
	nothingLeft(t, d)
}
