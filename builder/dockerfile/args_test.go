package dockerfile_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/enginejobs/docker/builder/dockerfile"
	"github.com/enginejobs/docker/runconfig"
)

// arguments are those of a stage after some lines of it.
func arguments(t *testing.T, given map[string]*string, text string) (*dockerfile.Args, *dockerfile.Args) {
	t.Helper()
	f, err := dockerfile.Parse([]byte(text), dockerfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	all := dockerfile.NewArgs(given, "linux/arm64/v8", "linux/amd64")
	if err := all.AddMeta(f.Meta, f.Escape); err != nil {
		t.Fatal(err)
	}
	stand := dockerfile.Stand{Config: &runconfig.Config{}, Args: all.Stage()}
	for _, s := range f.Stages[0].Steps {
		if err := dockerfile.Expand(s.Command, stand.Args.Env(nil), f.Escape); err != nil {
			t.Fatal(err)
		}
		if _, _, err := dockerfile.Apply(&stand, s.Command); err != nil {
			t.Fatal(err)
		}
	}
	return all, stand.Args
}

func TestArgs(t *testing.T) {
	v, empty := "given", ""
	for _, c := range []struct {
		name          string
		given         map[string]*string
		text          string
		config        []string
		all, compared string
		unused        string
	}{
		{name: "none", text: "FROM a", all: "", compared: ""},
		{name: "a default", text: "FROM a\nARG x=1 y z=", all: "x=1 z=", compared: "x=1 z="},
		{name: "the caller's wins", given: map[string]*string{"x": &v, "q": &v}, text: "FROM a\nARG x=1", all: "x=given", compared: "x=given", unused: "q"},
		{name: "none of the caller's", given: map[string]*string{"x": nil, "q": nil}, text: "FROM a\nARG x=1", all: "x=1", compared: "x=1", unused: "q"},
		{name: "an empty one of the caller's", given: map[string]*string{"x": &empty}, text: "FROM a\nARG x=1", all: "x=", compared: "x="},
		{name: "of before FROM", text: "ARG x=1\nARG y=$x-2\nFROM a\nARG x\nARG y=3", all: "x=1 y=3", compared: "x=1 y=3"},
		{name: "of before FROM, not declared", text: "ARG x=1\nFROM a", all: "", compared: ""},
		{name: "of before FROM by the caller", given: map[string]*string{"x": &v}, text: "ARG x=1\nARG y=$x\nFROM a\nARG y", all: "y=given", compared: "y=given"},
		{name: "hidden by the image", text: "FROM a\nARG x=1 y=2", config: []string{"x=env"}, all: "y=2", compared: "y=2"},
		{name: "proxies", given: map[string]*string{"HTTP_PROXY": &v, "no_proxy": &v, "Http_Proxy": &v}, text: "FROM a", all: "HTTP_PROXY=given no_proxy=given", compared: "", unused: "Http_Proxy"},
		{name: "a proxy of before FROM", text: "ARG https_proxy=p\nFROM a", all: "https_proxy=p", compared: ""},
		{name: "a proxy that is declared", given: map[string]*string{"http_proxy": &v}, text: "FROM a\nARG http_proxy", all: "http_proxy=given", compared: "http_proxy=given"},
		{name: "platforms", text: "FROM a\nARG TARGETPLATFORM TARGETOS TARGETARCH TARGETVARIANT BUILDPLATFORM BUILDARCH=x",
			all:      "BUILDARCH=x BUILDPLATFORM=linux/amd64 TARGETARCH=arm64 TARGETOS=linux TARGETPLATFORM=linux/arm64/v8 TARGETVARIANT=v8",
			compared: "BUILDARCH=x BUILDPLATFORM=linux/amd64 TARGETARCH=arm64 TARGETOS=linux TARGETPLATFORM=linux/arm64/v8 TARGETVARIANT=v8"},
		{name: "names are expanded", given: map[string]*string{"ab": &v}, text: "FROM a\nARG n=b\nARG a$n=1", all: "ab=given n=b", compared: "ab=given n=b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			build, stage := arguments(t, c.given, c.text)
			all, compared := stage.Run(c.config)
			if got := strings.Join(all, " "); got != c.all {
				t.Errorf("all: %s, want %s", got, c.all)
			}
			if got := strings.Join(compared, " "); got != c.compared {
				t.Errorf("compared: %s, want %s", got, c.compared)
			}
			build.Join(stage)
			if got := strings.Join(build.Unused(), " "); got != c.unused {
				t.Errorf("unused: %s, want %s", got, c.unused)
			}
		})
	}
}

// Stages do not see what others declare.
func TestArgs_Stages(t *testing.T) {
	all := dockerfile.NewArgs(nil, "", "linux/amd64")
	one, two := all.Stage(), all.Stage()
	if _, _, err := dockerfile.Apply(&dockerfile.Stand{Config: &runconfig.Config{}, Args: one}, instruction(t, "ARG x=1")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"A=b", "x=1"}, one.Env([]string{"A=b"})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"A=b"}, two.Env([]string{"A=b"})); diff != "" {
		t.Error(diff)
	}
}

func TestRunLine(t *testing.T) {
	cfg := &runconfig.Config{}
	bash := &runconfig.Config{Shell: runconfig.Strings{"/bin/bash", "-c"}}
	for _, c := range []struct {
		name, text string
		cfg        *runconfig.Config
		argv       []string
		script     string
	}{
		{"shell form", "RUN a  b", cfg, []string{"/bin/sh", "-c", "a  b"}, ""},
		{"another shell", "RUN a", bash, []string{"/bin/bash", "-c", "a"}, ""},
		{"exec form", `RUN ["a", "b c"]`, bash, []string{"a", "b c"}, ""},
		{"nothing", "RUN", cfg, []string{"/bin/sh", "-c"}, ""},
		{"a script", "RUN <<EOF\na $b\nc\nEOF", bash, []string{"/bin/bash", "-c", "a $b\nc\n"}, ""},
		{"a script with tabs", "RUN <<-EOF\n\ta\n\t\tb\n\tEOF", cfg, []string{"/bin/sh", "-c", "a\nb\n"}, ""},
		{"a script of a program", "RUN <<EOF\n#!/usr/bin/env python\nprint(1)\nEOF", cfg, []string{"/usr/bin/env", "python", "/dev/pipes/EOF"},
			"#!/usr/bin/env python\nprint(1)\n"},
		{"its argument is one", "RUN <<E\n#! /bin/sh\t-e -u \r\nx\nE", cfg, []string{"/bin/sh", "-e -u", "/dev/pipes/E"}, "#! /bin/sh\t-e -u \r\nx\n"},
		{"no program is named", "RUN <<E\n#!\nx\nE", cfg, []string{"/bin/sh", "-c", "#!\nx\n"}, ""},
		{"a command that reads one", "RUN cat <<EOF > /x\n#!a\nEOF", cfg, []string{"/bin/sh", "-c", "cat <<EOF > /x\n#!a\nEOF"}, ""},
		{"two", "RUN <<A cat; <<B\na\nA\nb\nB", cfg, []string{"/bin/sh", "-c", "<<A cat; <<B\na\nA\nb\nB"}, ""},
		{"a name that leads out", "RUN <<../../x\n#!a\n../../x", cfg, []string{"a", "/dev/pipes/x"}, "#!a\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			argv, script := dockerfile.RunLine(c.cfg, instruction(t, c.text).(*instructions.RunCommand))
			if diff := cmp.Diff(c.argv, []string(argv)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if (script != nil) != (c.script != "") || script != nil && script.Data != c.script {
				t.Errorf("script %+v, want %q", script, c.script)
			}
		})
	}
}
