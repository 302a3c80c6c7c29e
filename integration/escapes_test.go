package integration

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// hostSecret is what a file of the host holds, that no container may see or change.
const hostSecret = "of the host"

// prey is a file of the host at a path that containers can spell.
func prey(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "prey")
	if err := os.WriteFile(path, []byte(hostSecret), 0o666); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if b, err := os.ReadFile(path); err != nil || string(b) != hostSecret {
			t.Errorf("the file of the host has %q now, %v", b, err)
		}
		if list, err := os.ReadDir(filepath.Dir(path)); err != nil || len(list) != 1 {
			t.Errorf("beside the file of the host: %v, %v", list, err)
		}
	})
	return path
}

// TestDoorsAreShut tries from inside, as root of a container, what has led out of
// containers of other engines, or told too much of the host.
func TestDoorsAreShut(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{})
	d.Must(t, "run", "-d", "--name", "target", "busybox", "sleep", "1000")
	for _, c := range []struct{ name, script, want string }{
		{"only the standard descriptors are open (CVE-2016-9962, CVE-2024-21626)",
			`cd /proc/self/fd && for f in *; do [ $f -gt 2 ] && readlink $f; done | grep -v -e ^/proc/ -e pipe: ; true`, ""},
		{"nothing may be inherited (CVE-2022-24769)", `grep -e CapInh -e CapAmb /proc/self/status | tr -d '\t'`, "CapInh:0000000000000000\nCapAmb:0000000000000000"},
		{"who is not root has no capability (CVE-2016-8867)", `su -s /bin/sh nobody -c 'grep -e CapEff -e CapPrm /proc/self/status' | tr -d '\t'`, "CapPrm:0000000000000000\nCapEff:0000000000000000"},
		{"a cgroup hierarchy cannot be mounted (CVE-2022-0492)", `mkdir -p /m; mount -t cgroup -o memory c /m 2>&1 | grep -c -i -e denied -e permitted`, "1"},
		{"a user namespace cannot be made to get that right", `unshare -r -m true 2>/dev/null; echo $?`, "1"},
		{"no release agent can be written", `find /sys/fs/cgroup -name release_agent -exec sh -c 'echo /x > "$1"' sh {} \; 2>&1 | grep -v -i read-only; true`, ""},
		{"core_pattern cannot be written", `echo '|/x' 2>/dev/null > /proc/sys/kernel/core_pattern || echo refused`, "refused"},
		{"sysrq cannot be pressed", `echo h 2>/dev/null > /proc/sysrq-trigger || echo refused`, "refused"},
		{"uevent_helper cannot be set", `[ -e /sys/kernel/uevent_helper ] || { echo refused; exit; }; echo /x 2>/dev/null > /sys/kernel/uevent_helper || echo refused`, "refused"},
		{"the memory of the kernel is masked", `for f in interrupts kcore keys latency_stats sched_debug timer_list; do cat /proc/$f 2>/dev/null; done | wc -c`, "0"},
		{"a disk of the host cannot be opened (CVE-2014-3519)", `mknod /disk b 254 0 && head -c 1 /disk 2>/dev/null | wc -c`, "0"},
		{"the table of kernel modules is closed", `insmod /bin/busybox 2>&1 | grep -c -i -e denied -e permitted`, "1"},
		{"the clock stays", `date -s 2001-01-01 2>&1 >/dev/null | grep -c -i permitted`, "1"},
		{"the host name stays", `hostname other 2>&1 | grep -c -i permitted`, "1"},
		{"a chroot does not leave (shocker, double chroot)", `mkdir -p /c && chroot /c /none 2>/dev/null; ls / | grep -c '^proc$'`, "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, how := range [][]string{{"run", "--rm", "busybox"}, {"run", "--rm", "--init", "busybox"}, {"exec", "target"}} {
				got := d.Docker(append(how, "sh", "-c", c.script)...)
				if got.Out() != c.want {
					t.Errorf("%v: got %q, want %q; %s", how[0], got.Out(), c.want, got.Stderr)
				}
			}
		})
	}
}

// TestWorkingDirectoryStaysInside: descriptors that the engine might have left open
// are no way out, neither by their number nor by a link in the image to them
// (CVE-2024-21626).
func TestWorkingDirectoryStaysInside(t *testing.T) {
	d, file := daemonproc.Start(t, daemonproc.Options{}), prey(t)
	d.Must(t, "run", "-d", "--name", "target", "busybox", "sleep", "1000")
	look := []string{"sh", "-c", "cat ../../../../../../../.." + file}
	for n := range 24 {
		dir := fmt.Sprintf("/proc/self/fd/%d", n)
		d.Must(t, "exec", "target", "ln", "-sfn", dir, "/leak")
		for _, args := range [][]string{
			append([]string{"run", "--rm", "-w", dir, "busybox"}, look...),
			append([]string{"exec", "-w", dir, "target"}, look...),
			append([]string{"exec", "-w", "/leak", "target"}, look...),
		} {
			if r := d.Docker(args...); r.Code == 0 || strings.Contains(r.Stdout, hostSecret) {
				t.Errorf("%s", r)
			}
		}
	}
}

// TestProgramOfTheEngineCannotBeWritten: a container makes its shell be the
// engine's own program and writes to it while it runs (CVE-2019-5736).
func TestProgramOfTheEngineCannotBeWritten(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{})
	pid, err := d.ExecEngine()
	if err != nil {
		t.Fatal(err)
	}
	before := sumOfProgram(t, pid)
	d.Must(t, "run", "-d", "--init", "--name", "evil", "busybox", "sh", "-c", `
		printf '#!/proc/self/exe\n' > /evil; chmod 755 /evil; touch /ready
		while :; do for p in /proc/[0-9]*; do
			case "$(readlink $p/exe)" in *dockerinit*) ( echo x >> $p/exe ) 2>/dev/null && touch /won; : $((n += 1)); echo $n > /tried;; esac
		done; done`)
	d.Eventually(t, "", "exec", "evil", "ls", "/ready")
	for range 30 {
		d.Docker("exec", "evil", "/evil")
	}
	if r := d.Docker("exec", "evil", "cat", "/tried"); r.Code != 0 {
		t.Errorf("nothing was tried: %s", r)
	}
	if r := d.Docker("exec", "evil", "ls", "/won"); r.Code == 0 {
		t.Error("the program of the engine was opened for writing")
	}
	if after := sumOfProgram(t, pid); after != before {
		t.Error("the program of the engine has changed")
	}
}

func sumOfProgram(t *testing.T, pid int) [sha256.Size]byte {
	t.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(b)
}

// TestCopyDoesNotFollowTheContainer: a directory becomes a link to the root and
// back while files go through it (CVE-2018-15664, CVE-2019-14271).
func TestCopyDoesNotFollowTheContainer(t *testing.T) {
	d, file := daemonproc.Start(t, daemonproc.Options{}), prey(t)
	d.Must(t, "run", "-d", "--name", "evil", "busybox", "sh", "-c", `
		mkdir -p "/dir`+filepath.Dir(file)+`" "`+filepath.Dir(file)+`"
		echo inside | tee "/dir`+file+`" > "`+file+`"; touch /ready
		while :; do mv /dir /dir.away; ln -s / /dir; rm /dir; ln -s /proc/1/root /dir; rm /dir; mv /dir.away /dir; done`)
	d.Eventually(t, "", "exec", "evil", "ls", "/ready")
	work := t.TempDir()
	mine := filepath.Join(work, "mine")
	if err := os.WriteFile(mine, []byte("overwritten"), 0o644); err != nil {
		t.Fatal(err)
	}
	out := 0
	for range 60 {
		got := filepath.Join(work, "got")
		if r := d.Docker("cp", "evil:/dir"+file, got); r.Code == 0 {
			out++
			if b, err := os.ReadFile(got); err != nil || bytes.Contains(b, []byte(hostSecret)) {
				t.Fatalf("out came %q, %v", b, err)
			}
		}
		d.Docker("cp", mine, "evil:/dir"+file) // prey looks at what became of it
	}
	if out == 0 {
		t.Error("not one copy came out")
	}
}

// TestMountsStayInside: links of an image, in every place where something is
// mounted or made before the workload runs, lead nowhere but into the container
// (CVE-2019-19921, CVE-2021-30465, CVE-2023-28642, CVE-2025-31133, CVE-2025-52565).
func TestMountsStayInside(t *testing.T) {
	d, file := daemonproc.Start(t, daemonproc.Options{}), prey(t)
	up := strings.Repeat("../", 12)
	dir, mine := filepath.Dir(file), filepath.Join(t.TempDir(), "mine")
	if err := os.WriteFile(mine, []byte("mine\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for n, c := range []struct {
		link, to     string
		args         []string
		script, want string
	}{
		{"link", up + dir, []string{"-v", "/link/new"}, "ls " + dir, "new\nprey"},
		{"link", dir, []string{"-v", "/link/new"}, "ls " + dir, "new\nprey"},
		{"link", up + file, []string{"-v", mine + ":/link:ro"}, "cat " + file, "mine"},
		{"link", up + dir, []string{"--tmpfs", "/link/new"}, "ls " + dir, "new\nprey"},
		{"link", up + dir, []string{"-w", "/link/new"}, "ls " + dir, "new\nprey"},
		{"link", "/proc/1/root" + dir, []string{"-w", "/link/new"}, "ls " + dir, "new\nprey"},
		{"etc/hosts", up + file, nil, "grep -c localhost /etc/hosts", "2"},
		{"etc/resolv.conf", up + file, nil, "test -e /etc/resolv.conf; echo $?", "0"},
		{"etc/hostname", up + file, []string{"-h", "me"}, "cat /etc/hostname", "me"},
		{"link", "/proc/self/attr", []string{"--tmpfs", "/link"}, "echo mounted", "refused"},
		{"link", "/proc", []string{"-v", "/link/sys"}, "echo mounted", "refused"},
		{"dev/null", up + file, nil, "ls -l /dev/null | cut -c 1; cat /proc/interrupts | wc -c", "c\n0"},
		{"dev/console", up + file, []string{"-t"}, "ls -l /dev/console | cut -c 1", "c"},
		{"dev/pts", up + dir, []string{"-t"}, "ls " + dir, "prey"},
		{"dev", up + dir, nil, "cat /proc/interrupts | wc -c", "0"},
		{"sys", up + dir, nil, "ls /sys/firmware | wc -l", "0"},
		{"proc", up + dir, nil, "cat /proc/interrupts | wc -c", "0"},
	} {
		t.Run(c.link+" "+strings.Join(c.args, " "), func(t *testing.T) {
			image := fmt.Sprintf("evil%d", n)
			importWithLink(t, d, image, c.link, c.to, dir)
			r := d.Docker(append(append([]string{"run", "--rm"}, c.args...), image, "sh", "-c", c.script)...)
			if got := strings.ReplaceAll(r.Out(), "\r", ""); r.Code == 0 && got != c.want {
				t.Errorf("got %q, want %q; %s", got, c.want, r.Stderr)
			}
			if r.Code != 0 && !strings.Contains(r.Stderr, "Error response from daemon") {
				t.Errorf("neither done nor refused: %s", r)
			}
			t.Logf("exit %d %s", r.Code, strings.TrimSpace(r.Stderr))
		})
	}
	for _, args := range [][]string{
		{"--tmpfs", "/proc"}, {"-v", "/proc"}, {"--tmpfs", "/proc/self"}, {"-v", "vol:/proc/sys/kernel"}, {"-v", "vol:/proc/self/attr"},
	} {
		r := d.Docker(append(append([]string{"run", "--rm"}, args...), "busybox", "true")...)
		if r.Code == 0 || !strings.Contains(r.Stderr, "cannot be mounted because it is inside /proc") {
			t.Errorf("mounted over /proc: %s", r)
		}
	}
	for _, args := range [][]string{{"-v", "/proc:/proc"}, {"-v", mine + ":/proc/meminfo:ro"}} { // lxcfs, and containers that look after the host
		d.Must(t, append(append([]string{"run", "--rm"}, args...), "busybox", "true")...)
	}
}

// importWithLink imports busybox with a link in the place of what is there, and a
// directory of its own at the path of one of the host.
func importWithLink(t *testing.T, d *daemonproc.Daemon, image, link, to, dir string) {
	t.Helper()
	f, err := os.Open(daemonproc.MustAsset(t, "busybox"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out bytes.Buffer
	in, w := tar.NewReader(f), tar.NewWriter(&out)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if name := path.Clean("/" + h.Name); name == "/"+link || strings.HasPrefix(name, "/"+link+"/") {
			continue
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(w, in); err != nil {
			t.Fatal(err)
		}
	}
	err = w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir[1:] + "/", Mode: 0o755})
	if err := errors.Join(err, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: path.Join(dir[1:], "prey"), Mode: 0o644})); err != nil {
		t.Fatal(err)
	}
	err = w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: link, Linkname: to, Mode: 0o777})
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	if r := d.DockerStdin(&out, "import", "-", image); r.Code != 0 {
		t.Fatal(r)
	}
}
