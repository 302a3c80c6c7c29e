package client

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/enginejobs/docker/pkg/clicontext"
	"github.com/enginejobs/docker/pkg/mflag"
)

func newContextLs(cli *CLI, flags *mflag.Set) runFunc {
	var quiet bool
	var format string
	flags.Bool(&quiet, "-q --quiet", "Only show names of contexts")
	flags.String(&format, "--format", "Format the output: table, json (a line for each context)\nor a Go template")
	return func(context.Context, []string) error { return cli.contextLs(quiet, format) }
}

func (cli *CLI) contextLs(quiet bool, format string) error {
	list, err := cli.contexts().List()
	if err != nil {
		return err
	}
	standard, err := cli.stored(clicontext.Default)
	if err != nil {
		return err
	}
	list = append(list, standard)
	table := make([]contextRow, 0, len(list)+1)
	found := false
	for _, c := range list {
		found = found || c.Name == cli.context
		table = append(table, contextRow{c, c.Name == cli.context, ""})
	}
	if !found {
		_, err := cli.stored(cli.context)
		table = append(table, contextRow{clicontext.Context{Name: cli.context}, true, lineOf(err)})
	}
	slices.SortFunc(table, func(a, b contextRow) int { return strings.Compare(a.c.Name, b.c.Name) })
	if quiet {
		format = "{{.Name}}"
	}
	if format == "" {
		format = "table"
	}
	if err := rows(cli.Out, format, contextListing(), table); err != nil {
		return err
	}
	if cli.env.get("DOCKER_HOST") != "" {
		fmt.Fprintln(cli.Err, "Warning: DOCKER_HOST environment variable overrides the active context. "+
			"To use a context, either set the global --context flag, or unset DOCKER_HOST environment variable.")
	}
	return nil
}

func lineOf(err error) string {
	if err == nil {
		return ""
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}

func contextListing() listing {
	return listing{
		table: `{{.Name}}{{if .Current}} *{{end}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{.Error}}`,
		header: header{
			"Name": "NAME", "Description": "DESCRIPTION", "DockerEndpoint": "DOCKER ENDPOINT", "Error": "ERROR", "Current": "",
		},
	}
}

// contextRow is a context as a table or a template shows it.
type contextRow struct {
	c       clicontext.Context
	current bool
	err     string
}

// Name is the name.
func (r contextRow) Name() string { return r.c.Name }

// Current tells whether it is the one in use.
func (r contextRow) Current() bool { return r.current }

// Description is cut to what a table has room for.
func (r contextRow) Description() string { return cutTo(r.c.Description, 60) }

// DockerEndpoint is where the daemon is.
func (r contextRow) DockerEndpoint() string { return r.c.Host }

// Error is why it cannot be used.
func (r contextRow) Error() string { return cutTo(r.err, 45) }

// MarshalJSON is what {{json .}} shows.
func (r contextRow) MarshalJSON() ([]byte, error) {
	return rowJSON(map[string]any{
		"Current": r.Current(), "Description": r.c.Description, "DockerEndpoint": r.DockerEndpoint(), "Error": r.err, "Name": r.Name(),
	})
}

// cutTo shortens a text to so many letters.
func cutTo(text string, most int) string {
	if letters := []rune(text); len(letters) > most {
		return string(letters[:most-1]) + "…"
	}
	return text
}
