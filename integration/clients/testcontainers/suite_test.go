package testcontainers_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/exec"
	"github.com/testcontainers/testcontainers-go/network"
	"github.com/testcontainers/testcontainers-go/wait"
)

const page = "httpd -f -p 8080 -h /srv"

// killed has a container end at once, for shells that are process 1 hear no SIGTERM.
var killed = testcontainers.WithConfigModifier(func(c *container.Config) { c.StopSignal = "SIGKILL" })

// start runs busybox with a shell's command until the test ends.
func start(t *testing.T, script string, opts ...testcontainers.ContainerCustomizer) *testcontainers.DockerContainer {
	t.Helper()
	opts = append([]testcontainers.ContainerCustomizer{
		testcontainers.WithCmd("sh", "-c", script),
		killed,
	}, opts...)
	c, err := testcontainers.Run(t.Context(), "busybox", opts...)
	testcontainers.CleanupContainer(t, c)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// output runs a command in a container.
func output(t *testing.T, c testcontainers.Container, command ...string) (int, string) {
	t.Helper()
	code, out, err := c.Exec(t.Context(), command, exec.Multiplexed())
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(out)
	if err != nil {
		t.Fatal(err)
	}
	return code, string(text)
}

func TestWaitStrategies(t *testing.T) {
	quick := func(s *wait.HTTPStrategy) wait.Strategy { return s.WithPollInterval(20 * time.Millisecond) }
	serve := "mkdir -p /srv; sleep 0.2; echo hello >/srv/index.html; touch /there; echo almost; echo ready; exec " + page
	health := testcontainers.WithConfigModifier(func(c *container.Config) {
		c.Healthcheck = &container.HealthConfig{Test: []string{"CMD", "test", "-e", "/there"}, Interval: 50 * time.Millisecond, Retries: 100}
	})
	for name, s := range map[string]wait.Strategy{
		"log":     wait.ForLog("ready").WithPollInterval(20 * time.Millisecond),
		"pattern": wait.ForLog("al+most\nre.dy").AsRegexp(),
		"port":    wait.ForListeningPort("8080/tcp").WithPollInterval(20 * time.Millisecond),
		"exposed": wait.ForExposedPort(),
		"http": quick(wait.ForHTTP("/").WithPort("8080/tcp").WithStatusCodeMatcher(func(code int) bool { return code == 200 }).
			WithResponseMatcher(func(body io.Reader) bool {
				text, err := io.ReadAll(body)
				return err == nil && string(text) == "hello\n"
			})),
		"exec":   wait.ForExec([]string{"test", "-e", "/there"}).WithPollInterval(20 * time.Millisecond),
		"file":   wait.ForFile("/there").WithPollInterval(20 * time.Millisecond),
		"health": wait.ForHealthCheck().WithPollInterval(20 * time.Millisecond),
		"all":    wait.ForAll(wait.ForLog("almost"), wait.ForListeningPort("8080/tcp")).WithDeadline(20 * time.Second),
		"any":    wait.ForAny(wait.ForLog("never"), wait.ForLog("ready")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, serve, testcontainers.WithExposedPorts("8080/tcp"), health, testcontainers.WithWaitStrategy(s))
			if code, _ := output(t, c, "test", "-e", "/there"); code != 0 {
				t.Error("it was not waited for")
			}
		})
	}
	t.Run("exit", func(t *testing.T) {
		t.Parallel()
		c := start(t, "exit 3", testcontainers.WithWaitStrategy(wait.ForExit()))
		if state, err := c.State(t.Context()); err != nil || state.ExitCode != 3 || state.Running {
			t.Errorf("%+v, %v", state, err)
		}
	})
	t.Run("in vain", func(t *testing.T) {
		t.Parallel()
		c, err := testcontainers.Run(t.Context(), "busybox", testcontainers.WithCmd("sh", "-c", "echo a fault; exit 1"),
			testcontainers.WithWaitStrategy(wait.ForLog("ready").WithStartupTimeout(10*time.Second)))
		testcontainers.CleanupContainer(t, c)
		if err == nil || !strings.Contains(err.Error(), "exited with code 1") {
			t.Errorf("%v", err)
		}
	})
}

func TestPorts(t *testing.T) {
	t.Parallel()
	c := start(t, "mkdir /srv; echo hello >/srv/index.html; exec "+page,
		testcontainers.WithExposedPorts("8080/tcp", "9/udp"), testcontainers.WithWaitStrategy(wait.ForListeningPort("8080/tcp")))
	endpoint, err := c.PortEndpoint(t.Context(), "8080/tcp", "http")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err != nil || string(text) != "hello\n" {
		t.Errorf("%q, %v", text, err)
	}
	udp, err := c.MappedPort(t.Context(), "9/udp")
	if err != nil || udp.Num() == 0 {
		t.Errorf("%v, %v", udp, err)
	}
	if host, err := c.Host(t.Context()); err != nil || host == "" { // localhost, or the gateway where the tests run in a container themselves
		t.Errorf("%s, %v", host, err)
	}
	if ip, err := c.ContainerIP(t.Context()); err != nil || ip == "" {
		t.Errorf("%s, %v", ip, err)
	}
}

func TestNetworkWithAliases(t *testing.T) {
	t.Parallel()
	n, err := network.New(t.Context(), network.WithLabels(map[string]string{"who": "suite"}))
	if err != nil {
		t.Fatal(err)
	}
	testcontainers.CleanupNetwork(t, n)
	server := start(t, "mkdir /srv; echo hello >/srv/index.html; exec "+page, network.WithNetwork([]string{"www", "page"}, n),
		testcontainers.WithWaitStrategy(wait.ForExec([]string{"wget", "-qO-", "http://localhost:8080/"})))
	client := start(t, "sleep 1000", network.WithNetwork([]string{"client"}, n))
	for _, name := range []string{"www", "page"} {
		if code, text := output(t, client, "wget", "-qO-", "http://"+name+":8080/"); code != 0 || text != "hello\n" {
			t.Errorf("%s: %d %q", name, code, text)
		}
	}
	aliases, err := server.NetworkAliases(t.Context())
	if err != nil || len(aliases[n.Name]) < 2 || aliases[n.Name][0] != "www" || aliases[n.Name][1] != "page" {
		t.Errorf("%v, %v", aliases, err)
	}
	if names, err := client.Networks(t.Context()); err != nil || len(names) != 1 || names[0] != n.Name {
		t.Errorf("%v, %v", names, err)
	}
}

func TestFilesAndCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "tree", "below"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"one": "one\n", "tree/two": "two\n", "tree/below/three": "three\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := start(t, "cat /begin; sleep 1000", testcontainers.WithFiles(
		testcontainers.ContainerFile{Reader: strings.NewReader("first\n"), ContainerFilePath: "/begin", FileMode: 0o640},
		testcontainers.ContainerFile{HostFilePath: filepath.Join(dir, "one"), ContainerFilePath: "/one", FileMode: 0o755}),
		testcontainers.WithEnv(map[string]string{"WHO": "suite"}), testcontainers.WithTmpfs(map[string]string{"/scratch": "size=1m"}),
		testcontainers.WithWaitStrategy(wait.ForLog("first")))
	if err := c.CopyToContainer(t.Context(), []byte("bytes\n"), "/tmp/bytes", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.CopyFileToContainer(t.Context(), filepath.Join(dir, "one"), "/tmp/one", 0o644); err != nil {
		t.Fatal(err)
	}
	if err := c.CopyDirToContainer(t.Context(), filepath.Join(dir, "tree"), "/tmp/tree", 0o755); err != nil {
		t.Fatal(err)
	}
	code, text := output(t, c, "sh", "-c", "cat /one /tmp/bytes /tmp/one /tmp/tree/two /tmp/tree/below/three; stat -c %a /begin /one /tmp/bytes; echo $WHO; df /scratch | tail -n 1")
	if want := "one\nbytes\none\ntwo\nthree\n640\n755\n600\nsuite\ntmpfs "; code != 0 || !strings.HasPrefix(text, want) {
		t.Errorf("%d %q, wanted %q", code, text, want)
	}
	out, err := c.CopyFileFromContainer(t.Context(), "/tmp/bytes")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if back, err := io.ReadAll(out); err != nil || string(back) != "bytes\n" {
		t.Errorf("%q, %v", back, err)
	}
	if _, err := c.CopyFileFromContainer(t.Context(), "/nothing"); err == nil {
		t.Error("a missing file was copied")
	}
	code, both, err := c.Exec(t.Context(), []string{"sh", "-c", "id -u; pwd; echo $MORE; echo err >&2; exit 7"},
		exec.WithUser("5"), exec.WithWorkingDir("/tmp"), exec.WithEnv([]string{"MORE=more"}), exec.Multiplexed())
	if err != nil {
		t.Fatal(err)
	}
	if said, err := io.ReadAll(both); err != nil || code != 7 || !strings.Contains(string(said), "5\n/tmp\nmore\n") || !strings.Contains(string(said), "err\n") {
		t.Errorf("%d %q, %v", code, said, err)
	}
}

func TestReuse(t *testing.T) {
	t.Parallel()
	first := start(t, "sleep 1000", testcontainers.WithReuseByName("suite-reused"))
	second := start(t, "sleep 1000", testcontainers.WithReuseByName("suite-reused"))
	if first.GetContainerID() != second.GetContainerID() {
		t.Errorf("%s and %s", first.GetContainerID(), second.GetContainerID())
	}
	var both sync.WaitGroup
	ids := make([]string, 4)
	for i := range ids { // side by side only one of them makes it
		both.Go(func() {
			c, err := testcontainers.Run(context.Background(), "busybox", testcontainers.WithCmd("sleep", "1000"), killed, testcontainers.WithReuseByName("suite-raced"))
			testcontainers.CleanupContainer(t, c)
			if err == nil {
				ids[i] = c.GetContainerID()
			} else {
				t.Error(err)
			}
		})
	}
	both.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("%q", ids)
		}
	}
}

// lines is a consumer of logs.
type lines struct {
	mu   sync.Mutex
	seen []string
}

func (l *lines) Accept(line testcontainers.Log) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = append(l.seen, line.LogType+" "+strings.TrimSpace(string(line.Content)))
}

func (l *lines) has(want string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(strings.Join(l.seen, "\n")+"\n", want+"\n")
}

func TestLife(t *testing.T) {
	t.Parallel()
	var seen lines
	var hooks []string
	hook := func(name string) []testcontainers.ContainerHook {
		return []testcontainers.ContainerHook{func(context.Context, testcontainers.Container) error {
			hooks = append(hooks, name)
			return nil
		}}
	}
	c := start(t, "echo out; echo err >&2; sleep 1000", testcontainers.WithWaitStrategy(wait.ForLog("err")),
		testcontainers.WithLabels(map[string]string{"who": "suite"}),
		testcontainers.WithLogConsumers(&seen), testcontainers.WithLifecycleHooks(testcontainers.ContainerLifecycleHooks{
			PostCreates: hook("created"), PostStarts: hook("started"), PostReadies: hook("ready"), PostStops: hook("stopped"), PostTerminates: hook("gone"),
		}))
	for end := time.Now().Add(10 * time.Second); !seen.has("STDOUT out") || !seen.has("STDERR err"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the consumer has seen %q", seen.seen)
		}
	}
	logs, err := c.Logs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer logs.Close()
	if text, err := io.ReadAll(logs); err != nil || !strings.Contains(string(text), "out\n") {
		t.Errorf("%q, %v", text, err)
	}
	at := time.Second
	if err := c.Stop(t.Context(), &at); err != nil || c.IsRunning() {
		t.Errorf("stopped: %v", err)
	}
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	inspect, err := c.Inspect(t.Context())
	if err != nil || !inspect.State.Running || inspect.Config.Labels["who"] != "suite" {
		t.Errorf("%+v, %v", inspect, err)
	}
	if err := c.Terminate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(hooks, " "); got != "created started ready stopped started ready stopped gone" {
		t.Errorf("hooks: %s", got)
	}
	if _, err := c.Inspect(t.Context()); err == nil {
		t.Error("it is still there")
	}
}

func TestFromDockerfile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM busybox\nARG WHO\nRUN echo hello $WHO > /hello\nCMD cat /hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	who := "suite"
	c, err := testcontainers.Run(t.Context(), "", testcontainers.WithDockerfile(testcontainers.FromDockerfile{Context: dir, BuildArgs: map[string]*string{"WHO": &who}}),
		testcontainers.WithWaitStrategy(wait.ForLog("hello suite").WithOccurrence(1)))
	testcontainers.CleanupContainer(t, c)
	if err != nil {
		t.Fatal(err)
	}
}
