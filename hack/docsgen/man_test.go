package main

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
)

// Every command has a page, without a warning of groff.
func TestManual(t *testing.T) {
	rows, err := commandRows("../..")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := manualPages(rows)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"docker.1", "docker-run.1", "docker-container-run.1", "docker-system-prune.1", "docker-context-create.1"} {
		if len(pages[name]) == 0 {
			t.Errorf("no page %s", name)
		}
	}
	if pages["docker-system-dial-stdio.1"] != nil {
		t.Error("a hidden command has a page")
	}
	run := string(pages["docker-run.1"])
	for _, want := range []string{".SH NAME\ndocker\\-run \\- run a command in a new container\n",
		".SH SYNOPSIS\n\\fBdocker run\\fR [OPTIONS] IMAGE [COMMAND] [ARG...]\n",
		".TP\n\\fB\\-a, \\-\\-attach=[]\\fR\nAttach to STDIN, STDOUT or STDERR\n", "Other spellings: docker container run.\n"} {
		if !strings.Contains(run, want) {
			t.Errorf("docker-run.1 has no %q:\n%s", want, run)
		}
	}
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("groff, which checks the pages, is not installed")
	}
	var all bytes.Buffer
	for name, page := range pages {
		if !strings.HasPrefix(string(page), ".so ") {
			all.Write(page)
		} else if target := strings.TrimSpace(strings.TrimPrefix(string(page), ".so man1/")); pages[target] == nil {
			t.Errorf("%s leads to %s, which is not there", name, target)
		}
	}
	cmd := exec.CommandContext(t.Context(), groff, "-man", "-Tutf8", "-ww", "-z")
	cmd.Stdin = &all
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("groff: %v\n%s", err, out)
	}
}

func TestRoff(t *testing.T) {
	for text, want := range map[string]string{
		".TH x": `\&.TH x`, "'x'": `\(aqx\(aq`, `a\nb`: `a\enb`, "--x": `\-\-x`,
	} {
		if got := roff(text); got != want {
			t.Errorf("roff(%q) = %q, want %q", text, got, want)
		}
	}
}
