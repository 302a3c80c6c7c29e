package events

import (
	"context"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

func (e *Events) eventsDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "events", Summary: "Follow what happens, one JSON object per line.",
		Env: []engine.Key{
			{Name: "since", Type: engine.Time, Summary: "replay stored events from this time on; 0: none, or all when until is given"},
			{Name: "until", Type: engine.Time, Summary: "end at this time; 0: never"},
			{Name: "filters", Type: engine.JSON, Summary: "object of lists, by event, image, container, type, label and others"},
		},
		Stdout: engine.JSONLines, Waits: true, Handler: e.jobEvents,
	}
}

type eventsOptions struct {
	since, until int64 // unix nanoseconds; 0: not given
	filter       filter
}

func decodeEvents(job *engine.Job) (opt eventsOptions, err error) {
	if opt.since, err = nano(job, "since"); err != nil {
		return opt, err
	}
	if opt.until, err = nano(job, "until"); err != nil {
		return opt, err
	}
	if opt.until != 0 && opt.since > opt.until {
		return opt, errdefs.InvalidArgument("`since` time (%s) cannot be after `until` time (%s)", job.Getenv("since"), job.Getenv("until"))
	}
	opt.filter, err = parseFilter(job.Getenv("filters"))
	return opt, err
}

func nano(job *engine.Job, key string) (int64, error) {
	t, err := job.GetenvTime(key)
	if err != nil || t.IsZero() || t.Unix() == 0 && t.Nanosecond() == 0 {
		return 0, err
	}
	return t.UnixNano(), nil
}

// jobEvents follows the journal until the reader leaves or the time is over.
//
// Usage:  events
// Env:    since, until (RFC 3339 or unix seconds, "S" or "S.NNNNNNNNN"), filters
// Stdout: api.Event, one per line. Nothing is written first, so that headers go
// out at once. Stored events from since on, then live ones until until.
// Errors: InvalidArgument for a bad filter or since after until; Unavailable
// when the reader was more than 1024 events behind and has missed some.
func (e *Events) jobEvents(job *engine.Job) error {
	opt, err := decodeEvents(job)
	if err != nil {
		return err
	}
	if _, err := job.Stdout.Write(nil); err != nil {
		return err
	}
	return e.follow(job.Context(), opt, func(lines []byte) error {
		_, err := job.Stdout.Write(lines)
		return err
	})
}

// follow calls write with whole lines, one or more, until it fails, until the time is over or
// until ctx ends, which is how a reader leaves and no error.
func (e *Events) follow(ctx context.Context, opt eventsOptions, write func(lines []byte) error) error {
	var over <-chan time.Time
	left := time.Duration(opt.until - e.now().UnixNano())
	live := opt.until == 0 || left > 0
	past, sub := e.subscribe(opt.filter, opt.since, opt.until, live)
	if sub != nil {
		defer e.unsubscribe(sub)
	}
	for _, ent := range past {
		if err := write(ent.line); err != nil {
			return err
		}
	}
	if !live {
		return nil
	}
	if opt.until != 0 {
		t := time.NewTimer(left)
		defer t.Stop()
		over = t.C
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-over:
			return e.pass(sub, write)
		case <-sub.bell:
			if err := e.pass(sub, write); err != nil {
				return err
			}
		}
	}
}

// pass writes what the subscription has not had yet, in one piece.
func (e *Events) pass(sub *subscription, write func(lines []byte) error) error {
	lines, err := e.take(sub)
	if err != nil || len(lines) == 0 {
		return err
	}
	return write(lines)
}
