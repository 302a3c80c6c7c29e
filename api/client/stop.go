package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/enginejobs/docker/pkg/mflag"
)

// stopOptions is the command line of stop and restart.
type stopOptions struct {
	seconds    int
	given      bool // otherwise the container's own time-out counts
	signal     string
	containers []string
}

func newStop(cli *CLI, flags *mflag.Set) runFunc {
	var o stopOptions
	o.declare(flags, "Seconds to wait for the stop before killing")
	return func(ctx context.Context, args []string) error {
		o.containers, o.given = args, flags.IsSet("-t")
		return cli.stop(ctx, o)
	}
}

func (o *stopOptions) declare(flags *mflag.Set, usage string) {
	o.seconds = 10
	flags.Int(&o.seconds, "-t --time --timeout", usage)
	flags.String(&o.signal, "-s --signal", "Signal to send first")
}

func (o *stopOptions) query() url.Values {
	query := url.Values{}
	if o.given {
		query.Set("t", strconv.Itoa(o.seconds))
	}
	if o.signal != "" {
		query.Set("signal", o.signal)
	}
	return query
}

func (cli *CLI) stop(ctx context.Context, o stopOptions) error {
	return cli.each(o.containers, "stop", "containers", cli.post(ctx, "/stop", o.query()))
}

// post is the work of the commands that tell a container to do something and
// print its name when it did.
func (cli *CLI) post(ctx context.Context, action string, query url.Values) func(string) error {
	return func(name string) error {
		if err := cli.http.call(ctx, http.MethodPost, containerPath(name, action), query); err != nil {
			return err
		}
		fmt.Fprintln(cli.Out, name)
		return nil
	}
}
