package client

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/mflag"
)

type historyOptions struct {
	image, format         string
	platform              string
	quiet, noTrunc, human bool
}

func newHistory(cli *CLI, flags *mflag.Set) runFunc {
	o := historyOptions{human: true}
	flags.Bool(&o.quiet, "-q --quiet", "Only show numeric IDs")
	flags.Bool(&o.noTrunc, "~-notrunc --no-trunc", "Don't truncate output")
	flags.Bool(&o.human, "-H --human", "Print sizes and dates for people")
	flags.String(&o.format, "--format", "Format the output by a Go template")
	flags.String(&o.platform, "--platform", "History of this platform: os/architecture[/variant]")
	return func(ctx context.Context, args []string) error {
		o.image = args[0]
		return cli.history(ctx, o)
	}
}

// historyListing is history for --format.
func historyListing(human bool) listing {
	l := listing{
		table: `{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}`,
		header: header{"ID": "IMAGE", "CreatedBy": "CREATED BY", "CreatedSince": "CREATED", "CreatedAt": "CREATED AT",
			"Size": "SIZE", "Comment": "COMMENT"},
	}
	if !human {
		l.table = strings.Replace(l.table, "CreatedSince", "CreatedAt", 1)
	}
	return l
}

// historyRow is a step of an image as --format shows it: its methods are the
// fields of a template, their texts those of today's clients.
type historyRow struct {
	cli *CLI
	h   *api.ImageHistory
	o   *historyOptions
}

// ID is the short id, or the whole one with --no-trunc.
func (r historyRow) ID() string {
	if r.o.noTrunc {
		return r.h.Id
	}
	return shortID(r.h.Id)
}

// CreatedAt is the time of the step.
func (r historyRow) CreatedAt() string {
	if r.h.Created <= 0 {
		return ""
	}
	return time.Unix(r.h.Created, 0).Format(time.RFC3339)
}

// CreatedSince is the age, or the time where people are not meant.
func (r historyRow) CreatedSince() string {
	if !r.o.human {
		return r.CreatedAt()
	}
	if r.h.Created <= 0 {
		return "N/A"
	}
	return r.cli.since(time.Unix(r.h.Created, 0))
}

// CreatedBy is the instruction.
func (r historyRow) CreatedBy() string {
	text := strings.ReplaceAll(r.h.CreatedBy, "\t", " ")
	if r.o.noTrunc {
		return text
	}
	return fit(text, 45)
}

// Size is what the step added.
func (r historyRow) Size() string {
	if r.o.human {
		return briefSize(r.h.Size)
	}
	return strconv.FormatInt(r.h.Size, 10)
}

// Comment is what was said of it.
func (r historyRow) Comment() string { return r.h.Comment }

// MarshalJSON makes {{json .}} show the row and not its source.
func (r historyRow) MarshalJSON() ([]byte, error) {
	return rowJSON(map[string]any{
		"ID": r.ID(), "CreatedAt": r.CreatedAt(), "CreatedSince": r.CreatedSince(), "CreatedBy": r.CreatedBy(), "Size": r.Size(), "Comment": r.Comment(),
	})
}

func (cli *CLI) history(ctx context.Context, o historyOptions) error {
	query := url.Values{}
	if err := platformQuery(query, "platform", o.platform); err != nil {
		return err
	}
	var list []api.ImageHistory
	if err := cli.http.getJSON(ctx, imagePath(o.image, "/history"), query, &list); err != nil {
		return err
	}
	table := make([]historyRow, len(list))
	for i := range list {
		table[i] = historyRow{cli, &list[i], &o}
	}
	switch {
	case o.format != "" && (!o.quiet || o.format != "table"):
		return rows(cli.Out, o.format, historyListing(o.human), table)
	case o.quiet:
		return printLines(cli.Out, table, historyRow.ID)
	}
	tw := newTable(cli.Out)
	fmt.Fprintln(tw, "IMAGE\tCREATED\tCREATED BY\tSIZE")
	for _, r := range table {
		created, by, size := cli.ago(r.h.Created), oneLine(r.h.CreatedBy), humanSize(r.h.Size)
		if !o.noTrunc {
			by = cut(by, 45)
		}
		if !o.human {
			created, size = time.Unix(r.h.Created, 0).Format(time.RFC3339), r.Size()
		}
		fmt.Fprintln(tw, strings.Join([]string{r.ID(), created, by, size}, "\t"))
	}
	return tw.Flush()
}
