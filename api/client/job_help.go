package client

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/pkg/mflag"
)

func newJobHelp(cli *CLI, _ *mflag.Set) runFunc {
	return func(ctx context.Context, args []string) error {
		if len(args) == 1 {
			return cli.jobHelp(ctx, args[0])
		}
		return cli.jobIndex(ctx)
	}
}

// jobIndex lists all jobs, a line each, grouped by what running one means.
func (cli *CLI) jobIndex(ctx context.Context) error {
	var list []engine.JobDescription
	if err := cli.withJobs(ctx, func(eng jobEngine) error {
		return jobJSON(ctx, eng, &list, "job_list")
	}); err != nil {
		return err
	}
	for _, group := range []struct {
		title string
		has   func(engine.JobDescription) bool
	}{
		{"Jobs that only read", func(d engine.JobDescription) bool { return d.Declared && !d.Changes && !d.Waits }},
		{"Jobs that change something", func(d engine.JobDescription) bool { return d.Declared && d.Changes && !d.Waits }},
		{"Jobs that wait for somebody or something", func(d engine.JobDescription) bool { return d.Declared && d.Waits }},
		{"Jobs that do not say what they do", func(d engine.JobDescription) bool { return !d.Declared }},
	} {
		var members []engine.JobDescription
		for _, d := range list {
			if group.has(d) {
				members = append(members, d)
			}
		}
		printJobGroup(cli.Out, group.title, members)
	}
	_, err := fmt.Fprint(cli.Out, "\nRun 'docker job help NAME' for more information on a job.\n")
	return err
}

// The columns of help texts.
const (
	helpWidth  = 80
	helpIndent = 4
	nameColumn = 20
)

func printJobGroup(w io.Writer, title string, members []engine.JobDescription) {
	if len(members) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s:\n", title)
	for _, d := range members {
		name := fmt.Sprintf("%*s%-*s ", helpIndent, "", nameColumn-1, d.Name)
		summary := oneLine(strings.TrimSuffix(d.Summary, "."))
		fmt.Fprintln(w, strings.TrimRight(name+ellipsis(summary, helpWidth-len(name)), " "))
	}
}

// jobHelp describes one job from its declaration.
func (cli *CLI) jobHelp(ctx context.Context, name string) error {
	var list []engine.JobDescription
	if err := cli.withJobs(ctx, func(eng jobEngine) error {
		return jobJSON(ctx, eng, &list, "job_list", name)
	}); err != nil {
		return err
	}
	for i := range list {
		printJob(cli.Out, &list[i])
	}
	return nil
}

func printJob(w io.Writer, d *engine.JobDescription) {
	if !d.Declared {
		fmt.Fprintf(w, "\nUsage: docker job run %s [KEY=VAL...] [--] [ARG...]\n\nThis job is not declared: it takes any arguments and any env.\n\n", d.Name)
		return
	}
	usage, args, _ := strings.Cut(d.Usage, " ")
	if len(d.Env) > 0 || d.AnyEnv {
		usage += " [KEY=VAL...]"
	}
	if args != "" {
		usage += " " + args
	}
	fmt.Fprintf(w, "\nUsage: docker job run %s\n\n", usage)
	wrapped(w, "", d.Summary, 0)
	if len(d.Aliases) > 0 {
		fmt.Fprintf(w, "\nAlso called: %s\n", strings.Join(d.Aliases, ", "))
	}
	if len(d.Args) > 0 {
		fmt.Fprint(w, "\nArguments:\n")
		column := columnOf(len(d.Args), func(i int) string { return d.Args[i].Name })
		for _, a := range d.Args {
			wrapped(w, a.Name, join("; ", a.Summary, when(a.Optional, "optional"), when(a.Variadic, "any number of them"),
				when(a.Secret, "never shown")), column)
		}
	}
	printKeys(w, d)
	fmt.Fprint(w, "\nStreams:\n")
	wrapped(w, "in", streamText(d.Stdin, "reads"), 12)
	wrapped(w, "out", streamText(d.Stdout, "writes"), 12)
	effect := "It only reads."
	if d.Changes {
		effect = "It changes something."
	}
	if d.Waits {
		effect += " It may wait for long; no limit counts it."
	}
	if d.Control {
		effect += " It looks after the engine; no limit counts it."
	}
	fmt.Fprintf(w, "\n%s\n\n", effect)
}

func printKeys(w io.Writer, d *engine.JobDescription) {
	if len(d.Env) == 0 && !d.AnyEnv {
		return
	}
	fmt.Fprint(w, "\nEnv:\n")
	column := columnOf(len(d.Env), func(i int) string { return keyText(d.Env[i]) })
	for _, k := range d.Env {
		wrapped(w, keyText(k), join("; ", k.Summary, when(k.Default != "", "default "+k.Default), when(k.Secret, "never shown")), column)
	}
	if d.AnyEnv {
		wrapped(w, "", "Other keys are passed on unchecked.", 0)
	}
}

func keyText(k engine.KeyDescription) string { return k.Name + "=" + strings.ToUpper(k.Type.String()) }

// streamText says what a stream carries.
func streamText(s engine.Stream, verb string) string {
	switch s {
	case engine.None:
		return "nothing"
	case engine.Bytes:
		return verb + " bytes"
	case engine.JSONDocument:
		return verb + " one JSON document"
	case engine.JSONLines:
		return verb + " JSON, a document per line"
	case engine.Multiplexed:
		return verb + " bytes; standard error is payload, too"
	}
	return verb + " " + s.String()
}

// columnOf is where the texts begin beside the longest name that leaves them
// room.
func columnOf(n int, name func(int) string) int {
	column := 12
	for i := range n {
		if l := helpIndent + len(name(i)) + 2; l <= 32 {
			column = max(column, l)
		}
	}
	return column
}

// wrapped writes a name and, from column on, a text in lines of helpWidth. A
// name that is too long has a line of its own.
func wrapped(w io.Writer, name, text string, column int) {
	line := ""
	if column > 0 {
		line = strings.Repeat(" ", helpIndent) + name
		if len(line)+2 > column && text != "" {
			fmt.Fprintln(w, line)
			line = ""
		}
	}
	indent := strings.Repeat(" ", column)
	line += indent[min(len(line), len(indent)):]
	empty := true
	for _, word := range strings.Fields(text) {
		if !empty && len(line)+1+len(word) > helpWidth {
			fmt.Fprintln(w, line)
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	fmt.Fprintln(w, strings.TrimRight(line, " "))
}

func when(yes bool, text string) string {
	if yes {
		return text
	}
	return ""
}

// join is strings.Join without the empty ones.
func join(sep string, parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		if p = strings.TrimSuffix(p, "."); p == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(sep)
		}
		b.WriteString(p)
	}
	return b.String()
}
