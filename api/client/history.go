package client

import (
	"context"
	"fmt"
	"net/url"
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
	flags.Func(setFormat(&o.format), "--format", "Format the output by a Go template")
	flags.String(&o.platform, "--platform", "History of this platform: os/architecture[/variant]")
	return func(ctx context.Context, args []string) error {
		o.image = args[0]
		return cli.history(ctx, o)
	}
}

// historyRow is what a template of history sees.
type historyRow struct{ ID, CreatedBy, CreatedSince, CreatedAt, Size, Comment string }

func (cli *CLI) history(ctx context.Context, o historyOptions) error {
	query := url.Values{}
	if err := platformQuery(query, "platform", o.platform); err != nil {
		return err
	}
	var list []api.ImageHistory
	if err := cli.http.getJSON(ctx, imagePath(o.image, "/history"), query, &list); err != nil {
		return err
	}
	rowsOf := make([]historyRow, len(list))
	for i, h := range list {
		r := historyRow{
			ID: h.Id, CreatedBy: oneLine(h.CreatedBy), CreatedSince: cli.ago(h.Created), Size: humanSize(h.Size),
			CreatedAt: time.Unix(h.Created, 0).Format(time.RFC3339), Comment: h.Comment,
		}
		if !o.noTrunc {
			r.ID, r.CreatedBy = shortID(r.ID), cut(r.CreatedBy, 45)
		}
		if !o.human {
			r.CreatedSince, r.Size = r.CreatedAt, fmt.Sprint(h.Size)
		}
		rowsOf[i] = r
	}
	switch {
	case o.format != "":
		header := map[string]any{"ID": "IMAGE", "CreatedBy": "CREATED BY", "CreatedSince": "CREATED",
			"CreatedAt": "CREATED AT", "Size": "SIZE", "Comment": "COMMENT"}
		return rows(cli.Out, o.format, header, rowsOf)
	case o.quiet:
		for _, r := range rowsOf {
			fmt.Fprintln(cli.Out, r.ID)
		}
		return nil
	}
	tw := newTable(cli.Out)
	fmt.Fprintln(tw, "IMAGE\tCREATED\tCREATED BY\tSIZE")
	for _, r := range rowsOf {
		fmt.Fprintln(tw, strings.Join([]string{r.ID, r.CreatedSince, r.CreatedBy, r.Size}, "\t"))
	}
	return tw.Flush()
}
