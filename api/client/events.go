package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

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
	setText(query, "since", timeArgument(o.since, cli.now()))
	setText(query, "until", timeArgument(o.until, cli.now()))
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

// eventTime is the layout of the classic stream: always nine decimals.
const eventTime = "2006-01-02T15:04:05.000000000Z07:00"

// printEvent writes the classic line: time, id, image, action. What is neither
// container nor image has its type in the place of the image.
func printEvent(w io.Writer, e api.Event) error {
	id, action, from := e.Actor.ID, e.Action, e.From
	if id == "" {
		id = e.ID
	}
	if action == "" {
		action = e.Status
	}
	switch {
	case e.Type == "" || e.Type == "image":
	case e.Type != "container":
		from = e.Type
	case from == "":
		from = e.Actor.Attributes["image"]
	}
	at := time.Unix(0, e.TimeNano)
	if e.TimeNano == 0 {
		at = time.Unix(e.Time, 0)
	}
	var b strings.Builder
	b.WriteString(at.Local().Format(eventTime))
	if id != "" {
		fmt.Fprintf(&b, " %s:", id)
	}
	if from != "" {
		fmt.Fprintf(&b, " (from %s)", from)
	}
	_, err := fmt.Fprintf(w, "%s %s\n", b.String(), action)
	return err
}
