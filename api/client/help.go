package client

import (
	"fmt"
	"sort"
	"strings"

	"github.com/enginejobs/docker/pkg/mflag"
)

// printUsage is the help of the program.
func (cli *CLI) printUsage(global *mflag.Set) error {
	w := cli.Out
	fmt.Fprint(w, "Usage: docker [OPTIONS] COMMAND [arg...]\n\nAn engine for Linux containers.\n\nOptions:\n")
	global.PrintDefaults(w)
	fmt.Fprint(w, "\nCommands:\n")
	for _, c := range commands() {
		if c.Name != "" && !strings.Contains(c.Name, " ") {
			fmt.Fprintf(w, "    %-10.10s%s\n", c.Name, c.Summary)
		}
	}
	_, err := fmt.Fprint(w, "\nRun 'docker COMMAND --help' for more information on a command.\n")
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
