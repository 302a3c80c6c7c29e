package client

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/enginejobs/docker/api"
)

// eventTime is the layout of the stream: always nine decimals.
const eventTime = "2006-01-02T15:04:05.000000000Z07:00"

// printEvent writes a line: time, type, action, id, attributes. Servers older than
// API 1.22 tell of no types: their events have the line of then.
func printEvent(w io.Writer, e api.Event) error {
	if e.Type == "" {
		return printClassicEvent(w, e)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s %s", eventMoment(e), e.Type, e.Action, e.Actor.ID)
	for i, name := range slices.Sorted(maps.Keys(e.Actor.Attributes)) {
		before := ", "
		if i == 0 {
			before = " ("
		}
		b.WriteString(before + name + "=" + e.Actor.Attributes[name])
	}
	if len(e.Actor.Attributes) > 0 {
		b.WriteByte(')')
	}
	_, err := fmt.Fprintln(w, b.String())
	return err
}

// printClassicEvent writes time, id, image and action.
func printClassicEvent(w io.Writer, e api.Event) error {
	from := ""
	if e.From != "" {
		from = " (from " + e.From + ")"
	}
	_, err := fmt.Fprintf(w, "%s %s:%s %s\n", eventMoment(e), e.ID, from, e.Status)
	return err
}

func eventMoment(e api.Event) string {
	at := time.Unix(0, e.TimeNano)
	if e.TimeNano == 0 {
		at = time.Unix(e.Time, 0)
	}
	return at.Local().Format(eventTime)
}
