package client

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/enginejobs/docker/api"
)

func sized(n int64) *int64 { return &n }

func psFake(t *testing.T) *fakeDaemon {
	d := newFake(t)
	d.routes["GET /containers/json"] = answer([]api.ContainerSummary{
		{
			Id: testID, Image: "busybox:latest", Command: `/bin/sh -c "echo hello world"`, Created: testNow.Unix() - 120,
			Status: "Up 2 minutes", State: "running", Names: []string{"/other/alias", "/web"}, Labels: map[string]string{"a": "b", "c": "d"},
			Ports:  []api.ContainerPort{{PrivatePort: 443, Type: "tcp"}, {IP: "0.0.0.0", PrivatePort: 80, PublicPort: 8080, Type: "tcp"}},
			SizeRw: sized(2433000), SizeRootFs: sized(188300000),
		},
		{
			Id: strings.Repeat("f", 64), Image: "", Command: "ls", Created: testNow.Unix() - 86400*3, Status: "Exited (0) 3 days ago",
			Names: []string{"/db"},
		},
	})
	return d
}

func TestPsOutput(t *testing.T) {
	d := psFake(t)
	tests := []struct{ line, want string }{
		{"ps", "CONTAINER ID        IMAGE               COMMAND                CREATED              STATUS                  PORTS                           NAMES\n" +
			"0123456789ab        busybox:latest      \"/bin/sh -c \\\"echo h   2 minutes ago        Up 2 minutes            443/tcp, 0.0.0.0:8080->80/tcp   web                 \n" +
			"ffffffffffff        <no image>          \"ls\"                   3 days ago           Exited (0) 3 days ago                                   db                  \n"},
		{"ps -q", "0123456789ab\nffffffffffff\n"},
		{"ps -q --no-trunc", testID + "\n" + strings.Repeat("f", 64) + "\n"},
		{"ps --format {{.Names}}:{{.Ports}}", "web:443/tcp, 0.0.0.0:8080->80/tcp\ndb:\n"},
		{"ps --no-trunc --format {{.Names}}", "other/alias,web\ndb\n"},
		{`ps --format {{.ID}}\t{{.Label}}`, ""},
		{`ps --format {{.Labels}}`, "a=b,c=d\n\n"},
		{"ps -s --format {{.Size}}", "2.43MB (virtual 188MB)\n0B\n"},
	}
	for _, tt := range tests {
		if tt.want == "" {
			continue
		}
		r := docker(t, d, "", tt.line)
		want := tt.want
		if tt.line == "ps" { // column widths are the table writer's; compare cells and the tail
			want = squeeze(want)
			if !strings.Contains(r.out, "web                 \n") || strings.HasSuffix(strings.SplitN(r.out, "\n", 2)[0], " ") {
				t.Errorf("rows must end in blanks and the header must not:\n%s", r.out)
			}
			r.out = squeeze(r.out)
		}
		if diff := cmp.Diff(want, r.out); diff != "" || r.code != 0 || r.err != "" {
			t.Errorf("docker %s: %+v\n%s", tt.line, r, diff)
		}
	}
	var out bytes.Buffer
	cli := newTestCLI(d, Streams{Out: &out, Err: io.Discard})
	if code := cli.report(cli.dispatch(t.Context(), []string{"ps", "--format", `table {{.ID}}\t{{.Names}}`})); code != 0 {
		t.Fatal(code)
	}
	if want := "CONTAINER ID   NAMES\n0123456789ab   web\nffffffffffff   db\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

// squeeze makes runs of blanks one.
func squeeze(text string) string {
	for strings.Contains(text, "  ") {
		text = strings.ReplaceAll(text, "  ", " ")
	}
	return text
}

func TestPsQuery(t *testing.T) {
	tests := []struct{ line, want string }{
		{"ps", "GET /containers/json"},
		{"ps -a", `GET /containers/json {"all":["1"]}`},
		{"ps -l", `GET /containers/json {"all":["1"],"limit":["1"]}`},
		{"ps -l -n 4 -s", `GET /containers/json {"all":["1"],"limit":["4"],"size":["1"]}`},
		{"ps --since a", `GET /containers/json {"all":["1"],"filters":["{\"since\":[\"a\"]}"]}`},
		{"ps --before=a", `GET /containers/json {"all":["1"],"filters":["{\"before\":[\"a\"]}"]}`},
		{"ps -f status=exited -f Exited=1", `GET /containers/json {"all":["1"],"filters":["{\"exited\":[\"1\"],\"status\":[\"exited\"]}"]}`},
		{"ps -sinceId a", `GET /containers/json {"all":["1"],"filters":["{\"since\":[\"a\"]}"]}`},
	}
	for _, tt := range tests {
		d := psFake(t)
		docker(t, d, "", tt.line)
		if got := d.log(); len(got) != 1 || got[0] != tt.want {
			t.Errorf("docker %s: %q, want %q", tt.line, got, tt.want)
		}
	}
	docker(t, nil, "", "ps -f x").want(t, 125, "",
		"invalid value \"x\" for flag -f: bad format of filter (expected name=value)\nSee 'docker ps --help'.\n")
}

func TestImagesOutput(t *testing.T) {
	d := newFake(t)
	d.routes["GET /images/json"] = answer([]api.ImageSummary{
		{Id: "sha256:" + testID, Created: testNow.Unix() - 3600*30, Size: 2433000, RepoTags: []string{"busybox:latest", "reg:5000/bb:1"},
			RepoDigests: []string{"busybox@sha256:aa"}},
		{Id: "sha256:" + strings.Repeat("f", 64), Created: testNow.Unix() - 30, Size: 5, ParentId: "sha256:" + testID},
	})
	tests := []struct{ line, want string }{
		{"images", "REPOSITORY          TAG                 IMAGE ID            CREATED             VIRTUAL SIZE\n" +
			"busybox             latest              0123456789ab        30 hours ago        2.433 MB\n" +
			"reg:5000/bb         1                   0123456789ab        30 hours ago        2.433 MB\n" +
			"<none>              <none>              ffffffffffff        30 seconds ago      5 B\n"},
		{"image ls -q", "0123456789ab\n0123456789ab\nffffffffffff\n"},
		{"images --no-trunc --format {{.ID}}:{{.Tag}}", "sha256:" + testID + ":latest\nsha256:" + testID + ":1\nsha256:" + strings.Repeat("f", 64) + ":<none>\n"},
		{"images --digests --format {{.Digest}}", "sha256:aa\n<none>\n<none>\n"},
	}
	for _, tt := range tests {
		docker(t, d, "", tt.line).want(t, 0, tt.want, "")
	}
	docker(t, d, "", "images --tree").want(t, 0, "└─0123456789ab Virtual Size: 2.433 MB Tags: busybox:latest, reg:5000/bb:1\n"+
		"  └─ffffffffffff Virtual Size: 5 B\n", "Warning: '--tree' is deprecated, it will be removed soon. See usage.\n")
	docker(t, d, "", "images --viz nope").want(t, 0, "digraph docker {\n base [style=invisible]\n}\n",
		"Warning: '--viz' is deprecated, it will be removed soon. See usage.\n")
	docker(t, d, "", "images -f dangling=true bus*")
	if got := d.log(); got[len(got)-1] != `GET /images/json {"filters":["{\"dangling\":[\"true\"],\"reference\":[\"bus*\"]}"]}` {
		t.Errorf("requests %q", got)
	}
}

func TestHistoryOutput(t *testing.T) {
	d := newFake(t)
	d.routes["GET /images/busybox/history"] = answer([]api.ImageHistory{
		{Id: "sha256:" + testID, Created: testNow.Unix() - 61, CreatedBy: "/bin/sh -c #(nop) CMD [\"/bin/sh\" \"-c\" \"a long command\"]", Size: 0},
		{Id: "<missing>", Created: testNow.Unix() - 86400*400, CreatedBy: "", Size: 123456},
	})
	docker(t, d, "", "history busybox").want(t, 0,
		"IMAGE               CREATED              CREATED BY                                      SIZE\n"+
			"0123456789ab        About a minute ago   /bin/sh -c #(nop) CMD [\"/bin/sh\" \"-c\" \"a long   0 B\n"+
			"<missing>           13 months ago                                                        123.5 kB\n", "")
	docker(t, d, "", "history -q --no-trunc busybox").want(t, 0, "sha256:"+testID+"\n<missing>\n", "")
}

func TestInspectOutput(t *testing.T) {
	d := newFake(t)
	raw := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
	}
	d.routes["GET /containers/web/json"] = raw(`{"Id":"1","State":{"ExitCode":0,"Pid":12345678},"HostConfig":{"Memory":67108864},` +
		`"NetworkSettings":{"Ports":{"80/tcp":[{"HostPort":"8080"}]}},"Args":["a","<b>"]}` + "\n")
	d.routes["GET /images/img/json"] = raw(`{"Id":"sha256:2"}` + "\n")
	tests := []struct {
		line, out, err string
		code           int
	}{
		{"inspect img", "[\n    {\n        \"Id\": \"sha256:2\"\n    }\n]\n", "", 0},
		{"inspect img nope img", "[\n    {\n        \"Id\": \"sha256:2\"\n    },\n    {\n        \"Id\": \"sha256:2\"\n    }\n]\n",
			"Error: No such image or container: nope\n", 1},
		{"inspect nope", "[]\n", "Error: No such image or container: nope\n", 1},
		{"inspect --type image web", "[]\n", "Error: No such image: web\n", 1},
		{"container inspect img", "[]\n", "Error: No such container: img\n", 1},
		{"inspect --type pod web", "", "\"pod\" is not a valid value for --type: it is container, image, network or volume\n", 1},
		{"inspect -f {{.State.Pid}}/{{.HostConfig.Memory}}/{{.ID}} web", "12345678/67108864/1\n", "", 0},
		{"inspect -f {{.Nope}} web", "<no value>\n", "", 0},
		{"inspect --format='{{json~.Args}}' web", "[\"a\",\"<b>\"]\n", "", 0},
		{`inspect -f {{(index~(index~.NetworkSettings.Ports~"80/tcp")~0).HostPort}} web`, "8080\n", "", 0},
		{"inspect -f {{if~eq~.State.ExitCode~0}}fine{{end}} web", "fine\n", "", 0},
		{"inspect -f {{.Args}} web", "[a <b>]\n", "", 0},
		{"inspect -f {{ web", "", "Template parsing error: template: 1: unclosed action\n", 64},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			var out, errOut bytes.Buffer
			cli := newTestCLI(d, Streams{Out: &out, Err: &errOut})
			words := strings.Fields(tt.line)
			for i := range words {
				words[i] = strings.ReplaceAll(words[i], "~", " ")
			}
			code := cli.report(cli.dispatch(t.Context(), words))
			result{code, out.String(), errOut.String()}.want(t, tt.code, tt.out, tt.err)
		})
	}
}

func TestHumanTexts(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 2: "2 B", 999: "999 B", 1000: "1 kB", 2433000: "2.433 MB", 188300000: "188.3 MB"} {
		if got := humanSize(n); got != want {
			t.Errorf("humanSize(%d) = %q", n, got)
		}
	}
	if got := binarySize(3672000000); got != "3.42 GiB" {
		t.Error(got)
	}
	hour := time.Hour
	for d, want := range map[time.Duration]string{
		time.Millisecond: "Less than a second", time.Second: "1 seconds", 59 * time.Second: "59 seconds", 61 * time.Second: "About a minute",
		59 * time.Minute: "59 minutes", 61 * time.Minute: "About an hour", 47 * hour: "47 hours", 48 * hour: "2 days", 14 * 24 * hour: "2 weeks",
		90 * 24 * hour: "3 months", 365 * 5 / 2 * 24 * hour: "2.498630 years",
	} {
		if got := humanDuration(d); got != want {
			t.Errorf("humanDuration(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestRenderer(t *testing.T) {
	stream := `{"status":"Pulling"}{"status":"Downloading","id":"a","progressDetail":{"current":500,"total":1000}}` +
		`{"status":"Download complete","id":"a","progressDetail":{}}{"stream":"text\n"}{"status":"x","id":"b","from":"img","time":1}`
	var pipe, tty bytes.Buffer
	clock := func() time.Time { return testNow }
	if err := newRenderer(&pipe, false, clock).show(strings.NewReader(stream)); err != nil {
		t.Fatal(err)
	}
	stamp := time.Unix(1, 0).Format(eventTime)
	if want := "Pulling\na: Download complete\ntext\n" + stamp + " b: (from img) x\n"; pipe.String() != want {
		t.Errorf("on a pipe %q, want %q", pipe.String(), want)
	}
	if err := newRenderer(&tty, true, clock).show(strings.NewReader(stream)); err != nil {
		t.Fatal(err)
	}
	bar := "[" + strings.Repeat("=", 25) + ">" + strings.Repeat(" ", 25) + "]    500 B/1 kB"
	want := "Pulling\n\n\x1b[2K\ra: Downloading " + bar + "\r\x1b[1A\x1b[2K\ra: Download complete \r\x1b[1Btext\n" + stamp + " b: (from img) x\n"
	if tty.String() != want {
		t.Errorf("on a terminal\n%q, want\n%q", tty.String(), want)
	}
	// Below a line that is no bar the bars begin anew: nothing above it is drawn over.
	tty.Reset()
	again := `{"status":"x","id":"a","progressDetail":{}}{"status":"Digest"}{"status":"y","id":"a","progressDetail":{}}`
	if err := newRenderer(&tty, true, clock).show(strings.NewReader(again)); err != nil {
		t.Fatal(err)
	}
	if want := "\n\x1b[2K\ra: x \rDigest\n\n\x1b[2K\ra: y \r"; tty.String() != want {
		t.Errorf("with a line between\n%q, want\n%q", tty.String(), want)
	}
	err := newRenderer(&pipe, false, clock).show(strings.NewReader(`{"errorDetail":{"code":401,"message":"x"}}`))
	if err == nil || err.Error() != "Authentication is required." {
		t.Error(err)
	}
}

func TestTimeArgument(t *testing.T) {
	local := time.Date(2020, 1, 2, 0, 0, 0, 0, time.Local).Unix()
	for text, want := range map[string]string{
		"": "", "12": "12", "12.5": "12.5", "1h": unixText(testNow.Add(-time.Hour)), "2020-01-02": unixText(time.Unix(local, 0)),
		"1970-01-01T00:00:01.5Z": "1.500000000", "soon": "",
	} {
		if got, err := timeArgument(text, testNow); got != want || (err != nil) != (text == "soon") {
			t.Errorf("timeArgument(%q) = %q, %v, want %q", text, got, err, want)
		}
	}
}

// Each digest is a name; an image that has no tags is shown by them.
func TestImagesOutput_Digests(t *testing.T) {
	d := newFake(t)
	d.routes["GET /images/json"] = answer([]api.ImageSummary{
		{Id: "sha256:" + testID, Created: testNow.Unix(), RepoDigests: []string{"a/x@sha256:1", "a/x@sha256:2", "b@sha256:3"}},
		{Id: "sha256:" + testID, Created: testNow.Unix(), RepoTags: []string{"b:t"}, RepoDigests: []string{"b@sha256:3", "b@sha256:4", "c@sha256:5"}},
	})
	for line, want := range map[string]string{
		"images --format {{.Repository}}:{{.Tag}}":                       "a/x:<none>\nb:<none>\nb:t\nc:<none>\n",
		"images --digests --format {{.Repository}}:{{.Tag}}@{{.Digest}}": "a/x:<none>@sha256:1\na/x:<none>@sha256:2\nb:<none>@sha256:3\nb:t@sha256:3\nb:t@sha256:4\nc:<none>@sha256:5\n",
	} {
		docker(t, d, "", line).want(t, 0, want, "")
	}
}
