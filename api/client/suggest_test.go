package client

import (
	"slices"
	"strings"
	"testing"
)

func TestSuggestions(t *testing.T) {
	for line, want := range map[string]string{
		"pss":             "docker: 'pss' is not a docker command. See 'docker --help'.\nDid you mean 'ps'?\n",
		"imges":           "docker: 'imges' is not a docker command. See 'docker --help'.\nDid you mean one of 'images', 'image'?\n",
		"volume lst":      "docker: 'volume lst' is not a docker command. See 'docker --help'.\nDid you mean one of 'volume ls', 'volume list'?\n",
		"tga":             "docker: 'tga' is not a docker command. See 'docker --help'.\nDid you mean 'tag'?\n",
		"inspct":          "docker: 'inspct' is not a docker command. See 'docker --help'.\nDid you mean 'inspect'?\n",
		"system dial-std": "docker: 'system dial-std' is not a docker command. See 'docker --help'.\n",
		"nonsense":        "docker: 'nonsense' is not a docker command. See 'docker --help'.\n",
		"help runn":       "docker: 'runn' is not a docker command. See 'docker --help'.\nDid you mean 'run'?\n",
		"ps --al":         "flag provided but not defined: --al\nSee 'docker ps --help'.\nDid you mean '--all'?\n",
		"ps --qiet=true":  "flag provided but not defined: --qiet\nSee 'docker ps --help'.\nDid you mean '--quiet'?\n",
		"run -Z x":        "flag provided but not defined: -Z\nSee 'docker run --help'.\n",
		"--hst x ps":      "flag provided but not defined: --hst\nSee 'docker --help'.\nDid you mean '--host'?\n",
	} {
		if r := docker(t, nil, "", line); r.err != want || r.code == 0 {
			t.Errorf("%s: %d\n%s\nwant\n%s", line, r.code, r.err, want)
		}
	}
}

// TestHelpFitsAScreen: 24 lines of 80 letters, with all commands.
func TestHelpFitsAScreen(t *testing.T) {
	r := docker(t, nil, "", "help")
	lines := strings.Split(strings.TrimRight(r.out, "\n"), "\n")
	if r.code != 0 || len(lines) > 24 {
		t.Errorf("%d lines:\n%s", len(lines), r.out)
	}
	var shown []string
	for _, g := range helpGroups {
		shown = append(shown, strings.Fields(g.names)...)
	}
	for _, line := range lines {
		if len(line) > 80 {
			t.Errorf("%d letters: %s", len(line), line)
		}
	}
	for _, c := range commands() {
		if c.Name != "" && !strings.Contains(c.Name, " ") && !slices.Contains(shown, c.Name) {
			t.Errorf("%s is not in the help", c.Name)
		}
	}
	for i, name := range shown {
		if slices.Contains(shown[:i], name) || !isGroup(name) && !slices.ContainsFunc(commands(), func(c Command) bool { return c.Name == name }) {
			t.Errorf("%s is there twice, or no command", name)
		}
	}
}
