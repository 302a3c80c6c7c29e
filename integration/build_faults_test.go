package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// Dockerfiles that cannot be built are refused in one sentence that says where
// and what, and leave no name.
func TestBuildRefusals(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	for name, c := range map[string]struct{ dockerfile, want string }{
		"unknown instruction": {"FROM busybox\n\n# words\nFETCH x\n", "line 4: unknown instruction: FETCH"},
		"no FROM":             {"RUN true\n", "no build stage in current context"},
		"empty":               {"", "cannot be empty"},
		"only comments":       {"# nothing\n", "empty"},
		"binary":              {"\x7fELF\x02\x01\x01\x00\x00\xff\xfe" + strings.Repeat("\x00\x01", 500), "line 1"},
		"ten megabytes":       {"FROM busybox\nLABEL a=\"" + strings.Repeat("x", 10<<20) + "\"\n", "Dockerfile"},
		"itself":              {"FROM a AS a\nCOPY --from=a / /\n", "a"},
		"circle":              {"FROM busybox AS a\nCOPY --from=b /x /\nFROM busybox AS b\nCOPY --from=a /x /\n", "b"},
		"no such stage":       {"FROM busybox\nCOPY --from=7 /x /\n", "7"},
		"missing file":        {"FROM busybox\nCOPY nothing /\n", "COPY failed: file not found in build context or excluded by .dockerignore: stat nothing: file does not exist"},
		"missing in stage":    {"FROM busybox AS a\nFROM busybox\nCOPY --from=a /nothing /\n", "nothing"},
		"outside":             {"FROM busybox\nCOPY ../../etc/passwd /\n", "outside"},
		"no such image":       {"FROM localhost:1/no/such:image\n", "localhost:1"},
		"exit code":           {"FROM busybox\nRUN exit 42\n", "The command '/bin/sh -c exit 42' returned a non-zero code: 42"},
		"no program":          {"FROM busybox\nRUN [\"/no/such/program\"]\n", "/no/such/program"},
		"onbuild onbuild":     {"FROM busybox\nONBUILD ONBUILD RUN true\n", "ONBUILD"},
		"bad flag":            {"FROM busybox\nCOPY --speed=9 a b\n", "speed"},
		"bad checksum":        {"FROM busybox\nADD --checksum=md5:1 http://127.0.0.1:1/x /\n", "checksum"},
		"bad owner":           {"FROM busybox\nCOPY --chown=nosuchuser Dockerfile /\n", "nosuchuser"},
		"bad syntax":          {"FROM busybox\nENV ${\n", "ENV"},
		"bad port":            {"FROM busybox\nEXPOSE 99999\n", "99999"},
		"endless heredoc":     {"FROM busybox\nRUN <<EOF\ntrue\n", "heredoc"},
		"deep variable":       {"FROM busybox\nENV A=" + strings.Repeat("${A:-", 10_000) + "\n", "missing '}'"},
	} {
		t.Run(name, func(t *testing.T) {
			b := postBuild(t, d.HTTP(), "1.41", "forcerm=1&t=ejt/refused", bytes.NewReader(only(t, c.dockerfile)))
			if b.fault == "" || !strings.Contains(b.fault, c.want) {
				t.Errorf("status %d, %.300q, wanted %q", b.status, b.fault, c.want)
			}
			if len(b.fault) > 1000 || strings.Contains(b.fault, "\n") && !strings.Contains(b.fault, "json") {
				t.Errorf("that is not one clear sentence: %d bytes, %.300q", len(b.fault), b.fault)
			}
			if r := d.Docker("inspect", "ejt/refused"); r.Code == 0 {
				t.Error("it has the name all the same")
			}
		})
	}
	nothingLeft(t, d)
}

// A build that fails leaves the name with the image that had it.
func TestBuildFailureKeepsTheName(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	first := postBuild(t, d.HTTP(), "1.41", "t=ejt/app", bytes.NewReader(only(t, "FROM busybox\nRUN echo 1 > /v\n")))
	if first.fault != "" || first.ID == "" {
		t.Fatalf("%+v", first)
	}
	second := postBuild(t, d.HTTP(), "1.41", "forcerm=1&t=ejt/app&t=ejt/other", bytes.NewReader(only(t, "FROM busybox\nRUN echo 2 > /v\nRUN false\n")))
	if second.code != 1 || second.ID != "" {
		t.Errorf("%+v", second)
	}
	if got := identity(t, d.Must(t, "inspect", "ejt/app")).ID; got != first.ID {
		t.Errorf("it is %s, was %s", got, first.ID)
	}
	if r := d.Docker("inspect", "ejt/other"); r.Code == 0 {
		t.Error("the other name was given")
	}
	// The step that worked is found again, also by the next daemon.
	if _, err := d.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := d.Start(); err != nil {
		t.Fatal(err)
	}
	third := postBuild(t, d.HTTP(), "1.41", "", bytes.NewReader(only(t, "FROM busybox\nRUN echo 2 > /v\nRUN true\n")))
	if third.fault != "" || strings.Count(third.text, "Using cache") != 1 {
		t.Errorf("%+v", third)
	}
	nothingLeft(t, d)
}

// Contexts that want out stay in: nothing of the host is read or written.
func TestBuildHostileContexts(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	host := filepath.Join(t.TempDir(), "host")
	secret := filepath.Join(host, "secret")
	if err := os.Mkdir(host, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(secret, []byte("of the host"), 0o600); err != nil {
		t.Fatal(err)
	}
	dockerfile := buildFile{name: "Dockerfile", content: "FROM busybox\nCOPY . /ctx/\nRUN find /ctx -type f -not -name Dockerfile -exec cat {} \\;\n"}
	link := func(kind byte, name, target string) buildFile {
		return buildFile{header: tarHeader(kind, name, target)}
	}
	for name, files := range map[string][]buildFile{
		"dot dot":              {dockerfile, {name: "../../../../../../.." + secret, content: "overwritten"}},
		"absolute":             {dockerfile, {name: secret, content: "overwritten"}},
		"below a link":         {dockerfile, link('2', "way", host), {name: "way/secret", content: "overwritten"}},
		"hard link out":        {dockerfile, link('1', "secret", secret)},
		"hard link up":         {dockerfile, link('1', "secret", "../../../../../../.."+secret)},
		"link as Dockerfile":   {link('2', "Dockerfile", secret)},
		"link to device":       {dockerfile, link('2', "null", "/dev/zero")},
		"device":               {dockerfile, link('3', "zero", "")},
		"pipe as Dockerfile":   {link('6', "Dockerfile", "")},
		"directory Dockerfile": {link('5', "Dockerfile", "")},
		"twice":                {{name: "Dockerfile", content: "FROM nowhere\n"}, dockerfile},
		"ignore everything":    {dockerfile, {name: ".dockerignore", content: "*\n!" + strings.Repeat("*/", 50) + "\n[\n"}},
		"loop of links":        {dockerfile, link('2', "a", "b"), link('2', "b", "a")},
	} {
		t.Run(name, func(t *testing.T) {
			b := postBuild(t, d.HTTP(), "1.41", "forcerm=1", bytes.NewReader(contextTar(t, files...)))
			if strings.Contains(b.fault+b.text, "of the host") {
				t.Errorf("it has read the host: %+v", b)
			}
			if text, err := os.ReadFile(secret); err != nil || string(text) != "of the host" {
				t.Errorf("it has written the host: %q %v", text, err)
			}
			if list, err := os.ReadDir(host); err != nil || len(list) != 1 {
				t.Errorf("beside the file: %v %v", list, err)
			}
		})
	}
	whole := contextTar(t, buildFile{name: "big", content: strings.Repeat("x", 1<<20)}, dockerfile)
	for name, body := range map[string][]byte{
		"truncated in a file":   whole[:1<<19],
		"truncated in a header": whole[:700],
		"broken gzip":           {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3},
		"nothing":               {},
		"zeroes":                make([]byte, 1<<16),
	} {
		t.Run(name, func(t *testing.T) {
			if b := postBuild(t, d.HTTP(), "1.41", "", bytes.NewReader(body)); b.fault == "" || b.ID != "" {
				t.Errorf("%+v", b)
			}
		})
	}
	nothingLeft(t, d)
}

// A client that leaves takes its build along within a second, whatever it does.
func TestBuildClientLeaves(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	for name, run := range map[string]string{
		"sleeps":        "sleep 98765",
		"is deaf":       "trap '' TERM INT HUP; sleep 98765 & while :; do wait; done",
		"talks":         "yes 'nobody reads this line of the output of a build'",
		"burns":         "while :; do :; done",
		"has children":  "for i in 1 2 3 4 5; do (setsid sleep 98765 &) ; done; sleep 98765",
		"holds a mount": "--mount=type=cache,target=/c sleep 98765",
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan error, 1)
			go func() { // ends with its context
				_, err := tryBuild(ctx, d.HTTP(), "1.41", "nocache=1", bytes.NewReader(only(t, "FROM busybox\nRUN "+run+"\n")))
				done <- err
			}()
			if !daemonproc.Poll(10*time.Second, func() bool { return runs(d) }) {
				t.Fatal("the command does not run")
			}
			time.Sleep(100 * time.Millisecond)
			cancel()
			left := time.Now()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("the client got %v", err)
			}
			if !daemonproc.Poll(10*time.Second, func() bool { return !runs(d) }) {
				t.Fatal("the command runs on")
			}
			if took := time.Since(left); took > 3*time.Second { // one on a quiet machine
				t.Errorf("that took %v", took)
			}
			nothingLeft(t, d)
		})
	}
}

// runs says whether a process has a root of the daemon's.
func runs(d *daemonproc.Daemon) bool {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return false
	}
	for _, e := range entries {
		line, err := os.ReadFile(filepath.Join("/proc", e.Name(), "mountinfo"))
		if err == nil && bytes.Contains(line, []byte("upperdir="+d.Root)) && bytes.Contains(line, []byte(" / / rw")) {
			return true
		}
	}
	return false
}

// A client that does not read makes its build wait, and nobody else.
func TestBuildUnreadOutput(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	conn, err := net.Dial("unix", d.Socket())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := only(t, "FROM busybox\nRUN yes 'a line that nobody reads'\n")
	fmt.Fprintf(conn, "POST /v1.41/build?nocache=1 HTTP/1.1\r\nHost: docker\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	time.Sleep(2 * time.Second)
	before := residentKiB(t, d)
	time.Sleep(2 * time.Second)
	if grown := residentKiB(t, d) - before; grown > 32<<10 {
		t.Errorf("the daemon has grown by %d KiB in two seconds", grown)
	}
	other := postBuild(t, d.HTTP(), "1.41", "", bytes.NewReader(only(t, "FROM busybox\nRUN echo other\n")))
	if other.fault != "" || !strings.Contains(other.text, "other\n") {
		t.Errorf("another build: %+v", other)
	}
	conn.Close()
	nothingLeft(t, d)
}

// residentKiB is the memory of the daemon in KiB.
func residentKiB(t *testing.T, d *daemonproc.Daemon) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.Pid()))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var kib int
		if n, _ := fmt.Sscanf(line, "VmRSS: %d kB", &kib); n == 1 {
			return kib
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

// A daemon that is killed in a build leaves no name, no container and no mount,
// and what was built before is cache for the next.
func TestBuildDaemonKilled(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true, Quiet: true})
	text := "FROM busybox\nRUN echo first > /first\nCOPY Dockerfile /\nRUN echo second > /second; sleep %d\n"
	for round := range 3 {
		killDuring(t, d, time.Duration(100+200*round)*time.Millisecond, func(ctx context.Context) {
			_, _ = tryBuild(ctx, d.HTTP(), "1.41", "t=ejt/killed", bytes.NewReader(only(t, fmt.Sprintf(text, 98765)))) // cut off
		})
		if r := d.Docker("inspect", "ejt/killed"); r.Code == 0 {
			t.Error("half of it has the name")
		}
		nothingLeft(t, d)
		if runs(d) {
			t.Error("its command runs on")
		}
	}
	b := postBuild(t, d.HTTP(), "1.41", "t=ejt/killed", bytes.NewReader(only(t, fmt.Sprintf(text, 98765)[:len("FROM busybox\nRUN echo first > /first\n")])))
	if b.fault != "" || strings.Count(b.text, "Using cache") != 1 {
		t.Errorf("%+v", b)
	}
	nothingLeft(t, d)
	for _, dir := range []string{"tmp", "builder"} {
		err := filepath.WalkDir(filepath.Join(d.Root, dir), func(name string, e os.DirEntry, err error) error {
			if err == nil && !e.IsDir() && !strings.Contains(name, "/caches") {
				t.Errorf("left: %s", name)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// A download that is not what it ought to be, or not there, is no part of an image.
func TestBuildWrongDownloads(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	server := fileServer(t)
	right := "58fb" + strings.Repeat("0", 60)
	for name, c := range map[string]struct{ line, want string }{
		"wrong checksum":     {"ADD --checksum=sha256:" + right + " " + server + "/files/app.conf /c", right},
		"no server":          {"ADD http://user:password@127.0.0.1:1/x /x", "connection refused"},
		"no name":            {"ADD " + server + "/ /dir/", "cannot determine filename"},
		"two to a file":      {"ADD " + server + "/files/app.conf " + server + "/files/archive.tar.gz /file", "must be a directory and end with a /"},
		"checksum of a file": {"ADD --checksum=sha256:" + right + " Dockerfile /c", "--checksum"},
	} {
		t.Run(name, func(t *testing.T) {
			b := postBuild(t, d.HTTP(), "1.41", "forcerm=1&t=ejt/wrong", bytes.NewReader(only(t, "FROM busybox\n"+c.line+"\n")))
			if !strings.Contains(b.fault, c.want) || strings.Contains(b.fault, "password") {
				t.Errorf("%q, wanted %q", b.fault, c.want)
			}
			if r := d.Docker("inspect", "ejt/wrong"); r.Code == 0 {
				t.Error("it has the name all the same")
			}
		})
	}
	nothingLeft(t, d)
}
