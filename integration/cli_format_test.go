package integration

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/enginejobs/docker/integration/daemonproc"
	"github.com/enginejobs/docker/registry/registrytest"
)

// TestFormatsOfBothCLIs asks one daemon the same by the official CLI and by
// ours, with every field that the official one has for --format, and with the
// filters: what comes out is the same, byte for byte, but for ages.
func TestFormatsOfBothCLIs(t *testing.T) {
	daemonproc.Require(t)
	client28(t)
	t.Parallel()
	d := daemonproc.Start(t, daemonproc.Options{})
	formatFixtures(t, d)
	reg := registrytest.New(t, registrytest.Options{})
	reg.Find(map[string]any{"name": "team/found", "description": "a description with more than forty-five characters, and\nlines", "star_count": 3, "is_official": true},
		map[string]any{"name": "team/other", "description": "short", "is_automated": true})
	var lines [][]string
	for _, f := range formatFields {
		command, fields := strings.Fields(f.command), strings.Fields(f.fields)
		all := "{{" + strings.Join(fields, "}}|{{") + "}}"
		table := `table {{` + strings.Join(fields, `}}\t{{`) + `}}`
		for _, format := range []string{all, table, "json", "{{json .}}"} {
			lines = append(lines, slices.Concat(command, []string{"--format", format}))
		}
		if f.listing {
			lines = append(lines, slices.Concat(command, []string{"--format", "table"}), slices.Concat(command, []string{"--format", "raw"}))
		}
	}
	for _, line := range formatLines {
		lines = append(lines, strings.Split(strings.ReplaceAll(line, "REGISTRY", reg.Host()), "|"))
	}
	var both sync.WaitGroup // two at a time
	queue := make(chan []string)
	for range 2 {
		both.Go(func() {
			for args := range queue {
				compareClients(t, d, args)
			}
		})
	}
	for _, args := range lines {
		queue <- args
	}
	close(queue)
	both.Wait()
}

// formatFields are the fields of each kind of rows.
var formatFields = []struct {
	command, fields string
	listing         bool
}{
	{"ps -a", `.ID .Image .Command .CreatedAt .RunningFor .Ports .State .Status .Names .Labels .Mounts .Networks .LocalVolumes .Platform`, true},
	{"ps -as", `.ID .Size`, true},
	{"ps -a --no-trunc", ".ID .Image .Command .Names .Mounts", true},
	{"images", ".ID .Repository .Tag .CreatedSince .CreatedAt .Size .VirtualSize .Containers .SharedSize .UniqueSize", true},
	{"images -a --no-trunc", ".ID .Repository .Digest", true},
	{"images --digests", ".ID .Digest .Tag", true},
	{"history built", ".ID .CreatedSince .CreatedAt .CreatedBy .Size .Comment", true},
	{"history -H=false --no-trunc built", ".ID .CreatedSince .CreatedAt .CreatedBy .Size .Comment", true},
	{"network ls", `.ID .Name .Driver .Scope .IPv4 .IPv6 .Internal .Labels .CreatedAt`, true},
	{"network ls --no-trunc", `.ID .Name`, true},
	{"volume ls", `.Name .Driver .Scope .Mountpoint .Labels .Links .Size .Availability .Group .Status`, true},
	{"system df", ".Type .TotalCount .Active .Size .Reclaimable", true},
}

// formatLines are further command lines; "|" is between the words.
var formatLines = []string{
	"stats|--no-stream|none|never|--format|table {{.Container}}\t{{.Name}}\t{{.ID}}\t{{.CPUPerc}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}",
	"stats|--no-stream|--all|--format|{{json .PIDs}} {{.Name}}", "stats|--no-stream|never|--format|json",
	`ps|-a|--format|{{.Label "a"}} {{.Names}}`, `network ls|--format|{{.Label "n"}}`, `volume ls|--format|table {{.Name}}\t{{.Label "v"}}`,
	"system df", "system df|-v|--format|json", "system df|-v|--format|raw", "system df|-v",
	"system df|-v|--format|{{range .Images}}{{.ID}} {{.SharedSize}} {{.UniqueSize}} {{.Containers}};{{end}}{{range .Volumes}}{{.Links}} {{.Size}};{{end}}",
	"system df|-v|--format|{{range .BuildCache}}{{.ID}} {{.Parent}} {{.CacheType}} {{.Size}} {{.InUse}} {{.Shared}} {{.UsageCount}}{{end}}",
	// Functions of templates.
	`ps|-a|--format|{{json .Names}} {{upper .Names}} {{lower .Image}} {{title .State}} {{truncate .ID 4}} {{pad .Names 2 3}}. {{split .Image "/"}} {{join (split .Names "e") "E"}}`,
	`ps|-a|--format|{{println .Names "x"}}{{len .ID}} {{printf "%-9s" .Names}} {{index (split .Names "o") 0}} {{if eq .Names "one"}}first{{else}}other{{end}}`,
	`ps|-a|--format|table {{upper .Names}}\t{{truncate .ID 3}}\t{{json .Image}}\t{{pad .State 1 1}}\t{{title .Status}}`,
	`images|--format|{{.Repository}}:{{.Tag}}\n{{.ID}}\t{{.Size}}`,
	// Without truncation, and only names.
	"ps|-aq", "ps|-aq|--no-trunc", "ps|-a|-q|--format|{{.Names}}", "ps|-lq", "ps|-n|2|-q", "ps|-n|0|-q", "ps|--latest|--quiet", "images|-q|--no-trunc",
	"images|-q|--format|{{.Tag}}", "network ls|-q", "network ls|-q|--no-trunc", "network ls|-q|--format|{{.Name}}", "volume ls|-q",
	"volume ls|-q|--format|{{.Driver}}", "history|-q|built", "history|-q|--no-trunc|built", "history|-q|--format|{{.Size}}|built",
	"images|--format||-q",
	// Filters.
	"ps|-f|status=exited|--format|{{.Names}}", "ps|-f|status=created|--format|{{.Names}}", "ps|-f|exited=3|-a|--format|{{.Names}}",
	"ps|-af|name=^one$|--format|{{.Names}}", "ps|-a|-f|name=e|-f|label=a=b|--format|{{.Names}}", "ps|-a|-f|label=a|-f|label=c=d|-q",
	"ps|-a|-f|ancestor=busybox|--format|{{.Names}}", "ps|-a|-f|volume=vola|-q", "ps|-a|-f|volume=/x|-q", "ps|-a|-f|network=neta|-q",
	"ps|-a|-f|network=none|-q", "ps|-a|-f|publish=80|-q", "ps|-a|-f|expose=99/tcp|-q", "ps|-a|-f|health=none|-q", "ps|-a|-f|is-task=false|-q",
	"ps|-a|-f|before=two|-q", "ps|-a|-f|since=one|--filter|status=exited|-q",
	"images|-f|dangling=true|-q", "images|-f|dangling=false|-q", "images|-f|label=x|-q", "images|-f|label=x=y|-q", "images|-f|before=built|-q",
	"images|-f|since=busybox|-q", "images|-f|reference=a/*|--format|{{.Tag}}", "images|a/b|-q", "images|a/b:v1|-q", "images|a/*|-q", "images|nothing|-q",
	"network ls|-f|driver=bridge|-q", "network ls|-f|name=net|-q", "network ls|-f|type=custom|-q", "network ls|-f|type=builtin|-q",
	"network ls|-f|label=n=1|-q", "network ls|-f|scope=local|-q", "network ls|-f|dangling=true|-q", "network ls|-f|id=abc|-q",
	"volume ls|-f|dangling=true|-q", "volume ls|-f|dangling=false|-q", "volume ls|-f|name=vol|-q", "volume ls|-f|label=v|-q", "volume ls|-f|driver=local|-q",
	// Filters that are wrong.
	"ps|-f|colour=red", "ps|-f|status=happy", "ps|-f|exited=x", "ps|-f|before=nobody", "ps|-f|health=fine", "ps|-f|publish=x", "ps|-f|is-task=maybe",
	"images|-f|colour=red", "images|-f|dangling=maybe", "images|-f|before=nothing", "network ls|-f|colour=red", "network ls|-f|type=x",
	"network ls|-f|dangling=maybe", "volume ls|-f|colour=red", "volume ls|-f|dangling=maybe", "events|--until|0|-f|colour=red",
	"container prune|-f|--filter|colour=red", "image prune|-f|--filter|colour=red", "network prune|-f|--filter|colour=red",
	"volume prune|-f|--filter|colour=red", "system prune|-f|--filter|colour=red", "container prune|-f|--filter|until=soon",
	// Documents.
	"inspect|one|busybox|vola|neta", "inspect|--type|container|one", "inspect|--type|image|built", "inspect|--type|network|neta", "inspect|--type|volume|vola",
	"container inspect|one|two", "image inspect|built", "network inspect|neta", "volume inspect|vola", "network inspect|-v|bridge", "inspect|-s|one",
	"inspect|-f|{{.Name}} {{.Id}} {{.State.Running}} {{.NetworkSettings.IPAddress}}|one|two", "container inspect|-s|-f|{{.SizeRw}} {{.SizeRootFs}}|two",
	"inspect|-f|{{.Id}} {{.Os}} {{.Size}} {{len .RootFS.Layers}} {{.Config.Env}}|built", "inspect|--format|json|vola", "inspect|--format={{json .}}|neta", "inspect|--format={{json .Config}} {{json .Mounts}}|two",
	"inspect|-f|{{range $p, $b := .NetworkSettings.Ports}}{{$p}} {{(index $b 0).HostPort}} {{end}}|one", "inspect|-f|{{.Driver}} {{index .Labels \"v\"}}|vola",
	"version|--format|{{json .Server}}", "version|-f|{{.Server.Version}} {{.Server.Os}} {{range .Server.Components}}{{.Name}}{{end}}", "version|-f|{{.Client.Os}} {{.Client.Arch}} {{.Client.Context}}",
	"info|-f|{{.Containers}} {{.ContainersRunning}} {{.Images}} {{.Driver}} {{json .Plugins}} {{.MemTotal}} {{.Name}} {{.ID}} {{.ClientInfo.Context}} {{.DockerRootDir}}",
	"events|--since|0|--until|1s|--format|json", "events|--since|0|--until|1s|--format|{{.Type}} {{.Action}} {{.Actor.ID}} {{.Actor.Attributes.name}} {{.Time}} {{.TimeNano}} {{.Scope}} {{.Status}} {{.ID}} {{.From}}",
	"events|--since|0|--until|1s|-f|type=container|-f|event=start|-f|container=one|--format|{{.Action}}", "events|--since|0|--until|1s|-f|label=a=b|--format|{{.Action}}",
	// Contexts.
	"context ls|--format|{{.Name}} {{.Description}} {{.DockerEndpoint}} {{.Current}} {{.Error}}", "context ls|--format|json", "context ls|--format|table", "context ls|-q",
	"context inspect|far", "context inspect|-f|{{.Name}} {{.Endpoints.docker.Host}}|far",
	"context show", "context ls",
	// What is found.
	"search|--format|{{.Name}} {{.Description}} {{.StarCount}} {{.IsOfficial}}|REGISTRY/team", "search|--format|json|REGISTRY/team",
	"search|--no-trunc|--format|{{.Description}}|REGISTRY/team", "search|--format|table {{.Name}}\t{{.StarCount}}\t{{.IsOfficial}}|REGISTRY/team",
	"search|--format|table|REGISTRY/team", "search|--limit|1|--format|{{.Name}}|REGISTRY/team", "search|--limit|1000|REGISTRY/team", "search|-f|colour=red|REGISTRY/team",
	"search|-f|is-official=true|--format|{{.Name}}|REGISTRY/team", "search|-f|stars=2|--format|{{.Name}}|REGISTRY/team", "search|-f|stars=many|REGISTRY/team",
	// Lists that have no format.
	"port|one", "port|one|80", "port|one|80/udp", "diff|two", "top|none|-o|pid,args", "wait|three", "logs|three", "logs|--tail|1|three",
}

// formatFixtures makes what the lines ask for.
func formatFixtures(t *testing.T, d *daemonproc.Daemon) {
	t.Helper()
	d.Must(t, "context", "create", "far", "--docker", "host=tcp://127.0.0.1:1", "--description", "far away")
	d.Must(t, "tag", "busybox", "a/b:v1")
	d.Must(t, "tag", "busybox", "a/c:v2")
	dockerfile := "FROM busybox\nLABEL x=y z=<w>\nENV A=1\nCMD [\"echo\",\"<hi>\",\"a very long command line that goes on, and on\"]\n" +
		"RUN --mount=type=cache,target=/c,id=abc dd if=/dev/zero of=/c/x bs=1000 count=3; dd if=/dev/zero of=/y bs=1000 count=1234\n"
	if r := d.DockerStdin(strings.NewReader(dockerfile), "build", "-q", "-t", "built", "-"); r.Code != 0 {
		t.Fatal(r)
	}
	if r := d.DockerStdin(strings.NewReader("FROM busybox\nLABEL dangling=1\n"), "build", "-q", "-"); r.Code != 0 {
		t.Fatal(r)
	}
	d.Must(t, "network", "create", "--label", "n=1", "--label", "m=2", "--internal", "neta")
	d.Must(t, "volume", "create", "--label", "v=1", "vola")
	d.Must(t, "volume", "create")
	port, second := freePort(t), freePort(t)
	d.Must(t, "run", "-d", "--name", "one", "-l", "a=b", "-l", "c=d", "-p", fmt.Sprintf("%d:80", port), "-p", fmt.Sprintf("127.0.0.1:%d:81", second),
		"-p", fmt.Sprintf("%d:80/udp", port), "--expose", "99-101", "-v", "vola:/x", "-v", d.Dir+":/host", "-v", "/anon", "--network", "neta", "busybox", "sleep", "1000")
	d.Must(t, "network", "connect", "bridge", "one")
	d.Must(t, "run", "-d", "--name", "none", "--network", "none", "busybox", "sleep", "1000")
	d.Must(t, "run", "--name", "two", "built", "sh", "-c", "touch /changed; dd if=/dev/zero of=/w bs=1000 count=77 2>/dev/null")
	if r := d.Docker("run", "--name", "three", "busybox", "sh", "-c", "echo a; echo b; exit 3"); r.Code != 3 {
		t.Fatal(r)
	}
	d.Must(t, "create", "--name", "never", "busybox", "sh", "-c", "echo 'a command with <, > & and \"' and more than twenty characters")
}

// compareClients types a line to both clients. Ages may differ by their
// seconds, and with them the columns.
func compareClients(t *testing.T, d *daemonproc.Daemon, args []string) {
	t.Helper()
	if words := strings.Fields(args[0]); len(words) > 1 {
		args = slices.Concat(words, args[1:])
	}
	var official, ours daemonproc.Result
	for range 3 { // samples of stats and times of other things change meanwhile
		official, ours = d.Official(t, args...), d.Docker(args...)
		if official.Code == ours.Code && sameText(official.Stdout, ours.Stdout) && sameText(official.Stderr, ours.Stderr) {
			return
		}
	}
	t.Errorf("official: %v\nours: %v", official, ours)
}

var (
	agePattern  = regexp.MustCompile(`(Less than a second|\d+ seconds?|About a minute|\d+ minutes)`)
	wordPattern = regexp.MustCompile(` +`)
	sentPattern = regexp.MustCompile(`(?m)^time="[^"]*" level=error msg="Can't (add file|close tar writer).*\n`)
	execPattern = regexp.MustCompile(`exec command [0-9a-f]{64}`)
)

func sameText(a, b string) bool {
	if a == b {
		return true
	}
	plain := func(text string) string {
		// What the official client logs of itself when it is answered before it has sent all.
		text = sentPattern.ReplaceAllString(text, "")
		text = execPattern.ReplaceAllString(text, "exec")
		text = strings.ReplaceAll(text, "neta,bridge", "bridge,neta") // in any order, too
		lines := strings.Split(wordPattern.ReplaceAllString(agePattern.ReplaceAllString(text, "TIME"), " "), "\n")
		slices.Sort(lines) // the official client has images of one time in any order
		return strings.Join(lines, "\n")
	}
	return plain(a) == plain(b)
}
