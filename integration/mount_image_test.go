package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// TestMountImage: the files of an image appear in a container, read-only and without
// what containers add; they stay while the image goes, over restarts of container and
// daemon; nothing is left at the end.
func TestMountImage(t *testing.T) {
	for _, driver := range []string{"overlay", "vfs"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			d := daemonproc.Start(t, daemonproc.Options{NoBridge: true, Args: []string{"-s", driver}})
			d.Must(t, "run", "--name", "maker", "--net", "none", "busybox", "sh", "-c",
				"mkdir -p /data/in/deep; echo one >/data/in/file; ln -s /etc /data/out; ln -s in /data/link; rm -r /bin/wget")
			d.Must(t, "commit", "maker", "content:v1")
			d.Must(t, "rm", "maker")
			const look = `cat /m/data/in/file; ls /m; ls /m/bin/wget /m/.dockerenv 2>&1 | grep -c "No such"; touch /m/x 2>&1; mount | grep -c " /m "`
			d.Must(t, "create", "--name", "reader", "--net", "none", "--mount", "type=image,src=content:v1,dst=/m", "busybox", "sh", "-c", look)
			want := d.Must(t, "start", "-a", "reader")
			if !strings.HasPrefix(want, "one\n") || !strings.Contains(want, "Read-only file system\n1") || strings.Contains(want, "dockerenv") {
				t.Errorf("the image in the container: %s", want)
			}
			for path, said := range map[string]string{
				"data/in": "deep\nfile", "data/link": "deep\nfile", "data": "in\nlink\nout",
			} {
				if got := d.Must(t, "run", "--rm", "--net", "none", "--mount", "type=image,source=content:v1,target=/new/m,image-subpath="+path, "busybox", "ls", "/new/m"); got != said {
					t.Errorf("%s: %q", path, got)
				}
			}
			for mount, said := range map[string]string{
				"type=image,src=content:v1,dst=/m,image-subpath=../x":         "must be relative",
				"type=image,src=content:v1,dst=/m,image-subpath=nosuch":       "no such file or directory",
				"type=image,src=content:v1,dst=/m,image-subpath=data/in/file": "not a directory",
				"type=image,src=nosuch,dst=/m":                                "No such image: nosuch:latest",
				"type=image,dst=/m":                                           "source is required",
				"type=tmpfs,dst=/m,image-subpath=x":                           "image options do not go with type tmpfs",
			} {
				if r := d.Docker("run", "--rm", "--net", "none", "--mount", mount, "busybox", "true"); r.Code != 125 && r.Code != 127 || !strings.Contains(strings.ToLower(r.Stderr), strings.ToLower(said)) {
					t.Errorf("%s: %s", mount, r)
				}
			}
			if got := d.Must(t, "inspect", "-f", "{{json .Mounts}}", "reader"); got != `[{"Type":"image","Source":"content:v1","Destination":"/m","Mode":"","RW":false,"Propagation":""}]` {
				t.Errorf("inspect: %s", got)
			}
			if got := d.Must(t, "cp", "reader:/m/data/in/file", "-"); !strings.Contains(got, "one\n") {
				t.Errorf("cp: %q", got)
			}
			if r := d.Docker("cp", "/etc/hostname", "reader:/m/x"); r.Code == 0 || !strings.Contains(r.Stderr, "read-only") {
				t.Errorf("cp into it: %s", r)
			}
			d.Must(t, "rmi", "content:v1")
			if err := d.Kill9(); err != nil { // nothing of the mount is lost
				t.Fatal(err)
			}
			if err := d.Start(); err != nil {
				t.Fatal(err)
			}
			if got := d.Must(t, "start", "-a", "reader"); got != want {
				t.Errorf("after the image went and the daemon came back: %s", got)
			}
			d.Must(t, "rm", "reader")
			if driver == "overlay" {
				left, _ := filepath.Glob(filepath.Join(d.Root, "overlay", "*-*"))
				for _, dir := range left {
					if name := filepath.Base(dir); len(name) > 64 && name[64] == '-' && !strings.HasSuffix(name, "-init") {
						t.Errorf("left: %s", dir)
					}
				}
				if _, err := os.Stat(filepath.Join(d.Root, "overlay")); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
