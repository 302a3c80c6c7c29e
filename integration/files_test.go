package integration

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// Files in and out of containers when somebody means harm or something fails.

// TestCp_Attacker: a workload that swaps directories for links to the host's at
// any moment never makes a copy read or write there.
func TestCp_Attacker(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.MkdirAll(filepath.Join(outside, "d"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"secret", "d/secret"} {
		if err := os.WriteFile(filepath.Join(outside, name), []byte("of the host"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// The same path inside, so that a link resolved there finds something.
	d.Must(t, "run", "-d", "--name", "evil", "busybox", "sh", "-c", fmt.Sprintf(`
		mkdir -p %[1]s/d /real/d; for f in /real/secret /real/d/secret %[1]s/secret %[1]s/d/secret; do echo inside > $f; done
		ln -s %[1]s /link; ln -s %[1]s/secret /filelink; echo inside > /file; ln -s /real /swap
		while :; do
			rm -rf /swap; ln -s %[1]s /swap; rm -f /swap; cp -r /real /swap
			ln -sf %[1]s/secret /file; rm -f /file; echo inside > /file
		done`, outside))
	d.Eventually(t, "swap", "exec", "evil", "ls", "/")
	put := archive(t, entry{name: "written", data: "by cp", kind: tar.TypeReg}, entry{name: "d/written", data: "by cp", kind: tar.TypeReg})
	read := 0
	for deadline := time.Now().Add(4 * time.Second); time.Now().Before(deadline); {
		for _, p := range []string{"/swap", "/swap/.", "/swap/d", "/swap/secret", "/swap/d/secret", "/file", "/link/secret"} {
			r := d.Docker("cp", "evil:"+p, "-")
			if strings.Contains(r.Stdout, "of the host") {
				t.Fatalf("%s: read from the host", p)
			}
			if strings.Contains(r.Stdout, "inside") {
				read++
			}
		}
		d.DockerStdin(bytes.NewReader(put), "cp", "-", "evil:/swap")
		d.DockerStdin(bytes.NewReader(put), "cp", "-", "evil:/swap/d")
		for _, name := range []string{"written", "d/written", "d/d/written"} {
			if _, err := os.Lstat(filepath.Join(outside, name)); err == nil {
				t.Fatalf("%s: written on the host", name)
			}
		}
	}
	if read == 0 {
		t.Error("nothing was read at all")
	}
	t.Logf("%d files were read", read)
}

// TestCp_HostileArchive: no archive leads out of the container.
func TestCp_HostileArchive(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	outside := t.TempDir()
	victim := filepath.Join(outside, "victim")
	if err := os.WriteFile(victim, []byte("untouched"), 0o644); err != nil {
		t.Fatal(err)
	}
	d.Must(t, "run", "-d", "--name", "live", "busybox", "sleep", "1000")
	d.Must(t, "create", "--name", "idle", "busybox", "sleep", "1000")
	up := strings.Repeat("../", 20)
	for name, data := range map[string][]byte{
		"dots":      archive(t, entry{name: up + outside[1:] + "/evil", kind: tar.TypeReg}),
		"absolute":  archive(t, entry{name: outside + "/evil", kind: tar.TypeReg}),
		"link":      archive(t, entry{name: "a", link: outside, kind: tar.TypeSymlink}, entry{name: "a/evil", kind: tar.TypeReg}),
		"uplink":    archive(t, entry{name: "a", link: up + outside[1:], kind: tar.TypeSymlink}, entry{name: "a/evil", kind: tar.TypeReg}),
		"hard":      archive(t, entry{name: "h", link: victim, kind: tar.TypeLink}, entry{name: "h", data: "pwned", kind: tar.TypeReg}),
		"hard dots": archive(t, entry{name: "h", link: up + victim[1:], kind: tar.TypeLink}),
		"truncated": archive(t, entry{name: "t", data: strings.Repeat("x", 9000), kind: tar.TypeReg})[:5000],
		"bomb":      sparseBomb(),
	} {
		for _, box := range []string{"live", "idle"} {
			d.DockerStdin(bytes.NewReader(data), "cp", "-", box+":/tmp")
			if left, _ := os.ReadDir(outside); len(left) != 1 {
				t.Fatalf("%s, %s: written outside of the container: %v", name, box, left)
			}
			if text, _ := os.ReadFile(victim); string(text) != "untouched" {
				t.Fatalf("%s, %s: a file of the host: %q", name, box, text)
			}
		}
	}
	stillServes(t, d)
}

// TestCp_Faults: a client that goes away, a disk that is full, a daemon that is
// killed: no mount stays, and others go on.
func TestCp_Faults(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	d.Must(t, "volume", "create", "--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=1m", "small")
	d.Must(t, "create", "--name", "idle", "-v", "small:/small", "busybox", "sleep", "1000")
	d.Must(t, "run", "-d", "--name", "live", "-v", "small:/small", "busybox", "sleep", "1000")
	large := archive(t, entry{name: "large", data: strings.Repeat("x", 3<<20), kind: tar.TypeReg})
	for _, box := range []string{"idle", "live"} {
		r := d.DockerStdin(bytes.NewReader(large), "cp", "-", box+":/small")
		if r.Code == 0 || !strings.Contains(r.Stderr, "no space left on device") {
			t.Errorf("%s: full disk: %s", box, r)
		}
		d.Must(t, "exec", "live", "sh", "-c", "rm -rf /small/*")

		ctx, cancel := context.WithCancel(t.Context())
		body, w := io.Pipe()
		req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://d/containers/"+box+"/archive?path=/", body)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() {
			resp, err := d.HTTP().Do(req)
			if err == nil {
				resp.Body.Close()
			}
			ended <- err
		}()
		if _, err := w.Write(large[:1<<20]); err != nil {
			t.Fatal(err)
		}
		// One copy hangs; nobody else waits for it.
		d.Must(t, "cp", box+":/etc/passwd", filepath.Join(t.TempDir(), "p"))
		d.Must(t, "inspect", box)
		cancel()
		w.CloseWithError(context.Canceled) // or the client would wait for its own body
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("a client that left: %v", err)
		}
	}
	d.Must(t, "rm", "-f", "idle", "live")
	if !daemonproc.Poll(5*time.Second, func() bool { return !mounted(t, d.Root+"/overlay") && !mounted(t, d.Root+"/volumes") }) {
		t.Error("a mount is left")
	}
	d.Must(t, "volume", "rm", "small")
	stillServes(t, d)
}

// TestExport_ClientLeaves: an export that nobody reads any more ends, and lets
// go of what it has mounted.
func TestExport_ClientLeaves(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	d.Must(t, "run", "--name", "box", "busybox", "sh", "-c", "head -c 50000000 /dev/urandom > /large")
	for range 3 {
		resp, err := d.HTTP().Get("http://d/containers/box/export")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, resp.Body, 3<<20); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	if !daemonproc.Poll(5*time.Second, func() bool { return !mounted(t, d.Root+"/overlay") }) {
		t.Error("the layer stays mounted")
	}
	// An export may be about to end still, behind its unmounting.
	if !daemonproc.Poll(5*time.Second, func() bool { return d.Docker("rm", "box").Code == 0 }) {
		t.Error("the container cannot be removed")
	}
}

// TestCommit_Faults: a commit that its client leaves lets the container go on and
// keeps nothing; so does one that the daemon does not survive.
func TestCommit_Faults(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	d.Must(t, "run", "-d", "--name", "box", "busybox", "sh", "-c", "head -c 300000000 /dev/zero > /large; touch /made; sleep 1000")
	d.Eventually(t, "/made", "exec", "box", "ls", "/made")
	before := tree(t, d.Root)
	for i := range 4 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(20*(i+1))*time.Millisecond)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://d/commit?container=box&repo=half", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := d.HTTP().Do(req); err == nil {
			resp.Body.Close()
			t.Log("it was faster")
			d.Must(t, "rmi", "half")
		}
		cancel()
		if !daemonproc.Poll(10*time.Second, func() bool {
			return d.Must(t, "inspect", "-f", "{{.State.Status}}", "box") == "running"
		}) {
			t.Fatal("the container stays paused")
		}
		if !daemonproc.Poll(5*time.Second, func() bool { return tree(t, d.Root) == before }) {
			t.Errorf("before:\n%s\nafter:\n%s", before, tree(t, d.Root))
		}
	}

	go func() { d.Docker("commit", "box", "half") }()
	time.Sleep(50 * time.Millisecond)
	if err := d.Kill9(); err != nil {
		t.Fatal(err)
	}
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	// Who was frozen at that moment stays so, as after any kill of the daemon, and
	// may go on.
	if d.Must(t, "inspect", "-f", "{{.State.Status}}", "box") == "paused" {
		d.Must(t, "unpause", "box")
	}
	d.Must(t, "exec", "box", "true")
	if out := d.Must(t, "images", "-q"); strings.Count(out, "\n") == 0 && tree(t, d.Root) != before {
		t.Errorf("before:\n%s\nafter a kill:\n%s", before, tree(t, d.Root))
	}
	d.Must(t, "commit", "box", "whole")
	d.Must(t, "run", "--rm", "whole", "ls", "/made")
}

// mounted tells whether anything is mounted below a directory of the host.
func mounted(t *testing.T, dir string) bool {
	t.Helper()
	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(text), " "+dir+"/")
}
