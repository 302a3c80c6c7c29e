package client

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/enginejobs/docker/pkg/mflag"
)

func newTop(cli *CLI, _ *mflag.Set) runFunc {
	return func(ctx context.Context, args []string) error {
		query := url.Values{}
		setText(query, "ps_args", strings.Join(args[1:], " "))
		var list struct {
			Titles    []string
			Processes [][]string
		}
		if err := cli.http.getJSON(ctx, containerPath(args[0], "/top"), query, &list); err != nil {
			return err
		}
		tw := newTable(cli.Out)
		fmt.Fprintln(tw, strings.Join(list.Titles, "\t"))
		for _, row := range list.Processes {
			fmt.Fprintln(tw, strings.Join(row, "\t"))
		}
		return tw.Flush()
	}
}
