package access_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/access"
	"github.com/enginejobs/docker/errdefs"
)

// jobs makes an engine with jobs of every sort.
func jobs(t testing.TB) *engine.Engine {
	t.Helper()
	eng := engine.New()
	nothing := func(*engine.Job) error { return nil }
	err := eng.Declare(
		engine.Declaration{Name: "containers", Handler: nothing},
		engine.Declaration{Name: "container_inspect", Handler: nothing},
		engine.Declaration{Name: "attach", Stdin: engine.Bytes, Waits: true, Handler: nothing},
		engine.Declaration{Name: "rm", Changes: true, Handler: nothing},
	)
	if err == nil {
		err = eng.Register("undeclared", nothing)
	}
	if err != nil {
		t.Fatal(err)
	}
	return eng
}

func job(eng *engine.Engine, name string, c *engine.Caller) *engine.Job {
	return eng.Job(name).SetContext(engine.WithCaller(context.Background(), c))
}

func client(name string) *engine.Caller { return &engine.Caller{Client: name, UID: -1, PID: -1} }

const office = `{
  "default": "deny",
  "rules": [
    {"name": "admins", "clients": ["uid:0", "tls:admin-*"], "allow": true},
    {"name": "no keys", "jobs": ["attach"], "clients": ["tls:ci-*"], "allow": false},
    {"name": "ci", "clients": ["tls:ci-*", "!tls:ci-old"], "jobs": ["container*", "rm", "attach", "!container_inspect"], "allow": true},
    {"clients": ["uid:1000-1999", "org:ops", "tcp:10.0.0.0/8", "tcp:192.168.*"], "read_only": true, "allow": true},
    {"clients": ["!uid:*", "!tls:*", "!tcp:*"], "jobs": ["containers"], "allow": true}
  ]
}`

func TestFirstRuleDecides(t *testing.T) {
	eng := jobs(t)
	p, err := access.Parse("office.json", []byte(office))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ client, may, mayNot string }{
		{"uid:0", "containers rm undeclared attach nojob", ""},
		{"tls:admin-", "rm", ""},
		{"tls:admin", "", "rm containers"},
		{"tls:ci-7", "containers rm", "attach container_inspect undeclared"},
		{"tls:ci-old", "", "containers rm"},
		{"uid:1000", "containers container_inspect", "rm undeclared attach nojob"},
		{"uid:1999", "containers", "rm"},
		{"uid:2000", "", "containers"},
		{"uid:999", "", "containers"},
		{"uid:", "", "containers"},
		{"tcp:10.1.2.3", "containers", "rm"},
		{"tcp:::ffff:10.1.2.3", "containers", "rm"},
		{"tcp:fe80::1%eth0", "", "containers"},
		{"tcp:11.1.2.3", "", "containers"},
		{"tcp:192.168.7.8", "containers", "rm"},
		{"", "containers", "rm container_inspect"},
		{"tls:uid:0", "", "containers"},
		{"uid:0 ", "", "containers"},
	} {
		for _, name := range strings.Fields(c.may) {
			if err := p.Authorize(job(eng, name, client(c.client))); err != nil {
				t.Errorf("%s, %s: %v", c.client, name, err)
			}
		}
		for _, name := range strings.Fields(c.mayNot) {
			if err := p.Authorize(job(eng, name, client(c.client))); !errdefs.Is(err, errdefs.KindForbidden) {
				t.Errorf("%s may run %s: %v", c.client, name, err)
			}
		}
	}
	ops := client("tls:bob")
	ops.Organizations = []string{"sales", "ops"}
	if err := p.Authorize(job(eng, "containers", ops)); err != nil {
		t.Error(err)
	}
	if err := p.Authorize(eng.Job("rm")); err != nil {
		t.Errorf("the program's own job: %v", err)
	}
}

func TestBuiltIn(t *testing.T) {
	eng := jobs(t)
	for name, wants := range map[string]map[string]bool{
		access.Open:     {"containers": true, "rm": true, "undeclared": true, "attach": true},
		access.ReadOnly: {"containers": true, "rm": false, "undeclared": false, "attach": false},
	} {
		p, err := access.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		for jobName, want := range wants {
			if err := p.Authorize(job(eng, jobName, client("tcp:1.2.3.4"))); (err == nil) != want {
				t.Errorf("%s, %s: %v", name, jobName, err)
			}
		}
	}
}

func TestRefusalIsOneSentence(t *testing.T) {
	eng := jobs(t)
	eng.SetAuthorizer(nil)
	p, err := access.Parse("/etc/a.json", []byte(office))
	if err != nil {
		t.Fatal(err)
	}
	ro, err := access.Load(access.ReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		policy            *access.Policy
		client, job, want string
	}{
		{p, "tls:ci-7", "attach", "client tls:ci-7 may not run job attach on this engine, by rule 2 (no keys) of access policy /etc/a.json; " +
			"ask its administrator for a rule that allows it"},
		{p, "uid:1000", "rm", "client uid:1000 may not run job rm on this engine, because it may change state and rule 4 of access policy " +
			"/etc/a.json allows reading only; ask its administrator for a rule that allows it"},
		{p, "", "rm", "client (unknown) may not run job rm on this engine, because no rule of access policy /etc/a.json is about it; " +
			"ask its administrator for a rule that allows it"},
		{ro, "tcp:1.2.3.4", "rm", "client tcp:1.2.3.4 may not run job rm on this engine, because it may change state and access policy " +
			"read-only allows reading only; its administrator can start it with another --access-policy"},
		{p, "tls:a\nb", "no\x00such", `client "tls:a\nb" may not run job "no\x00such" on this engine, because no rule of access policy ` +
			"/etc/a.json is about it; ask its administrator for a rule that allows it"},
	} {
		if err := c.policy.Authorize(job(eng, c.job, client(c.client))); err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
	err = p.Authorize(job(eng, strings.Repeat("x", 1<<20), client("tls:"+strings.Repeat("y", 1<<20))))
	if err == nil || len(err.Error()) > 500 {
		t.Errorf("a long name makes a long error")
	}
}

func TestMistakesAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		``:                           "it is empty",
		"\n{\n\"rules\": [,]}":       "line 3: invalid character",
		`[]`:                         "line 1: an access policy must be a JSON object",
		`{} {}`:                      "line 1: invalid character",
		"\xff":                       "it is not UTF-8",
		`{"rule": []}`:               "line 1: unknown key rule: an access policy has default and rules",
		`{"Rules": []}`:              "unknown key Rules",
		`{"rules": [], "rules": []}`: "an access policy has the key rules twice",
		`{"default": "yes"}`:         "line 1: default must be allow or deny, not yes",
		`{"default": true}`:          "default must be text",
		`{"rules": {}}`:              "rules must be a list",
		"{\"rules\": [\n7]}":         "line 2: rule 1 must be a JSON object",
		`{"rules": [{}]}`:            "line 1: rule 1 decides nothing: it needs allow",
		"{\"rules\":[{\"allow\":true},\n{\"allows\":true}]}":           "line 2: rule 2: unknown key allows: a rule has name, clients, jobs, read_only and allow",
		`{"rules": [{"allow": "true"}]}`:                               "rule 1: allow must be true or false",
		`{"rules": [{"allow": true, "allow": false}]}`:                 "rule 1 has the key allow twice",
		`{"rules": [{"allow": false, "read_only": true}]}`:             "read_only narrows what a rule allows",
		`{"rules": [{"allow": true, "clients": "uid:0"}]}`:             "rule 1: clients must be a list",
		`{"rules": [{"allow": true, "clients": []}]}`:                  "rule 1: clients is empty; leave it out",
		`{"rules": [{"allow": true, "clients": [null]}]}`:              "a pattern of rule 1: clients must be text",
		`{"rules": [{"allow": true, "clients": ["root"]}]}`:            "client pattern root must be * or begin with uid:, tls:, org: or tcp:",
		`{"rules": [{"allow": true, "clients": ["uid:"]}]}`:            "client pattern uid: is empty",
		`{"rules": [{"allow": true, "clients": ["uid:root"]}]}`:        "client pattern uid:root must have *, a number or a range",
		`{"rules": [{"allow": true, "clients": ["uid:9-1"]}]}`:         "client pattern uid:9-1 must have",
		`{"rules": [{"allow": true, "clients": ["uid:-1"]}]}`:          "client pattern uid:-1 must have",
		`{"rules": [{"allow": true, "clients": ["tcp:10.0.0.0/33"]}]}`: "client pattern tcp:10.0.0.0/33 has no network",
		`{"rules": [{"allow": true, "clients": ["tls:"]}]}`:            "client pattern tls: is empty",
		`{"rules": [{"allow": true, "clients": ["*:x"]}]}`:             "client pattern *:x must be *",
		`{"rules": [{"allow": true, "jobs": ["!"]}]}`:                  "job pattern ! is empty",
		`{"rules": [{"allow": true, "jobs": [" rm"]}]}`:                `job pattern " rm" begins or ends with a space`,
		`{"rules": [{"allow": true, "name": "a\u0007"}]}`:              "rule 1: name must be plain text",
		`{"rules": [{"allow": true}`:                                   "line 1: unexpected end of JSON input",
	} {
		_, err := access.Parse("p.json", []byte(text))
		if !errdefs.Is(err, errdefs.KindInvalidArgument) || !strings.HasPrefix(err.Error(), "reading access policy p.json: ") ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s:\ngot  %v\nwant %s", text, err, want)
		}
	}
	many := `{"rules": [` + strings.Repeat(`{"allow":true},`, access.MaxRules) + `{"allow":true}]}`
	if _, err := access.Parse("p", []byte(many)); err == nil || !strings.Contains(err.Error(), "more than 4096 rules") {
		t.Errorf("too many rules: %v", err)
	}
	if _, err := access.Parse("p", make([]byte, access.MaxFile+1)); err == nil || !strings.Contains(err.Error(), "larger than 1 MiB") {
		t.Errorf("a giant: %v", err)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "p.json")
	if err := os.WriteFile(path, []byte(office), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := access.Load(path)
	if err != nil || p.Name() != path || p.Rules() != 5 {
		t.Fatalf("%v %v", p, err)
	}
	if err := os.Chmod(path, 0o602); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		path:                         "everybody may write to it",
		dir:                          "it is not a regular file",
		filepath.Join(dir, "nobody"): "no such file or directory; name a file, or one of open and read-only",
		"/dev/null":                  "it is not a regular file",
	} {
		if _, err := access.Load(name); !errdefs.Is(err, errdefs.KindInvalidArgument) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzParse: whatever the text, there is a policy that answers or an error.
func FuzzParse(f *testing.F) {
	for _, text := range []string{office, `{}`, `{"default":"allow","rules":[{"allow":true}]}`, `{"rules":[{"jobs":["*a*b*"],"allow":false}]}`,
		`{"rules":[{"clients":["tcp:::/0","uid:1-2"],"allow":true,"read_only":true}]}`, `[[[[`, `{"rules":[{"allow":true}`} {
		f.Add([]byte(text), "uid:1", "rm")
	}
	eng := jobs(f)
	f.Fuzz(func(t *testing.T, text []byte, who, name string) {
		p, err := access.Parse("p", text)
		if (p == nil) == (err == nil) {
			t.Fatalf("%v and %v", p, err)
		}
		if err != nil {
			if !errdefs.Is(err, errdefs.KindInvalidArgument) {
				t.Fatal(err)
			}
			return
		}
		if err := p.Authorize(job(eng, name, client(who))); err != nil && !errdefs.Is(err, errdefs.KindForbidden) {
			t.Fatal(err)
		}
	})
}

func BenchmarkAuthorize(b *testing.B) {
	eng := jobs(b)
	p, err := access.Parse("p", []byte(office))
	if err != nil {
		b.Fatal(err)
	}
	for name, j := range map[string]*engine.Job{
		"first rule": job(eng, "rm", client("uid:0")),
		"last rule":  job(eng, "containers", client("")),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Authorize(j); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
