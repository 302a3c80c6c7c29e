package integration

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// How a daemon starts, lives beside others, and ends.

// publish runs a web server that says who it is, on a port of the host.
func publish(t *testing.T, d *daemonproc.Daemon, name string, port int) {
	t.Helper()
	d.Must(t, "run", "-d", "--name", name, "-p", fmt.Sprintf("%d:80", port), "busybox", "sh", "-c",
		"trap exit TERM; mkdir /w; echo "+name+" >/w/index.html; httpd -h /w; while :; do sleep 0.1; done")
}

func fetchOnce(url string) error {
	client := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func nft(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("nft", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("nft %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestTwoDaemons lets two daemons publish ports side by side, beside rules of
// somebody else. Each takes away its own rules and nothing else, and puts them
// back after a crash.
func TestTwoDaemons(t *testing.T) {
	one, two := daemonproc.Start(t, daemonproc.Options{}), daemonproc.Start(t, daemonproc.Options{})
	foreign := "ejt-foreign-" + one.Bridge
	nft(t, "add", "table", "ip", foreign)
	t.Cleanup(func() { nft(t, "delete", "table", "ip", foreign) })
	nft(t, "add", "chain", "ip", foreign, "c", "{ type filter hook forward priority 10; policy accept; }")
	nft(t, "add", "rule", "ip", foreign, "c", "ip", "daddr", "192.0.2.200", "drop")
	before := nft(t, "list", "table", "ip", foreign)

	ports := []int{freePort(t), freePort(t)}
	publish(t, one, "one", ports[0])
	publish(t, two, "two", ports[1])
	check := func(when, who string, port int) {
		t.Helper()
		for _, host := range []string{"127.0.0.1", one.Subnet + ".1", two.Subnet + ".1"} {
			if page := fetch(t, fmt.Sprintf("http://%s:%d/", host, port)); strings.TrimSpace(page) != who {
				t.Errorf("%s, by %s: %q, want %s", when, host, page, who)
			}
		}
	}
	check("together", "one", ports[0])
	check("together", "two", ports[1])
	if r := two.Docker("run", "--name", "thief", "-p", fmt.Sprintf("%d:80", ports[0]), "busybox", "true"); r.Code != 125 ||
		!strings.Contains(r.Stderr, "already in use") {
		t.Errorf("a port of the other daemon: %s", r)
	}

	if err := one.Kill9(); err != nil {
		t.Fatal(err)
	}
	nft(t, "delete", "table", "ip", "enginejobs-"+one.Bridge) // more than the crash itself does
	check("the other one has crashed", "two", ports[1])
	if err := one.Start(); err != nil {
		t.Fatal(err)
	}
	check("after a crash", "one", ports[0])
	check("after a crash", "two", ports[1])

	if code, err := one.Stop(); err != nil || code != 0 {
		t.Fatalf("stop: %d, %v", code, err)
	}
	if tables := nft(t, "list", "tables"); strings.Contains(tables, "enginejobs-"+one.Bridge+"\n") ||
		!strings.Contains(tables, "enginejobs-"+two.Bridge) {
		t.Errorf("after a clean stop of %s:\n%s", one.Bridge, tables)
	}
	if err := fetchOnce(fmt.Sprintf("http://127.0.0.1:%d/", ports[0])); err == nil {
		t.Error("the port of a stopped daemon is served")
	}
	if links, err := os.ReadDir("/sys/class/net/" + one.Bridge + "/brif"); err != nil || len(links) > 0 {
		t.Errorf("left on the bridge: %v, %v", links, err)
	}
	check("the other one has stopped", "two", ports[1])
	if after := nft(t, "list", "table", "ip", foreign); after != before {
		t.Errorf("somebody else's rules were\n%s\nand are\n%s", before, after)
	}
}

// activated starts a daemon as an init system does: with sockets, with a place
// to report to, and with one descriptor that is none of its business.
func activated(t *testing.T) (d *daemonproc.Daemon, addr string, notify *net.UnixConn) {
	t.Helper()
	daemonproc.Require(t)
	d, err := daemonproc.New(daemonproc.Options{NoBridge: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("closing the daemon: %v", err)
		}
	})
	unixSocket, err := net.ListenUnix("unix", &net.UnixAddr{Name: d.Socket()})
	if err != nil {
		t.Fatal(err)
	}
	tcpSocket, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	place := filepath.Join(d.Dir, "notify")
	if notify, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: place}); err != nil {
		t.Fatal(err)
	}
	secret, err := os.Open("/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	unixFile, err := unixSocket.File()
	if err != nil {
		t.Fatal(err)
	}
	tcpFile, err := tcpSocket.File()
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(d.Dir, "activated.log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unixSocket.SetUnlinkOnClose(false)
		for _, c := range []interface{ Close() error }{unixSocket, tcpSocket, notify, secret, unixFile, tcpFile, log} {
			c.Close() //nolint:errcheck // whatever is left ends with the process
		}
	})
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=2 exec "$@"`, "sh", d.Bin, "-d", "-H", "fd://", "-g", d.Root,
		"-p", filepath.Join(d.Dir, "docker.pid"), "--exec-root", filepath.Join(d.Dir, "exec"),
		"--trust-key", filepath.Join(d.Dir, "key.json"), "-b", "none", "--access-policy", "open")
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+place, "DOCKER_HOST=")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{unixFile, tcpFile, secret}
	if err := d.Adopt(cmd); err != nil {
		t.Fatal(err)
	}
	return d, tcpSocket.Addr().String(), notify
}

func TestSocketActivation(t *testing.T) {
	d, addr, notify := activated(t)
	if err := notify.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	message := make([]byte, 100)
	n, err := notify.Read(message)
	if err != nil || !strings.Contains(string(message[:n]), "READY=1") {
		t.Fatalf("the daemon reports %q, %v", message[:n], err)
	}
	// Ready means ready: nothing is tried twice.
	if err := fetchOnce("http://" + addr + "/_ping"); err != nil {
		t.Errorf("over the TCP socket: %v", err)
	}
	if err := d.ImportBusybox(); err != nil {
		t.Fatal(err)
	}
	out := d.Must(t, "run", "--rm", "busybox", "sh", "-c", "env; cd /proc/self/fd; for f in *; do readlink $f; done; true")
	for _, bad := range []string{"LISTEN_", "NOTIFY_SOCKET", "socket:", "/etc/passwd"} {
		if strings.Contains(out, bad) {
			t.Errorf("a container inherits %s:\n%s", bad, out)
		}
	}
	if code, err := d.Stop(); err != nil || code != 0 {
		t.Errorf("stop: %d, %v", code, err)
	}
	if _, err := os.Stat(d.Socket()); err != nil {
		t.Errorf("the socket of the init system: %v", err)
	}
}

// TestSecondSignalHurries stops a daemon whose container does not want to end.
func TestSecondSignalHurries(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	d.Must(t, "run", "-d", "--name", "stubborn", "busybox", "sh", "-c", "trap : TERM; while :; do sleep 0.1; done")
	began := time.Now()
	pid := d.Pid()
	for range 2 {
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond)
	}
	if code, err := d.Wait(8 * time.Second); err != nil || code != 0 {
		t.Errorf("after two signals: %d, %v", code, err)
	}
	if took := time.Since(began); took > 7*time.Second {
		t.Errorf("it took %s", took)
	}
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	if got := d.Must(t, "inspect", "-f", "{{.State.Running}} {{.State.ExitCode}}", "stubborn"); got != "false 137" {
		t.Errorf("the container: %s", got)
	}
}

func TestSocketModeAndGroup(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true, NoImage: true, Args: []string{"-G", "nogroup"}})
	st, err := os.Stat(d.Socket())
	if err != nil {
		t.Fatal(err)
	}
	if st.Mode().Perm() != 0o660 || st.Sys().(*syscall.Stat_t).Gid == 0 {
		t.Errorf("the socket is %v of group %d", st.Mode(), st.Sys().(*syscall.Stat_t).Gid)
	}
	if code, err := d.Stop(); err != nil || code != 0 {
		t.Errorf("stop: %d, %v", code, err)
	}
	for _, name := range []string{"docker.sock", "docker.pid"} {
		if _, err := os.Stat(filepath.Join(d.Dir, name)); err == nil {
			t.Errorf("%s was left", name)
		}
	}
}

// TestDaemonMakesItsBridge names a bridge that does not exist: it is made, and
// taken away by a clean stop, also when the daemon crashed in between.
func TestDaemonMakesItsBridge(t *testing.T) {
	bridge := fmt.Sprintf("ejtm%d", os.Getpid()%1e6)
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true, Args: []string{"-b", bridge}})
	d.Must(t, "run", "--rm", "busybox", "ping", "-c1", "-W2", d.Must(t, "run", "--rm", "busybox", "sh", "-c",
		`ip route | sed -n 's/default via \([^ ]*\).*/\1/p'`))
	if err := d.Kill9(); err != nil {
		t.Fatal(err)
	}
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	if code, err := d.Stop(); err != nil || code != 0 {
		t.Errorf("stop: %d, %v", code, err)
	}
	if _, err := net.InterfaceByName(bridge); err == nil {
		t.Errorf("bridge %s was left", bridge)
		exec.Command("ip", "link", "del", bridge).Run() //nolint:errcheck // it is on the way out
	}
}

// TestDaemonRefuses starts daemons that cannot work: each says why in one
// sentence and leaves nothing that runs.
func TestDaemonRefuses(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true, NoImage: true})
	dir := t.TempDir()
	for want, args := range map[string][]string{
		"another daemon uses":      {"-g", d.Root},
		"pid file found":           {"-p", filepath.Join(d.Dir, "docker.pid")},
		"another process serves":   {"-H", d.Host},
		"init system":              {"-H", "fd://"},
		"Invalid bind address":     {"-H", "gopher://x"},
		"btrfs":                    {"-s", "btrfs"},
		"exec driver lxc":          {"-e", "lxc"},
		"invalid bridge name":      {"-b", "no/bridge"},
		"invalid CIDR address":     {"--fixed-cidr", "bad", "-b", ""},
		"Unable to parse logging":  {"-l", "loud"},
		"KEY=VALUE":                {"--storage-opt", "bad"},
		"Group no-such-group":      {"-G", "no-such-group"},
		"not a directory":          {"-g", "/dev/null/root"},
		"takes no arguments":       {"extra"},
		"mutually exclusive":       {"-b", "ejtx0", "--bip", "10.9.8.1/24"},
		"flag provided but not de": {"--no-such-flag"},
	} {
		base := []string{
			"-d", "-g", filepath.Join(dir, "root"), "-p", filepath.Join(dir, "pid"), "--exec-root", filepath.Join(dir, "exec"),
			"--trust-key", filepath.Join(dir, "key.json"), "-H", "unix://" + filepath.Join(dir, "sock"), "-b", "none",
		}
		if args[0] == "-H" {
			base = append(base[:len(base)-4], "-b", "none")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		out, err := exec.CommandContext(ctx, d.Bin, append(base, args...)...).CombinedOutput()
		cancel()
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if last := lines[len(lines)-1]; err == nil || ctx.Err() == context.DeadlineExceeded ||
			!strings.Contains(string(out), want) || strings.Contains(last, "goroutine") {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
		for _, name := range []string{"sock", "pid"} {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				t.Errorf("%v: %s was left", args, name)
			}
		}
	}
	if mounts, _ := os.ReadFile("/proc/self/mounts"); strings.Contains(string(mounts), dir) {
		t.Errorf("mounts were left:\n%s", mounts)
	}
	d.Must(t, "version")
}

// TestNoCgroupsStay looks for what was made above the groups of containers.
func TestNoCgroupsStay(t *testing.T) {
	parent := fmt.Sprintf("ejt-%d", os.Getpid())
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	groups := func() []string {
		found, err := filepath.Glob("/sys/fs/cgroup/*/" + parent)
		if err != nil {
			t.Fatal(err)
		}
		unified, err := filepath.Glob("/sys/fs/cgroup/" + parent)
		if err != nil {
			t.Fatal(err)
		}
		return append(found, unified...)
	}
	d.Must(t, "run", "-d", "--name", "deep", "--cgroup-parent", "/"+parent+"/deeper", "busybox", "sleep", "1000")
	if len(groups()) == 0 {
		t.Error("--cgroup-parent has made no group")
	}
	d.Must(t, "rm", "-f", "deep")
	if code, err := d.Stop(); err != nil || code != 0 {
		t.Errorf("stop: %d, %v", code, err)
	}
	// The exec engine ends a moment after its daemon.
	if !daemonproc.Poll(5*time.Second, func() bool { return len(groups()) == 0 }) {
		t.Errorf("left: %v", groups())
	}
}
