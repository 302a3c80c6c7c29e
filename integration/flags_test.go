package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// flagCase is one way to use a flag of run and create. What it does is seen from
// inside of a container, or in what inspect says, or it is refused.
type flagCase struct {
	args string // with | between the words
	sh   string // run by a shell in the container; "" makes a container only
	want string // expression for the output, or for what inspect gives for show
	show string // template for inspect; needs no sh
	code int    // of the client
	bare bool   // no command at all
	only string // "ours" or "official": flags of today, or texts that differ
}

// flagTables are the tables of flags_*_test.go.
var flagTables = map[string][]flagCase{
	"process": processFlags, "rights": rightsFlags, "namespaces": namespaceFlags, "network": networkFlags,
	"refusals": refusedFlags,
}

// TestFlags runs every flag of run and create with our CLI and with the official
// one against one daemon, from the command line to the kernel.
func TestFlags(t *testing.T) {
	d := daemonproc.Start(t, daemonproc.Options{})
	dir := t.TempDir()
	writeFlagFiles(t, dir)
	t.Chdir(dir)
	d.Must(t, "run", "-d", "--name", "donor", "--ipc", "shareable", "busybox", "sh", "-c", "echo shared > /dev/shm/note; exec sleep 1000")
	d.Must(t, "run", "-d", "--name", "closed", "busybox", "sleep", "1000")
	d.Must(t, "create", "--name", "idle", "busybox", "true")
	d.Eventually(t, "shared", "exec", "donor", "cat", "/dev/shm/note")
	for table, cases := range flagTables {
		for i, c := range cases {
			for _, cli := range []string{"ours", "official"} {
				if c.only == "" || c.only == cli {
					t.Run(fmt.Sprintf("%s/%d/%s", table, i, cli), func(t *testing.T) { c.check(t, d, cli) })
				}
			}
		}
	}
	d.Must(t, "rm", "-f", "donor", "closed", "idle")
	if left := d.Must(t, "ps", "-aq"); strings.TrimSpace(left) != "" {
		t.Errorf("containers are left: %s", left)
	}
}

func (c *flagCase) check(t *testing.T, d *daemonproc.Daemon, cli string) {
	t.Helper()
	run := d.Docker
	if cli == "official" {
		run = func(args ...string) daemonproc.Result { return d.Official(t, args...) }
	}
	words := strings.Split(c.args, "|")
	var got string
	switch {
	case c.show != "":
		r := run(append(append([]string{"create"}, words...), "busybox", "true")...)
		if r.Code != 0 {
			t.Fatalf("create %s: %s", c.args, r)
		}
		id := strings.Fields(r.Stdout)[0]
		got = strings.TrimSpace(d.Must(t, "inspect", "-f", c.show, id))
		d.Must(t, "rm", "-v", id)
	default:
		args := append([]string{"run", "--rm"}, words...)
		args = append(args, "busybox")
		switch {
		case c.sh != "":
			args = append(args, "sh", "-c", c.sh)
		case !c.bare:
			args = append(args, "true")
		}
		r := run(args...)
		if r.Code != c.code {
			t.Errorf("%s: exit code %d, want %d", c.args, r.Code, c.code)
		}
		got = strings.TrimSpace(r.Stdout + r.Stderr)
	}
	if !regexp.MustCompile("(?s)" + c.want).MatchString(got) {
		t.Errorf("%s: %q does not match %q", c.args, got, c.want)
	}
}

func writeFlagFiles(t *testing.T, dir string) {
	t.Helper()
	for name, text := range map[string]string{
		"vars":     "\ufeff# comment\nONE=1\n\nTWO=two words\nFROM_CLIENT\n",
		"badvars":  "bad name=1\n",
		"labels":   "# comment\ncolour=red\nempty\n",
		"deny":     `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":16}]}`,
		"bycap":    `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","excludes":{"caps":["CAP_NET_ADMIN"]}}]}`,
		"byarg":    `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["kill"],"action":"SCMP_ACT_ERRNO","errnoRet":16,"args":[{"index":1,"value":10,"op":"SCMP_CMP_EQ"}]}]}`,
		"kill":     `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_KILL_PROCESS"}]}`,
		"notjson":  `{`,
		"noaction": `{"defaultAction":"SCMP_ACT_DANCE"}`,
		"names":    `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"name":"rmdir","action":"SCMP_ACT_ERRNO"}]}`,
		"cid":      "taken",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("FROM_CLIENT", "yes")
}
