package client

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/mflag"
	"github.com/enginejobs/docker/pkg/stdcopy"
	"github.com/enginejobs/docker/runconfig"
)

func TestDispatch(t *testing.T) {
	tests := []struct {
		line     string
		code     int
		out, err string
	}{
		{"foo", 1, "", "docker: 'foo' is not a docker command. See 'docker --help'.\n"},
		{"help foo", 1, "", "docker: 'foo' is not a docker command. See 'docker --help'.\n"},
		{"container foo", 1, "", "docker: 'container foo' is not a docker command. See 'docker --help'.\n"},
		{"-v", 0, "Docker version 1.5.0-dev, build unknown\n", ""},
		{"--version ps", 0, "Docker version 1.5.0-dev, build unknown\n", ""},
		{"--nope", 125, "", "flag provided but not defined: --nope\nSee 'docker --help'.\n"},
		{"-H", 125, "", "flag needs an argument: -H\nSee 'docker --help'.\n"},
		{"-H a:1 -H b:2 ps", 1, "", "Please specify only one -H\n"},
		{"-H ftp://x ps", 1, "", "Invalid bind address format: ftp://x\n"},
		{"-H tcp:// ps", 1, "", "Invalid proto, expected tcp: \n"},
		{"-l loud ps", 1, "", "Unable to parse logging level: loud\n"},
		{"-H unix:///nonexistent/socket ps", 1, "", "Cannot connect to the Docker daemon. Is 'docker -d' running on this host?\n"},
		{"--tlsverify -H a:1 ps", 1, "", "Couldn't read ca cert /home/u/.docker/ca.pem: open /home/u/.docker/ca.pem: no such file or directory\n"},
		{"ps --all=maybe", 125, "", "invalid boolean value \"maybe\" for  --all: invalid syntax\nSee 'docker ps --help'.\n"},
		{"container ls x", 1, "", "docker: \"container ls\" requires 0 arguments. See 'docker container ls --help'.\n"},
		{"rename x", 1, "", "docker: \"rename\" requires 2 arguments. See 'docker rename --help'.\n"},
		{"images a b", 1, "", "docker: \"images\" requires a maximum of 1 argument. See 'docker images --help'.\n"},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) { docker(t, nil, "", tt.line).want(t, tt.code, tt.out, tt.err) })
	}
}

// A socket that nobody listens on any more.
func TestRefused(t *testing.T) {
	d := newFake(t)
	stale := d.socket + "2"
	l, err := net.Listen("unix", stale)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	docker(t, nil, "", "-H unix://"+stale+" PS").want(t, 1, "",
		"Cannot connect to the Docker daemon. Is 'docker -d' running on this host?\n")
}

// TestHelp walks the table: every command says what it is.
func TestHelp(t *testing.T) {
	usage := docker(t, nil, "", "")
	if usage.code != 0 || usage.err != "" {
		t.Errorf("help: %+v", usage)
	}
	for _, other := range []string{"help", "--help", "-h"} {
		if got := docker(t, nil, "", other); got != usage {
			t.Errorf("docker %s differs from docker", other)
		}
	}
	for _, c := range commands() {
		if c.New == nil { // the heading of a group
			if r := docker(t, nil, "", c.Name); r.code != 0 || !strings.HasPrefix(r.out, "\nUsage: docker "+c.Name+" COMMAND\n") {
				t.Errorf("%s: %+v", c.Name, r)
			}
			continue
		}
		for _, name := range append([]string{c.Name}, c.Also...) {
			if name == "" {
				continue
			}
			r := docker(t, nil, "", name+" --help")
			if r.code != 0 || r.err != "" || !strings.HasPrefix(r.out, "\nUsage: docker "+name+" [OPTIONS]") {
				t.Errorf("%s --help: %+v", name, r)
			}
			if got := docker(t, nil, "", "help "+name); got != r {
				t.Errorf("help %s differs from %s --help", name, name)
			}
		}
		for i, line := range strings.Split(helpOf(&c), "\n") {
			if len(line) > 80 || strings.TrimRight(line, " ") != line {
				t.Errorf("%s: line %d of the help is too long or has trailing blanks: %q", c.Name, i+1, line)
			}
		}
		if strings.HasSuffix(c.Summary, ".") || c.Summary == "" {
			t.Errorf("%s: summary %q", c.Name, c.Summary)
		}
	}
	if r := docker(t, nil, "", "container"); r.code != 0 || !strings.Contains(r.out, "\n    ls        List containers\n") {
		t.Errorf("container: %+v", r)
	}
}

func helpOf(c *Command) string {
	var out bytes.Buffer
	cli := newTestCLI(nil, Streams{Out: &out})
	_ = cli.printCommand(c, c.Name)
	return out.String()
}

func TestWantsDaemon(t *testing.T) {
	none := Env(func(string) (string, bool) { return "", false })
	tests := []struct{ line, want string }{
		{"-d", "-d"}, {"-d --icc=false -g /x", "-d --icc=false -g /x"}, {"-g /x -H fd:// --daemon", "-g /x -H fd:// --daemon"},
		{"-D daemon -g /x", "-D -d -g /x"}, {"-d --new-flag", "-d --new-flag"},
		{"run -d img", "no"}, {"ps", "no"}, {"-H x ps -d", "no"}, {"--bad ps", "no"}, {"", "no"},
	}
	for _, tt := range tests {
		args, yes := WantsDaemon(strings.Fields(tt.line), none)
		got := "no"
		if yes {
			got = strings.Join(args, " ")
		}
		if got != tt.want {
			t.Errorf("docker %s: %q, want %q", tt.line, got, tt.want)
		}
	}
}

// TestRequests: what simple commands ask and print.
func TestRequests(t *testing.T) {
	ok, none := status(http.StatusOK), status(http.StatusNoContent)
	tests := []struct {
		line, route string
		answer      http.HandlerFunc
		request     string
		code        int
		out, err    string
	}{
		{"stop web", "POST /containers/web/stop", none, "POST /containers/web/stop", 0, "web\n", ""},
		{"stop -t 3 web", "POST /containers/web/stop", none, `POST /containers/web/stop {"t":["3"]}`, 0, "web\n", ""},
		{"stop web -t=0", "POST /containers/web/stop", none, `POST /containers/web/stop {"t":["0"]}`, 0, "web\n", ""},
		{"container stop web", "POST /containers/web/stop", status(304), "POST /containers/web/stop", 0, "web\n", ""},
		{"restart --time 1 web", "POST /containers/web/restart", none, `POST /containers/web/restart {"t":["1"]}`, 0, "web\n", ""},
		{"kill -s HUP web", "POST /containers/web/kill", none, `POST /containers/web/kill {"signal":["HUP"]}`, 0, "web\n", ""},
		{"pause web", "POST /containers/web/pause", none, "POST /containers/web/pause", 0, "web\n", ""},
		{"unpause web", "POST /containers/web/unpause", failWith(500, "is not paused"), "POST /containers/web/unpause", 1, "",
			"Error response from daemon: is not paused\nError: failed to unpause container named web\n"},
		{"rename a b", "POST /containers/a/rename", none, `POST /containers/a/rename {"name":["b"]}`, 0, "", ""},
		{"rename a b", "POST /containers/a/rename", failWith(409, "taken"), `POST /containers/a/rename {"name":["b"]}`, 1, "",
			"Error response from daemon: taken\nError: failed to rename container named a\n"},
		{"rm -fv web", "DELETE /containers/web", none, `DELETE /containers/web {"force":["1"],"v":["1"]}`, 0, "web\n", ""},
		{"rm -l a/b", "DELETE /containers/a/b", none, `DELETE /containers/a/b {"link":["1"]}`, 0, "a/b\n", ""},
		{"rm web", "DELETE /containers/web", failWith(409, "running"), "DELETE /containers/web", 1, "",
			"Error response from daemon: running\nError: failed to remove one or more containers\n"},
		{"rmi --no-prune a/b:1", "DELETE /images/a/b:1", answer([]api.ImageDeleted{{Untagged: "a/b:1"}, {Deleted: "sha256:1"}}),
			`DELETE /images/a/b:1 {"noprune":["1"]}`, 0, "Untagged: a/b:1\nDeleted: sha256:1\n", ""},
		{"tag img reg:5000/a/b:1", "POST /images/img/tag", status(201), `POST /images/img/tag {"repo":["reg:5000/a/b"],"tag":["1"]}`, 0, "", ""},
		{"tag img UPPER", "", nil, "", 1, "", "Invalid repository name (UPPER), only [a-z0-9-_.] are allowed\n"},
		{"wait web", "POST /containers/web/wait", answer(api.ContainerWait{StatusCode: 9}), "POST /containers/web/wait", 0, "9\n", ""},
		{"diff web", "GET /containers/web/changes", answer([]map[string]any{{"Path": "/a", "Kind": 0}, {"Path": "/b", "Kind": 1}, {"Path": "/c", "Kind": 2}}),
			"GET /containers/web/changes", 0, "C /a\nA /b\nD /c\n", ""},
		{"top web -aux x", "GET /containers/web/top", answer(map[string]any{"Titles": []string{"PID", "CMD"}, "Processes": [][]string{{"1", "sh"}}}),
			`GET /containers/web/top {"ps_args":["-aux x"]}`, 0, "PID                 CMD\n1                   sh\n", ""},
		{"export web", "GET /containers/web/export", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "tar") },
			"GET /containers/web/export", 0, "tar", ""},
		{"info -f {{.Images}}", "GET /info", answer(api.SystemInfo{Images: 3}), "GET /info", 0, "3\n", ""},
		{"stop web", "POST /containers/web/stop", ok, "POST /containers/web/stop", 0, "web\n", ""},
		{"stop web", "POST /containers/web/stop", status(500), "POST /containers/web/stop", 1, "",
			"Error: request returned Internal Server Error for API route and version http://docker/v" + api.Version +
				"/containers/web/stop, check if the server supports the requested API version\nError: failed to stop one or more containers\n"},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			d := newFake(t)
			if tt.route != "" {
				d.routes[tt.route] = tt.answer
			}
			docker(t, d, "", tt.line).want(t, tt.code, tt.out, tt.err)
			if got := strings.Join(d.log(), "\n"); got != tt.request {
				t.Errorf("requests %q, want %q", got, tt.request)
			}
		})
	}
}

func TestManyOnOneConnection(t *testing.T) {
	d := newFake(t)
	for _, name := range []string{"a", "b", "c"} {
		d.routes["POST /containers/"+name+"/stop"] = status(http.StatusNoContent)
	}
	docker(t, d, "", "stop a nope b c").want(t, 1, "a\nb\nc\n",
		"Error response from daemon: No such thing: /containers/nope/stop\nError: failed to stop one or more containers\n")
	if n := d.connections(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// An old idle connection is not trusted: its server may be gone.
func TestIdleConnection(t *testing.T) {
	d := newFake(t)
	d.routes["GET /x"] = status(http.StatusOK)
	now := testNow
	c := newHTTPClient(endpoint{proto: "unix", addr: d.socket}, api.Version, func() time.Time { return now })
	for i, want := range []int{1, 1, 2} {
		if i == 2 {
			now = now.Add(idleLimit)
		}
		if err := c.call(t.Context(), http.MethodGet, "/x", nil); err != nil {
			t.Fatal(err)
		}
		if n := d.connections(); n != want {
			t.Errorf("request %d: %d connections, want %d", i, n, want)
		}
	}
}

func TestVersionFallback(t *testing.T) {
	for _, version := range []string{"1.41", "1.12"} {
		d := newFake(t)
		d.version = version
		d.routes["GET /version"] = answer(api.SystemVersion{ApiVersion: version})
		d.routes["GET /containers/json"] = answer([]api.ContainerSummary{})
		docker(t, d, "", "ps -q").want(t, 0, "", "")
		want := []string{"GET /containers/json", "GET /containers/json"}
		if version == "1.12" {
			want = []string{"GET /containers/json", "GET /version", "GET /containers/json"}
		}
		if got := d.log(); !slices.Equal(got, want) {
			t.Errorf("%s: %q", version, got)
		}
	}
}

func TestPort(t *testing.T) {
	d := newFake(t)
	d.routes["GET /containers/web/json"] = answer(api.ContainerInspect{NetworkSettings: &api.NetworkSettings{Ports: runconfig.PortMap{
		"443/tcp": nil, "80/tcp": {{HostIp: "0.0.0.0", HostPort: "8080"}, {HostIp: "::", HostPort: "8080"}},
		"53/udp": {{HostIp: "1.2.3.4", HostPort: "5353"}},
	}}})
	docker(t, d, "", "port web").want(t, 0, "53/udp -> 1.2.3.4:5353\n80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080\n", "")
	docker(t, d, "", "port web 80").want(t, 0, "0.0.0.0:8080\n[::]:8080\n", "")
	docker(t, d, "", "port web 443/tcp").want(t, 1, "", "Error: No public port '443/tcp' published for web\n")
}

func TestLogs(t *testing.T) {
	d := newFake(t)
	d.routes["GET /containers/web/logs"] = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", api.MultiplexedStream)
		mux := stdcopy.NewMux(w)
		fmt.Fprintln(mux.Stream(stdcopy.Stdout), "one")
		fmt.Fprintln(mux.Stream(stdcopy.Stderr), "two")
	}
	docker(t, d, "", "logs -ft --tail 5 --since 10m web").want(t, 0, "one\n", "two\n")
	want := fmt.Sprintf(`GET /containers/web/logs {"follow":["1"],"since":["%d"],"stderr":["1"],"stdout":["1"],"tail":["5"],"timestamps":["1"]}`,
		testNow.Unix()-600)
	if got := d.log(); len(got) != 1 || got[0] != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	d.routes["GET /containers/tty/logs"] = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", api.RawStream)
		fmt.Fprint(w, "raw\r\n")
	}
	docker(t, d, "", "logs tty").want(t, 0, "raw\r\n", "")
}

func TestImport(t *testing.T) {
	d := newFake(t)
	var body string
	d.routes["GET /version"] = answer(api.SystemVersion{ApiVersion: api.Version})
	d.routes["POST /images/create"] = func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		body = string(text)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"status":"Importing","progressDetail":{"current":1,"total":2}}{"status":"sha256:abc"}`)
	}
	docker(t, d, "tar", "import - debian:8").want(t, 0, "sha256:abc\n", "")
	if body != "tar" {
		t.Errorf("sent %q", body)
	}
	file := filepath.Join(t.TempDir(), "x.tar")
	if err := os.WriteFile(file, []byte("file"), 0o600); err != nil {
		t.Fatal(err)
	}
	docker(t, d, "", "import -c CMD -m msg "+file+" a/b").want(t, 0, "sha256:abc\n", "")
	docker(t, d, "", "import example.com/x.tgz").want(t, 0, "sha256:abc\n", "")
	docker(t, d, "", "import /nonexistent x").want(t, 1, "", "open /nonexistent: no such file or directory\n")
	docker(t, d, "", "import - Bad").want(t, 1, "", "Invalid repository name (Bad), only [a-z0-9-_.] are allowed\n")
	want := []string{
		"GET /version", `POST /images/create {"fromSrc":["-"],"repo":["debian"],"tag":["8"]}`,
		"GET /version", `POST /images/create {"changes":["CMD"],"fromSrc":["-"],"message":["msg"],"repo":["a/b"]}`,
		`POST /images/create {"fromSrc":["http://example.com/x.tgz"]}`,
	}
	if got := d.log(); !slices.Equal(got, want) {
		t.Errorf("requests %q", got)
	}
	d.routes["POST /images/create"] = func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"errorDetail":{"message":"not an archive"},"error":"not an archive"}`)
	}
	docker(t, d, "x", "import -").want(t, 1, "", "not an archive\n")
	// A server that refuses without reading the whole upload.
	d.routes["POST /images/create"] = failWith(http.StatusBadRequest, "no")
	docker(t, d, strings.Repeat("x", 8<<20), "import -").want(t, 1, "", "Error response from daemon: no\n")
}

func TestFlagsDeclareOnce(t *testing.T) {
	for _, c := range commands() {
		if c.New == nil {
			continue
		}
		c.New(newTestCLI(nil, Streams{}), new(mflag.Set)) // a repeated name panics
	}
}
