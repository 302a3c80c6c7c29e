package client

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/pkg/mflag"
)

type jobLsOptions struct {
	all, quiet, noTrunc bool
	format              string
}

func newJobLs(cli *CLI, flags *mflag.Set) runFunc {
	var o jobLsOptions
	flags.Bool(&o.all, "-a --all", "Show the job that makes this list, too")
	flags.Bool(&o.quiet, "-q --quiet", "Only display ids")
	flags.Bool(&o.noTrunc, "--no-trunc", "Don't truncate output, and tell more of the client")
	flags.String(&o.format, "--format", "Format the output: table, json (a line for each job)\nor a Go template")
	return func(ctx context.Context, _ []string) error { return cli.jobLs(ctx, o) }
}

func (cli *CLI) jobLs(ctx context.Context, o jobLsOptions) error {
	var list []engine.JobInfo
	if err := cli.withJobs(ctx, func(eng jobEngine) error {
		jobs := eng.Job("jobs").SetContext(ctx)
		err := jobs.OutputJSON(&list)
		if !o.all {
			list = slices.DeleteFunc(list, func(j engine.JobInfo) bool { return j.ID == jobs.ID() || j.Parent == jobs.ID() })
		}
		return jobFailure(ctx, err)
	}); err != nil {
		return err
	}
	if o.format == "json" {
		return jsonLines(cli.Out, list)
	}
	table := make([]jobRow, len(list))
	for i, j := range list {
		table[i] = jobRow{cli, j, o.noTrunc}
	}
	switch {
	case o.quiet:
		for _, r := range table {
			fmt.Fprintln(cli.Out, r.ID())
		}
		return nil
	case o.format != "":
		return rows(cli.Out, o.format, jobListing(), table)
	}
	tw := newTable(cli.Out)
	fmt.Fprintln(tw, "ID\tNAME\tARGS\tPARENT\tAGE\tCLIENT\tSTATE")
	for _, r := range table {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.ID(), r.Name(), r.Args(), r.Parent(), r.Age(), r.Client(), r.State())
	}
	return tw.Flush()
}

// jobListing is job ls for --format.
func jobListing() listing {
	return listing{
		table: `{{.ID}}\t{{.Name}}\t{{.Args}}\t{{.Parent}}\t{{.Age}}\t{{.Client}}\t{{.State}}`,
		header: header{
			"ID": "ID", "Name": "NAME", "Args": "ARGS", "Parent": "PARENT", "Age": "AGE", "Client": "CLIENT", "State": "STATE",
			"Started": "STARTED", "Phase": "PHASE",
		},
	}
}

// jobRow is a running job as a table or a template shows it.
type jobRow struct {
	cli     *CLI
	j       engine.JobInfo
	noTrunc bool
}

// ID and its sisters are the cells.
func (r jobRow) ID() string { return r.j.ID }

// Name is the name of the job.
func (r jobRow) Name() string { return r.j.Name }

// Parent is the id of the job that this one belongs to.
func (r jobRow) Parent() string { return r.j.Parent }

// State is "running", "queued", "cancelled" or "overdue".
func (r jobRow) State() string { return r.j.State }

// Phase is the part of its work that the job has done last.
func (r jobRow) Phase() string { return r.j.Phase }

// Started is a time in the zone of the reader.
func (r jobRow) Started() string { return r.j.Started.Local().String() }

// Age is for how long the job runs.
func (r jobRow) Age() string { return humanDuration(r.cli.now().Sub(r.j.Started)) }

// Args are quoted where that is needed.
func (r jobRow) Args() string {
	width := 32
	if r.noTrunc {
		width = 0
	}
	args := r.j.Args
	if !r.noTrunc {
		args = shortArgs(args)
	}
	return ellipsis(strings.TrimPrefix(callText("", args, 0), " "), width)
}

// Client is who asked for the job; empty: the engine itself.
func (r jobRow) Client() string {
	if r.noTrunc && r.j.Detail != "" {
		return r.j.Client + " (" + oneLine(r.j.Detail) + ")"
	}
	return r.j.Client
}
