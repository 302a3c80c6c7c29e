package client

import (
	"fmt"
	"sort"
	"strings"

	"github.com/enginejobs/docker/pkg/mflag"
)

// helpGroups is the help of the program by what people look for. Every command of one
// word is in one of them.
var helpGroups = [...]struct{ title, names string }{
	{"Run", "run create start stop restart kill pause unpause wait rm"},
	{"Look", "ps logs inspect top stats port diff events info version"},
	{"Use", "exec attach cp export commit rename update completion"},
	{"Images", "build images history tag rmi save load import"},
	{"Registries", "pull push search login logout"},
	{"Groups", "container image network volume system context builder job"},
}

// printUsage is the help of the program. It fits a screen of 24 lines.
func (cli *CLI) printUsage(global *mflag.Set) error {
	w := cli.Out
	fmt.Fprint(w, "Usage: docker [OPTIONS] COMMAND [arg...]\nAn engine for Linux containers.\n\n")
	for _, g := range helpGroups {
		fmt.Fprintf(w, "  %-11s %s\n", g.title, g.names)
	}
	fmt.Fprint(w, "\nOptions:\n")
	global.PrintDefaults(w)
	_, err := fmt.Fprint(w, "Run 'docker COMMAND --help' for more information on a command.\n")
	return err
}

// printCommand is the help of one command.
func (cli *CLI) printCommand(cmd *Command, name string) error {
	set := new(mflag.Set)
	cmd.New(cli, set)
	var help bool
	set.Bool(&help, "~-help --help", "Print usage")
	args := ""
	if cmd.Args != "" {
		args = " " + cmd.Args
	}
	fmt.Fprintf(cli.Out, "\nUsage: docker %s [OPTIONS]%s\n\n%s\n\n", name, args, cmd.Summary)
	set.PrintDefaults(cli.Out)
	if cmd.Long != "" {
		fmt.Fprint(cli.Out, "\n", cmd.Long)
	}
	_, err := fmt.Fprintln(cli.Out)
	return err
}

// printGroup is the help of the first word of two-word names.
func (cli *CLI) printGroup(word string) error {
	prefix := strings.ToLower(word) + " "
	var lines []string
	for _, c := range commands() {
		if c.Hidden {
			continue
		}
		for _, other := range append([]string{c.Name}, c.Also...) {
			if sub, ok := strings.CutPrefix(other, prefix); ok {
				lines = append(lines, fmt.Sprintf("    %-10s%s", sub, c.Summary))
			}
		}
	}
	sort.Strings(lines)
	_, err := fmt.Fprintf(cli.Out, "\nUsage: docker %sCOMMAND\n\nCommands:\n%s\n\nRun 'docker %sCOMMAND --help' "+
		"for more information on a command.\n", prefix, strings.Join(lines, "\n"), prefix)
	return err
}
