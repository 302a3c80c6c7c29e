package client

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/mflag"
)

type searchOptions struct {
	noTrunc, automated bool
	stars, limit       int
	filters            []string
	format             string
}

func newSearch(cli *CLI, flags *mflag.Set) runFunc {
	var o searchOptions
	flags.Bool(&o.noTrunc, "~-notrunc --no-trunc", "Don't truncate output")
	flags.Int(&o.limit, "--limit", "Max number of search results")
	flags.List(&o.filters, "-f --filter", "Filter output based on conditions provided", checkFilter)
	flags.String(&o.format, "--format", "Format the output by a Go template")
	flags.Bool(&o.automated, "~-t ~-trusted ~--trusted ~--automated", "Only show automated builds")
	flags.Int(&o.stars, "~-s ~-stars ~--stars", "Only displays with at least x stars")
	return func(ctx context.Context, args []string) error { return cli.search(ctx, o, args[0]) }
}

// searchRow is what a template of search sees.
type searchRow struct {
	Name, Description, StarCount, IsOfficial, IsAutomated string
}

// MarshalJSON is what {{json .}} shows: a word is told as what it stands for.
func (r searchRow) MarshalJSON() ([]byte, error) {
	return rowJSON(map[string]any{
		"Name": r.Name, "Description": r.Description, "StarCount": r.StarCount, "IsOfficial": strconv.FormatBool(r.IsOfficial != ""),
	})
}

const shortDescription = 45

func (cli *CLI) search(ctx context.Context, o searchOptions, term string) error {
	if o.automated {
		o.filters = append(o.filters, "is-automated=true")
	}
	if o.stars > 0 {
		o.filters = append(o.filters, "stars="+strconv.Itoa(o.stars))
	}
	query := url.Values{"term": {term}}
	if o.limit != 0 {
		query.Set("limit", strconv.Itoa(o.limit))
	}
	setFilters(query, o.filters)
	auth, err := cli.authFor(ctx, term)
	if err != nil {
		return err
	}
	var found []api.SearchResult
	if err := cli.http.callJSON(ctx, request{method: "GET", path: "/images/search", query: query, header: auth}, &found); err != nil {
		return err
	}
	var table []searchRow
	for _, r := range found {
		row := searchRow{Name: plainText(r.Name), Description: plainText(r.Description), StarCount: strconv.Itoa(r.StarCount)}
		if !o.noTrunc && len([]rune(row.Description)) > shortDescription {
			row.Description = string([]rune(row.Description)[:shortDescription-1]) + "…"
		}
		if r.IsOfficial {
			row.IsOfficial = "[OK]"
		}
		if r.IsAutomated || r.IsTrusted {
			row.IsAutomated = "[OK]"
		}
		table = append(table, row)
	}
	if o.format != "" {
		return rows(cli.Out, o.format, listing{
			table:  `{{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}`,
			header: header{"Name": "NAME", "Description": "DESCRIPTION", "StarCount": "STARS", "IsOfficial": "OFFICIAL", "IsAutomated": "AUTOMATED"},
		}, table)
	}
	tw := newTable(cli.Out)
	fmt.Fprintln(tw, "NAME\tDESCRIPTION\tSTARS\tOFFICIAL\tAUTOMATED")
	for _, r := range table {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\n", r.Name, r.Description, r.StarCount, r.IsOfficial, r.IsAutomated)
	}
	return tw.Flush()
}

// plainText takes out of text from far away what a terminal would act on.
func plainText(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}
