package native

import (
	"testing"

	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/pkg/mount"
	"os"
	"io"
	"time"
	"fmt"
)

func TestTry(t *testing.T) {
	dir := t.TempDir()
	root := dir + "/busybox"
	os.MkdirAll(root+"/bin", 0o755)
	b, _ := os.ReadFile("/bin/busybox")
	os.WriteFile(root+"/bin/busybox", b, 0o755)
	for _, n := range []string{"sh", "true", "echo", "ls", "cat", "id", "mount"} { os.Symlink("busybox", root+"/bin/"+n) }
	d, err := New(Options{Root: dir + "/native", DockerinitPath: "/tmp/nat/dockerinit", CgroupParent: "ejtest", Logf: t.Logf,
		Timings: func(id string, p []Phase) { for _, x := range p { t.Log(x.Name, x.At) } }})
	if err != nil { t.Fatal(err) }
	ch := make(chan execdriver.Exit, 100)
	d.OnExit(func(x execdriver.Exit) { ch <- x })
	for i := range 5 {
	r, w, _ := os.Pipe()
	r2, w2, _ := os.Pipe()
	begin := time.Now()
	st, err := d.Start(t.Context(), &execdriver.Command{ID: fmt.Sprint("abc", i), Root: []mount.Mount{{Source: root, Options: []string{"bind"}}},
		Hostname: "hello", Process: execdriver.Process{Args: []string{"sh", "-c", "id; mount; ls -l / /dev; cat /proc/self/status"}, Env: []string{"PATH=/bin"}},
		Security: execdriver.Security{Capabilities: []string{"CAP_CHOWN"}, MaskedPaths: []string{"/proc/kcore", "/proc/acpi"}, ReadonlyPaths: []string{"/proc/sys"}},
		LogPath: dir + "/log",
	}, execdriver.Output{Stdout: w, Stderr: w2})
	t.Log("took", time.Since(begin))
	if err != nil { lg, _ := os.ReadFile(dir+"/native/engine.log"); t.Fatalf("%v %s", err, lg) }
	out, _ := io.ReadAll(r)
	out2, _ := io.ReadAll(r2)
	if i == 0 { t.Logf("%+v\n%s\n%s", st, out, out2)}
	t.Log(<-ch, time.Since(begin))
	if err := d.Remove(t.Context(), fmt.Sprint("abc", i)); err != nil { t.Fatal(err) }
	}
	lg, _ := os.ReadFile(dir+"/native/engine.log"); t.Logf("%s", lg)
	lg, _ = os.ReadFile(dir+"/log"); t.Logf("%s", lg[:500])
	if err := d.Close(); err != nil { t.Fatal(err) }
}
