package integration

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// TestFlagsOfTheOfficialCLI holds what the official CLI says of the flags of
// its commands against what ours says: each of its flags is one of ours, with
// the same short name, the same kind of value and the same default. What
// differs on purpose is in officialFlagsApart, with its reason.
func TestFlagsOfTheOfficialCLI(t *testing.T) {
	daemonproc.Require(t)
	official := client28(t)
	var commands []string
	for _, group := range []string{"", "builder", "container", "context", "image", "network", "system", "volume"} {
		commands = append(commands, officialCommands(t, official, group)...)
	}
	if len(commands) < 60 {
		t.Fatalf("the official CLI has only %d commands: %q", len(commands), commands)
	}
	used := make(chan string, 1000)
	t.Run("each", func(t *testing.T) {
		for _, name := range commands {
			t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
				t.Parallel()
				compareFlags(t, name, officialFlags(helpOf(t, official, name)), ourFlags(helpOf(t, daemonproc.Binary(), name)), used)
			})
		}
	})
	close(used)
	apart := make(map[string]bool)
	for key := range used {
		apart[key] = true
	}
	for key := range officialFlagsApart {
		if !apart[key] {
			t.Errorf("%q does not differ any more: take it out of officialFlagsApart", key)
		}
	}
}

// client28 is the official CLI whose flags, fields and words are compared:
// others have others.
func client28(t *testing.T) string {
	t.Helper()
	path := daemonproc.MustAsset(t, "client")
	version, err := exec.Command(path, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(version), "Docker version 28.") {
		t.Skipf("%s is not 28: %s", path, version)
	}
	return path
}

// officialFlagsApart says why flags are not here as they are there: "--flag" of
// every command that has it, or "command --flag ...".
var officialFlagsApart = map[string]string{
	"--signal":                           "what kill sends when nothing is said is named in its help, as it always was",
	"--timeout":                          "the seconds that stop and restart wait are named in their help, as they always were",
	"save --platform":                    "several may be given, as in later releases",
	"load --platform":                    "several may be given, as in later releases",
	"images --tree":                      "is the tree of layers of the first releases, and hidden since 0.10",
	"network create --ingress":           "the routing mesh of a swarm",
	"volume ls --cluster":                "volumes of a swarm",
	"volume create --availability":       "volumes of a swarm",
	"volume create --group":              "volumes of a swarm",
	"volume create --limit-bytes":        "volumes of a swarm",
	"volume create --required-bytes":     "volumes of a swarm",
	"volume create --scope":              "volumes of a swarm",
	"volume create --secret":             "volumes of a swarm",
	"volume create --sharing":            "volumes of a swarm",
	"volume create --topology-preferred": "volumes of a swarm",
	"volume create --topology-required":  "volumes of a swarm",
	"volume create --type":               "volumes of a swarm",
}

// officialApart lists commands and groups of the official CLI that have no
// meaning here.
var officialApart = map[string]string{
	"checkpoint": "needs CRIU in the engine", "config": "swarm", "manifest": "a tool of registries", "node": "swarm", "plugin": "no plugins",
	"secret": "swarm", "service": "swarm", "stack": "swarm", "swarm": "swarm", "trust": "a tool of registries",
	"builder": "group", "container": "group", "context": "group", "image": "group", "network": "group", "system": "group", "volume": "group",
	"volume update": "changes cluster volumes of a swarm only",
}

// helpFlag is a flag as a help text tells of it.
type helpFlag struct {
	short string // with its dash, or ""
	kind  string // bool, list or value
	def   string // "" for nothing, false, 0 and an empty list
}

func helpOf(t *testing.T, bin, command string) string {
	t.Helper()
	cmd := exec.Command(bin, append(strings.Fields(command), "--help")...)
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=/usr/bin:/bin", "DOCKER_HOST=unix:///nonexistent/docker.sock"}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s --help: %v", bin, command, err)
	}
	return string(out)
}

// officialCommands lists the commands of a group, with its name before them.
func officialCommands(t *testing.T, bin, group string) []string {
	t.Helper()
	var list []string
	listing := false
	for line := range strings.Lines(helpOf(t, bin, group)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasSuffix(line, "Commands:"):
			listing = true
		case line == "", !strings.HasPrefix(line, "  "):
			listing = listing && line == ""
		case listing:
			name := strings.TrimSpace(group + " " + strings.TrimSuffix(strings.Fields(line)[0], "*"))
			if officialApart[name] == "" && officialApart[strings.Fields(name)[0]] != "swarm" {
				list = append(list, name)
			}
		}
	}
	return list
}

// officialFlags reads "  -n, --last int   text (default -1)".
func officialFlags(help string) map[string]helpFlag {
	flags := make(map[string]helpFlag)
	last := ""
	_, options, _ := strings.Cut(help, "\nOptions:\n")
	for line := range strings.Lines(options) {
		text := strings.TrimSpace(line)
		if text == "" {
			break
		}
		if strings.HasPrefix(line, "  -") || strings.HasPrefix(line, "      --") {
			var f helpFlag
			if short, rest, ok := strings.Cut(text, ", "); ok && len(short) == 2 {
				f.short, text = short, rest
			}
			head, rest, _ := strings.Cut(text, "  ")
			name, kind, _ := strings.Cut(head, " ")
			switch kind {
			case "":
				f.kind = "bool"
			case "list", "map", "filter", "mount", "ulimit", "network", "gpu-request", "command", "stringArray", "stringSlice", "strings":
				f.kind = "list"
			default:
				f.kind = "value"
			}
			last, text = name, rest
			flags[last] = f
		}
		f := flags[last]
		f.def += " " + text // the default is at the end of all lines
		flags[last] = f
	}
	for name, f := range flags {
		_, def, _ := strings.Cut(f.def, "(default ")
		def = strings.TrimSuffix(strings.TrimSpace(def), ")")
		if strings.Contains(def, " ") { // part of a sentence
			def = ""
		}
		f.def = plainDefault(def)
		flags[name] = f
	}
	return flags
}

// ourFlags reads "  -n, --last=-1   text".
func ourFlags(help string) map[string]helpFlag {
	flags := make(map[string]helpFlag)
	for line := range strings.Lines(help) {
		if !strings.HasPrefix(line, "  -") {
			continue
		}
		head, _, _ := strings.Cut(strings.TrimSpace(line), "   ")
		var f helpFlag
		names, def, valued := strings.Cut(head, "=")
		switch {
		case def == "[]", strings.HasPrefix(def, "map["):
			f.kind = "list"
		case def == "true", def == "false", !valued:
			f.kind = "bool"
		default:
			f.kind = "value"
		}
		f.def = plainDefault(def)
		list := strings.Split(names, ", ")
		for _, name := range list {
			if len(name) == 2 {
				f.short = name
			}
		}
		for _, name := range list {
			flags[strings.TrimSpace(name)] = f
		}
	}
	return flags
}

func plainDefault(text string) string {
	switch text = strings.Trim(text, `"`); text {
	case "false", "0", "0s", "[]", "map[]", "0B", "0 B":
		return ""
	}
	return text
}

// compareFlags reports the first of the official flags that ours are not like,
// each, and sends the exceptions that it made.
func compareFlags(t *testing.T, command string, official, ours map[string]helpFlag, used chan<- string) {
	t.Helper()
	typed := command
	_, plain, _ := strings.Cut(command, " ")
	switch { // container stop is stop, and images is image ls
	case strings.HasPrefix(command, "image ls"):
		command = "images"
	case strings.HasPrefix(command, "image "), strings.HasPrefix(command, "container "):
		command = plain
	}
	apart := func(name string) bool {
		for _, key := range []string{command + " " + name, name} {
			if officialFlagsApart[key] != "" {
				used <- key
				return true
			}
		}
		return false
	}
	var names []string
	for name := range official {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		want := official[name]
		got, ok := ours[name]
		if ok && (want.short == "" || want.short == got.short) {
			want.short = got.short // one that is only ours is no difference
		}
		if name == "--help" || ok && got == want || apart(name) {
			continue
		}
		says := "nothing"
		if ok {
			says = fmt.Sprintf("%+v", got)
		}
		t.Errorf("docker %s %s: %s here, %+v there", typed, name, says, want)
	}
}
