package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/mflag"
)

type eventsOptions struct {
	since, until, format string
	filters              []string
}

func newEvents(cli *CLI, flags *mflag.Set) runFunc {
	var o eventsOptions
	flags.String(&o.since, "~-since --since", "Show all events created since a time")
	flags.String(&o.until, "--until", "Stream events until this time")
	flags.List(&o.filters, "-f --filter", "Provide filter values (i.e. 'event=stop')", checkFilter)
	flags.String(&o.format, "--format", "Format the output by a Go template")
	return func(ctx context.Context, _ []string) error { return cli.events(ctx, o) }
}

func (cli *CLI) events(ctx context.Context, o eventsOptions) error {
	query := url.Values{}
	if err := cli.setTimes(query, o.since, o.until); err != nil {
		return err
	}
	setFilters(query, o.filters)
	show := printEvent
	if o.format != "" {
		t, err := parseTemplate(o.format)
		if err != nil {
			return err
		}
		show = func(w io.Writer, e api.Event) error { return t.line(w, e) }
	}
	resp, err := cli.http.do(ctx, request{method: http.MethodGet, path: "/events", query: query, newest: wholeVersion})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for dec := json.NewDecoder(resp.Body); ; {
		var e api.Event
		if err := dec.Decode(&e); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return vanished("reading events", err)
		}
		if err := show(cli.Out, e); err != nil {
			return err
		}
	}
}
