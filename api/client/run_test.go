package client

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/enginejobs/docker/api"
)

// hello writes to both streams and exits with code.
func (c *fakeContainer) hello(code int) {
	c.serve = func(_ net.Conn, _ *bufio.Reader, out, errOut io.Writer) {
		fmt.Fprintln(out, "to stdout")
		fmt.Fprintln(errOut, "to stderr")
		c.exit <- code
	}
}

func TestRunForeground(t *testing.T) {
	d := newFake(t)
	addContainer(d, false).hello(3)
	docker(t, d, "", "run busybox false").want(t, 3, "to stdout\n", "to stderr\n")

	seen := d.log()
	if len(seen) != 4 {
		t.Fatalf("run made %d requests, want 4: %q", len(seen), seen)
	}
	if seen[0] != "POST /containers/create" || seen[3] != "POST /containers/"+testID+"/start" {
		t.Errorf("create is not first or start not last: %q", seen)
	}
	middle := strings.Join(seen[1:3], "\n")
	for _, part := range []string{"/attach {\"stderr\":[\"1\"],\"stdout\":[\"1\"],\"stream\":[\"1\"]}", "/wait {\"condition\":[\"next-exit\"]}"} {
		if !strings.Contains(middle, part) {
			t.Errorf("no %s before start: %q", part, seen)
		}
	}
	if n := d.connections(); n > 3 {
		t.Errorf("run took %d connections, want 3 at most", n)
	}
}

func TestRunRemoves(t *testing.T) {
	d := newFake(t)
	addContainer(d, false).hello(0)
	var body map[string]any
	d.routes["POST /containers/create"] = func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewDecoder(r.Body).Decode(&body)
		answer(api.ContainerCreated{Id: testID, Warnings: []string{"be careful"}})(w, r)
	}
	docker(t, d, "", "run --rm --name web -e A=b busybox").want(t, 0, "to stdout\n", "WARNING: be careful\nto stderr\n")
	if host := body["HostConfig"].(map[string]any); host["AutoRemove"] != true || body["Image"] != "busybox" {
		t.Errorf("create had the body %v", body)
	}
	if seen := d.log(); seen[0] != `POST /containers/create {"name":["web"]}` ||
		!slices.Contains(seen, "POST /containers/"+testID+`/wait {"condition":["removed"]}`) {
		t.Errorf("requests: %q", seen)
	}
}

// An old server cannot remove by itself nor take a wait before the start.
func TestRunRemovesOnOldServer(t *testing.T) {
	for _, version := range []string{"1.12", "1.24"} {
		t.Run(version, func(t *testing.T) {
			d := newFake(t)
			d.version = version
			c := addContainer(d, false)
			c.hello(7)
			d.routes["GET /version"] = answer(api.SystemVersion{ApiVersion: version})
			d.routes["DELETE /containers/"+testID] = status(http.StatusNoContent)
			docker(t, d, "", "run --rm busybox").want(t, 7, "to stdout\n", "to stderr\n")
			seen := d.log()
			if last := seen[len(seen)-1]; last != "DELETE /containers/"+testID+` {"v":["1"]}` {
				t.Errorf("requests: %q", seen)
			}
		})
	}
}

func TestRunDetached(t *testing.T) {
	d := newFake(t)
	addContainer(d, false)
	docker(t, d, "", "run -d busybox sleep 5").want(t, 0, testID+"\n", "")
	if seen := d.log(); len(seen) != 2 || d.connections() != 1 {
		t.Errorf("%d connections, requests %q", d.connections(), seen)
	}
}

func TestRunDetachedRemove(t *testing.T) {
	d := newFake(t)
	addContainer(d, false)
	docker(t, d, "", "run -d --rm busybox").want(t, 0, testID+"\n", "")
	d = newFake(t)
	d.version = "1.24"
	addContainer(d, false)
	d.routes["DELETE /containers/"+testID] = status(http.StatusNoContent)
	docker(t, d, "", "run -d --rm busybox").want(t, 125, "",
		"docker: Conflicting options: --rm and -d.\nSee 'docker run --help'.\n")
}

// BenchmarkRun is what the client and the connections add to a container.
func BenchmarkRun(b *testing.B) {
	d := newFake(b)
	for b.Loop() {
		addContainer(d, false).hello(0)
		if r := docker(b, d, "", "run --rm busybox true"); r.code != 0 {
			b.Fatalf("%+v", r)
		}
	}
}

func TestRunStdin(t *testing.T) {
	d := newFake(t)
	c := addContainer(d, false)
	c.serve = func(_ net.Conn, in *bufio.Reader, out, _ io.Writer) {
		text, _ := io.ReadAll(in) // ends when the client half-closes
		fmt.Fprintf(out, "got %s", text)
		c.exit <- 0
	}
	docker(t, d, "some input", "run -i busybox cat").want(t, 0, "got some input", "")
}

func TestRunOnlyStdinAttached(t *testing.T) {
	d := newFake(t)
	c := addContainer(d, false)
	got := make(chan string, 1)
	c.serve = func(_ net.Conn, in *bufio.Reader, _, _ io.Writer) {
		text, _ := io.ReadAll(in)
		got <- string(text)
	}
	docker(t, d, "abc", "run -a stdin -i busybox cat").want(t, 0, testID+"\n", "")
	if text := <-got; text != "abc" {
		t.Errorf("the container got %q", text)
	}
}

func TestRunStartFails(t *testing.T) {
	tests := []struct {
		message string
		body    string
		code    int
	}{
		{message: `exec: "nope": executable file not found in $PATH`, code: 127},
		{message: "stat /nope: no such file or directory", code: 127},
		{message: "exec /etc/passwd: permission denied", code: 126},
		{message: "port is already allocated", code: 125},
		{body: `{"message":"in another language","code":126}`, message: "in another language", code: 126},
	}
	for _, tt := range tests {
		t.Run(tt.message, func(t *testing.T) {
			d := newFake(t)
			addContainer(d, false).hello(0)
			d.routes["POST /containers/"+testID+"/start"] = failWith(http.StatusBadRequest, tt.message)
			if tt.body != "" {
				d.routes["POST /containers/"+testID+"/start"] = func(w http.ResponseWriter, _ *http.Request) {
					http.Error(w, tt.body, http.StatusBadRequest)
				}
			}
			d.routes["DELETE /containers/"+testID] = status(http.StatusNoContent)
			docker(t, d, "", "run --rm busybox nope").want(t, tt.code, "",
				"docker: Error response from daemon: "+tt.message+".\n")
			seen := d.log()
			if last := seen[len(seen)-1]; !strings.HasPrefix(last, "DELETE") {
				t.Errorf("the container was left behind: %q", seen)
			}
		})
	}
}

func TestRunMissingImage(t *testing.T) {
	d := newFake(t)
	d.routes["POST /containers/create"] = failWith(http.StatusNotFound, "No such image: nope (tag: latest)")
	d.routes["POST /images/create"] = failWith(http.StatusNotImplemented, "no job pull")
	docker(t, d, "", "run nope true").want(t, 125, "", "Unable to find image 'nope:latest' locally\n"+
		"docker: Error response from daemon: no job pull.\nSee 'docker run --help'.\n")

	// After a pull the container is made.
	addContainer(d, false).hello(0)
	tries := 0
	d.routes["POST /containers/create"] = func(w http.ResponseWriter, r *http.Request) {
		if tries++; tries == 1 {
			failWith(http.StatusNotFound, "No such image: nope")(w, r)
			return
		}
		answer(api.ContainerCreated{Id: testID})(w, r)
	}
	d.routes["POST /images/create"] = func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"status":"Pulling"}`+"\r\n"+`{"status":"Done","id":"x"}`)
	}
	docker(t, d, "", "run nope:1 true").want(t, 0, "to stdout\n",
		"Unable to find image 'nope:1' locally\nPulling\nx: Done\nto stderr\n")

	// Not found, but not the image.
	d.routes["POST /containers/create"] = failWith(http.StatusNotFound, "network x not found")
	d.routes["GET /images/nope/json"] = answer(api.ImageInspect{})
	docker(t, d, "", "run --net x nope true").want(t, 125, "",
		"docker: Error response from daemon: network x not found.\nSee 'docker run --help'.\n")
	docker(t, d, "", "run --pull never other true").want(t, 125, "",
		"docker: Error response from daemon: network x not found.\nSee 'docker run --help'.\n")
}

func TestRunRefuses(t *testing.T) {
	tests := []struct{ line, text string }{
		{"run -d -a stdout img", "docker: Conflicting options: -a and -d.\nSee 'docker run --help'.\n"},
		{"run --rm --restart always img", "docker: Conflicting options: --restart and --rm.\nSee 'docker run --help'.\n"},
		{"run -p x img", "docker: Invalid containerPort: x.\nSee 'docker run --help'.\n"},
		{"create --net=container: img", "docker: --net: invalid net mode: invalid container format container:<name|id>.\n" +
			"See 'docker create --help'.\n"},
		{"run --nope img", "flag provided but not defined: --nope\nSee 'docker run --help'.\n"},
		{"run -v a:b:c:d img", "invalid value \"a:b:c:d\" for flag -v: bad format for volumes: a:b:c:d\nSee 'docker run --help'.\n"},
	}
	for _, tt := range tests {
		docker(t, nil, "", tt.line).want(t, 125, "", tt.text)
	}
	docker(t, nil, "", "run -it img").want(t, 1, "", "docker: cannot enable tty mode on non tty input.\n")
	docker(t, nil, "", "run").want(t, 1, "", "docker: \"run\" requires a minimum of 1 argument. See 'docker run --help'.\n")
}

func TestCidFile(t *testing.T) {
	d := newFake(t)
	name := filepath.Join(t.TempDir(), "cid")
	docker(t, d, "", "create --pull never --cidfile "+name+" img")
	if _, err := os.Stat(name); err == nil {
		t.Error("the file of a failed create is still there")
	}
	addContainer(d, false)
	docker(t, d, "", "create --cidfile "+name+" img").want(t, 0, testID+"\n", "")
	if text, _ := os.ReadFile(name); string(text) != testID {
		t.Errorf("the file holds %q", text)
	}
	docker(t, d, "", "run --cidfile "+name+" img").want(t, 125, "", "docker: Container ID file found, "+
		"make sure the other container isn't running or delete "+name+".\nSee 'docker run --help'.\n")
}

func TestRunServerVanishes(t *testing.T) {
	d := newFake(t)
	c := addContainer(d, false)
	c.serve = func(_ net.Conn, _ *bufio.Reader, out, _ io.Writer) {
		fmt.Fprintln(out, "last words")
		d.mu.Lock()
		defer d.mu.Unlock()
		for nc := range d.conns {
			nc.Close()
		}
	}
	r := docker(t, d, "", "run busybox")
	if r.code != 125 || r.out != "last words\n" || !strings.Contains(r.err, "the daemon closed the connection while waiting for the container") {
		t.Errorf("got %+v", r)
	}
}
