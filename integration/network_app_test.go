package integration

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// An application of two tiers, a web server that counts its visitors in Debian's
// Redis: by links, by a network, and by Compose.

// hitsPage is what the web server runs for each visitor: it asks the host $DB.
const hitsPage = `#!/bin/sh
printf 'Content-type: text/plain\n\n'
printf 'INCR hits\r\nQUIT\r\n' | timeout 5 nc "$DB" 6379 | head -n 1
`

// redisServer is the command of the second tier.
var redisServer = []string{"redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--save", ""}

// application is a daemon with the images, and a directory with the page.
type application struct {
	*daemonproc.Daemon
	t   *testing.T
	dir string
}

func newApplication(t *testing.T, opts daemonproc.Options) *application {
	t.Helper()
	a := &application{daemonproc.Start(t, opts), t, t.TempDir()}
	if err := os.WriteFile(filepath.Join(a.dir, "hits"), []byte(hitsPage), 0o755); err != nil {
		t.Fatal(err)
	}
	tar, err := os.Open(daemonproc.MustAsset(t, "redis"))
	if err != nil {
		t.Fatal(err)
	}
	defer tar.Close()
	if r := a.DockerStdin(tar, "import", "-", "redis"); r.Code != 0 {
		t.Fatal(r)
	}
	return a
}

// run starts a container with the official client.
func (a *application) run(args ...string) {
	a.t.Helper()
	a.MustOfficial(a.t, append([]string{"run", "-d"}, args...)...)
}

// web starts the first tier and says where it is.
func (a *application) web(args ...string) (url string) {
	a.t.Helper()
	port := freePort(a.t)
	args = append(args, "-p", fmt.Sprintf("127.0.0.1:%d:80", port), "-v", a.dir+":/var/www/cgi-bin:ro", "busybox", "httpd", "-f", "-h", "/var/www")
	a.run(args...)
	return fmt.Sprintf("http://127.0.0.1:%d/cgi-bin/hits", port)
}

// counts visits the page until the visit has the number: Redis needs a moment.
func (a *application) counts(url string, want int) {
	a.t.Helper()
	var page string
	if !daemonproc.Poll(15*time.Second, func() bool {
		page = strings.TrimSpace(fetch(a.t, url))
		return page != ""
	}) || page != fmt.Sprintf(":%d", want) {
		a.t.Errorf("visit %d is number %q", want, page)
	}
}

// fails runs a command in a container that must not succeed.
func (a *application) fails(container string, command ...string) {
	a.t.Helper()
	if r := a.Official(a.t, append([]string{"exec", container}, command...)...); r.Code == 0 {
		a.t.Errorf("%s can: %s", container, r)
	}
}

func TestApplicationByLinks(t *testing.T) {
	a := newApplication(t, daemonproc.Options{Args: []string{"--icc=false"}})
	a.run(append([]string{"--name", "redis", "--expose", "6379", "redis"}, redisServer...)...)
	url := a.web("--name", "web", "--link", "redis:store", "-e", "DB=store")
	a.counts(url, 1)
	a.counts(url, 2)

	env := a.MustOfficial(t, "exec", "web", "env")
	address := a.MustOfficial(t, "inspect", "-f", "{{.NetworkSettings.IPAddress}}", "redis")
	for _, want := range []string{"STORE_NAME=/web/store", "STORE_PORT=tcp://" + address + ":6379", "STORE_PORT_6379_TCP_ADDR=" + address} {
		if !strings.Contains(env, want+"\n") {
			t.Errorf("no %s in\n%s", want, env)
		}
	}
	a.MustOfficial(t, "exec", "web", "nc", "-w", "1", "store", "6379", "-e", "true")
	// Who is not linked does not get there, though both are on one bridge.
	a.run("--name", "stranger", "busybox", "sleep", "1000")
	a.fails("stranger", "nc", "-w", "1", address, "6379", "-e", "true")
	a.fails("stranger", "ping", "-c", "1", "-W", "1", "redis")

	// The page finds the store where it has gone; what it counted was in memory.
	a.run("--name", "squatter", "busybox", "sleep", "1000")
	a.MustOfficial(t, "stop", "-t", "5", "redis")
	a.MustOfficial(t, "start", "redis")
	a.counts(url, 1)
	if legacy := a.MustOfficial(t, "inspect", "-f", "{{.HostConfig.Links}}", "web"); legacy != "[/redis:/web/store]" {
		t.Errorf("links: %s", legacy)
	}
}

func TestApplicationByNetwork(t *testing.T) {
	a := newApplication(t, daemonproc.Options{})
	a.MustOfficial(t, "network", "create", "--internal", "--subnet", "10.208.8.0/24", "data")
	a.MustOfficial(t, "network", "create", "--subnet", "10.208.9.0/24", "front")
	a.run(append([]string{"--name", "redis", "--network", "data", "--network-alias", "store", "--ip", "10.208.8.77", "redis"}, redisServer...)...)
	url := a.web("--name", "web", "--network", "front", "-e", "DB=store")
	a.MustOfficial(t, "network", "connect", "data", "web")
	a.counts(url, 1)
	a.counts(url, 2)

	// The network of the store is for the two alone.
	a.run("--name", "stranger", "--network", "front", "busybox", "sleep", "1000")
	a.fails("stranger", "nc", "-w", "1", "store", "6379", "-e", "true")
	a.fails("stranger", "nc", "-w", "1", "10.208.8.77", "6379", "-e", "true")
	a.fails("redis", "grep", "-P", "^eth0\\t00000000", "/proc/net/route") // no way out
	a.MustOfficial(t, "exec", "stranger", "ping", "-c", "1", "-W", "2", "web")

	// Another store in its place, and then two behind one name.
	a.MustOfficial(t, "network", "disconnect", "data", "redis")
	a.fails("web", "nc", "-w", "1", "store", "6379", "-e", "true")
	a.run(append([]string{"--name", "redis2", "--network", "data", "--network-alias", "store", "redis"}, redisServer...)...)
	a.counts(url, 1)
	a.MustOfficial(t, "network", "connect", "--alias", "store", "data", "redis")
	if found := a.MustOfficial(t, "exec", "web", "nslookup", "store"); strings.Count(found, "Address: 10.208.8.") != 2 {
		t.Errorf("two stores: %s", found)
	}

	// A daemon that is killed leaves them as they are; nobody notices.
	if err := a.Kill9(); err != nil {
		t.Fatal(err)
	}
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
	a.MustOfficial(t, "rm", "-f", "redis")
	a.counts(url, 2)
	if r := a.Official(t, "network", "rm", "data"); r.Code == 0 || !strings.Contains(r.Stderr, "has active endpoints") {
		t.Errorf("a network in use: %s", r)
	}
	a.MustOfficial(t, "rm", "-f", "web", "redis2", "stranger")
	a.MustOfficial(t, "network", "rm", "data", "front")
	a.nothingLeft()
}

// nothingLeft looks for networks, their bridges and their rules.
func (a *application) nothingLeft() {
	a.t.Helper()
	if list := a.MustOfficial(a.t, "network", "ls", "--format", "{{.Name}}"); list != "bridge\nhost\nnone" {
		a.t.Errorf("networks that are left:\n%s", list)
	}
	if rules := nft(a.t, "list", "table", "ip", "enginejobs-"+a.Bridge); strings.Contains(rules, "10.208.") || strings.Contains(rules, `"br-`) {
		a.t.Errorf("rules that are left:\n%s", rules)
	}
	if addrs, err := exec.Command("ip", "-4", "-o", "addr").CombinedOutput(); err != nil || strings.Contains(string(addrs), " 10.208.") {
		a.t.Errorf("addresses that are left: %v\n%s", err, addrs)
	}
}

// project is an application that Compose runs.
type project struct {
	*application
	name string
}

// compose runs Compose and gives what it says.
func (p *project) compose(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), 50*time.Second)
	defer cancel()
	file := filepath.Join(p.dir, p.name+".yml")
	cmd := p.Command(ctx, daemonproc.MustAsset(p.t, "compose"), append([]string{"-p", p.name, "-f", file, "--project-directory", p.dir}, args...)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (p *project) must(args ...string) string {
	p.t.Helper()
	out, err := p.compose(args...)
	if err != nil {
		p.t.Fatalf("compose %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(out)
}

// newProject writes the file of a project; BRIDGE, PORT and DIR stand for what
// differs.
func (a *application) newProject(name, text string, port int) *project {
	a.t.Helper()
	text = strings.NewReplacer("BRIDGE", a.Bridge, "PORT", fmt.Sprint(port), "DIR", a.dir).Replace(text)
	if err := os.WriteFile(filepath.Join(a.dir, name+".yml"), []byte(text), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return &project{a, name}
}

const shopFile = `
version: "3.7"
services:
  web:
    image: busybox
    command: httpd -f -h /var/www
    environment: {DB: store}
    volumes: ["DIR:/var/www/cgi-bin:ro"]
    ports: ["127.0.0.1:PORT:80"]
    depends_on: [redis]
    networks:
      front: {aliases: [www, shop]}
      data: {ipv4_address: 10.208.10.10}
      meeting:
  redis:
    image: redis
    command: redis-server --bind 0.0.0.0 --protected-mode no --save ""
    networks:
      data: {aliases: [store], ipv4_address: 10.208.10.20}
  probe:
    image: busybox
    command: sleep 1000
    networks: [front]
networks:
  front:
    driver: bridge
    driver_opts: {com.docker.network.bridge.name: BRIDGEf, com.docker.network.driver.mtu: "1300"}
    labels: {tier: front}
  data:
    internal: true
    ipam:
      config: [{subnet: 10.208.10.0/24}]
  meeting:
    external: true
    name: ejt-meeting
`

const otherFile = `
version: "3.7"
services:
  probe:
    image: busybox
    command: sleep 1000
  guest:
    image: busybox
    command: sleep 1000
    networks: [default, meeting]
networks:
  meeting:
    external: true
    name: ejt-meeting
`

func TestApplicationByCompose(t *testing.T) {
	a := newApplication(t, daemonproc.Options{})
	port := freePort(t)
	shop, other := a.newProject("shop", shopFile, port), a.newProject("other", otherFile, 0)
	if out, err := shop.compose("up", "-d"); err == nil || !strings.Contains(out, "ejt-meeting declared as external, but could not be found") {
		t.Fatalf("without the network of another one: %v\n%s", err, out)
	}
	a.MustOfficial(t, "network", "create", "--subnet", "10.208.11.0/24", "ejt-meeting")
	shop.must("up", "-d", "--scale", "probe=2")
	other.must("up", "-d")
	url := fmt.Sprintf("http://127.0.0.1:%d/cgi-bin/hits", port)
	a.counts(url, 1)
	a.composedNames(shop, other)

	// Again: nothing changes. After a restart everybody is where he was.
	if out := shop.must("up", "-d", "--scale", "probe=2"); strings.Contains(strings.ToLower(out), "creat") {
		t.Errorf("up again makes something anew:\n%s", out)
	}
	a.counts(url, 2)
	shop.must("restart", "-t", "0", "web")
	a.counts(url, 3)

	// New containers in their places have their names and addresses.
	shop.must("up", "-d", "-t", "0", "--force-recreate", "--scale", "probe=2")
	a.counts(url, 1)
	a.composedNames(shop, other)

	other.must("down", "-t", "0")
	a.counts(url, 2)
	shop.must("down", "-t", "0")
	if left := a.MustOfficial(t, "ps", "-aq"); left != "" {
		t.Errorf("containers that are left: %s", left)
	}
	if _, err := os.Stat("/sys/class/net/" + a.Bridge + "f"); err == nil {
		t.Errorf("the bridge %sf is left", a.Bridge)
	}
	a.MustOfficial(t, "network", "rm", "ejt-meeting")
	a.nothingLeft()
}

// composedNames looks at who finds whom, and where.
func (a *application) composedNames(shop, other *project) {
	a.t.Helper()
	a.MustOfficial(a.t, "network", "inspect", "shop_front", "shop_data", "other_default")
	for _, c := range []struct {
		where *project
		line  string
		want  string // a regular expression; empty: it fails
	}{
		{shop, "probe wget -qO- http://www/", "hello from"},
		{shop, "probe wget -qO- http://shop.shop_front/", "hello from"},
		{shop, "web nslookup probe", `(?s)Address: 1[0-9.]+\n.*Address: 1[0-9.]+\n`},
		{shop, "web nslookup redis", `Address: 10\.208\.10\.20\n`},
		{shop, "web ip -4 -o addr", `inet 10\.208\.10\.10/24`},
		{shop, "probe cat /sys/class/net/eth0/mtu", "1300"},
		{shop, "web nc -w 1 10.208.10.20 6379 -e true", "^$"},
		{shop, "probe nslookup store", ""},
		{shop, "probe nc -w 1 10.208.10.20 6379 -e true", ""},
		{shop, "redis sh -c 'grep -P \"^eth0\\t00000000\" /proc/net/route || echo nowhere'", "nowhere"},
		{shop, "probe ping -c 1 -W 1 guest", ""},
		{shop, "web ping -c 1 -W 2 guest", "1 packets received"},
		{other, "guest wget -qO- http://web/", "hello from"},
		{other, "probe ping -c 1 -W 1 web", ""},
		{other, "probe nc -w 1 10.208.10.10 80 -e true", ""},
		{other, "probe ping -c 1 -W 2 guest", "1 packets received"},
	} {
		line := daemonproc.MustAsset(a.t, "client") + " exec " + c.where.name + "-" + strings.Replace(c.line, " ", "-1 ", 1)
		out, err := a.Command(a.t.Context(), "sh", "-c", line).CombinedOutput()
		switch {
		case c.want == "" && err == nil, c.want != "" && (err != nil || !regexp.MustCompile(c.want).Match(out)):
			a.t.Errorf("%s: %s: %v\n%s", c.where.name, c.line, err, out)
		}
	}
}
