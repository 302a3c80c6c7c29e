package client

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/mflag"
)

// statsRefresh is how often the table is drawn.
const statsRefresh = 500 * time.Millisecond

type statsOptions struct {
	names                  []string
	all, noStream, noTrunc bool
	format                 string
}

func newStats(cli *CLI, flags *mflag.Set) runFunc {
	var o statsOptions
	flags.Bool(&o.all, "-a --all", "Show all containers (only running ones are shown by\ndefault)")
	flags.Bool(&o.noStream, "--no-stream", "Show the first result and end")
	flags.Bool(&o.noTrunc, "--no-trunc", "Don't truncate output")
	flags.String(&o.format, "--format", "Format the output by a Go template")
	return func(ctx context.Context, args []string) error {
		o.names = args
		return cli.stats(ctx, o)
	}
}

// stats follows the named containers, or all that run and those that will, and
// draws their table until none is left.
func (cli *CLI) stats(ctx context.Context, o statsOptions) error {
	o.format = cli.formatOr(o.format, false, "statsFormat")
	if o.format != "" {
		if _, err := parseTemplate(o.format); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	board := newStatsBoard(cli, o)
	defer board.wait()
	defer cancel()
	if len(o.names) > 0 {
		for _, name := range o.names {
			board.watch(ctx, name)
		}
	} else if err := cli.watchAll(ctx, board); err != nil {
		return err
	}
	if o.noStream {
		board.wait()
		if err := board.failure(); err != nil {
			return err
		}
		return board.draw(cli.Out)
	}
	return cli.drawStats(ctx, board)
}

// drawStats draws again and again. Names that are wrong show at the first time.
func (cli *CLI) drawStats(ctx context.Context, board *statsBoard) error {
	_, terminal := terminalOf(cli.Out)
	tick := time.NewTicker(statsRefresh)
	defer tick.Stop()
	for first := true; ; first = false {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := board.failure(); err != nil && first && len(board.o.names) > 0 {
			return err
		}
		if err := board.listFailure(); err != nil {
			return err
		}
		if terminal {
			fmt.Fprint(cli.Out, "\033[2J\033[H")
		}
		if err := board.draw(cli.Out); err != nil {
			return err
		}
		if board.empty() && len(board.o.names) > 0 {
			return nil
		}
	}
}

// watchAll follows all containers that run, or all, and those that join them.
func (cli *CLI) watchAll(ctx context.Context, board *statsBoard) error {
	if !board.o.noStream {
		began := make(chan error, 1)
		board.follow(ctx, began)
		if err := <-began; err != nil { // from here on nobody is missed
			return err
		}
	}
	query := url.Values{}
	setFlag(query, "all", board.o.all)
	var list []api.ContainerSummary
	if err := cli.http.getJSON(ctx, "/containers/json", query, &list); err != nil {
		return err
	}
	for _, c := range list {
		board.watch(ctx, c.Id)
	}
	return nil
}

// joinFailures makes one error of many: "X: why, Y: why".
func joinFailures(list []string) error {
	if len(list) == 0 {
		return nil
	}
	return errors.New(strings.Join(list, ", "))
}
