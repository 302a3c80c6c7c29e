package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/enginejobs/docker/api"
)

// statsBoard is what is known of the containers that stats shows. Each is
// followed on a goroutine of its own; wait ends when all have.
type statsBoard struct {
	cli *CLI
	o   statsOptions
	all sync.WaitGroup

	mu     sync.Mutex // guards the rest, and the lines
	lines  map[string]*statsLine
	failed error // the following of events broke
}

// statsLine is one container.
type statsLine struct {
	name string // as typed, or the id
	last *api.Stats
	at   time.Time
	err  error
	stop context.CancelFunc
}

func newStatsBoard(cli *CLI, o statsOptions) *statsBoard {
	return &statsBoard{cli: cli, o: o, lines: map[string]*statsLine{}}
}

func (b *statsBoard) wait() { b.all.Wait() }

// watch follows a container, once.
func (b *statsBoard) watch(ctx context.Context, name string) {
	ctx, stop := context.WithCancel(ctx)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lines[name] != nil {
		stop()
		return
	}
	line := &statsLine{name: name, stop: stop}
	b.lines[name] = line
	b.all.Go(func() {
		defer stop()
		err := b.read(ctx, line)
		b.mu.Lock()
		defer b.mu.Unlock()
		switch {
		case err != nil && ctx.Err() == nil && line.last == nil:
			line.err = err
		case !b.o.noStream && b.lines[name] == line:
			delete(b.lines, name)
		}
	})
}

// forget ends the following of a container.
func (b *statsBoard) forget(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if line := b.lines[name]; line != nil {
		line.stop()
		delete(b.lines, name)
	}
}

// read takes samples until there are no more, or one where that is enough.
func (b *statsBoard) read(ctx context.Context, line *statsLine) error {
	query := url.Values{"stream": {"1"}}
	if b.o.noStream {
		query.Set("stream", "0")
	}
	r := request{method: http.MethodGet, path: containerPath(line.name, "/stats"), query: query}
	resp, err := b.cli.http.do(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for dec := json.NewDecoder(resp.Body); ; {
		var s api.Stats
		if err := dec.Decode(&s); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return vanished("reading the statistics of "+line.name, err)
		}
		b.mu.Lock()
		line.last, line.at = &s, b.cli.now()
		b.mu.Unlock()
		if b.o.noStream {
			return nil
		}
	}
}

// follow watches the containers that start, and forgets those that end, or with
// --all those that are made and removed. began gets one answer.
func (b *statsBoard) follow(ctx context.Context, began chan<- error) {
	enter, leave := "start", "die"
	if b.o.all {
		enter, leave = "create", "destroy"
	}
	query := url.Values{}
	setFilters(query, []string{"type=container", "event=" + enter, "event=" + leave})
	b.all.Go(func() {
		resp, err := b.cli.http.do(ctx, request{method: http.MethodGet, path: "/events", query: query})
		began <- err
		if err != nil {
			return
		}
		defer resp.Body.Close()
		for dec := json.NewDecoder(resp.Body); ; {
			var e api.Event
			if err := dec.Decode(&e); err != nil {
				if ctx.Err() == nil {
					b.mu.Lock()
					b.failed = vanished("reading events", err)
					b.mu.Unlock()
				}
				return
			}
			if e.Action == enter || e.Status == enter {
				b.watch(ctx, e.Actor.ID)
			} else {
				b.forget(e.Actor.ID)
			}
		}
	})
}

// failure is that of the containers of which there is no sample.
func (b *statsBoard) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []string
	for name, line := range b.lines {
		if line.err != nil {
			list = append(list, fmt.Sprintf("%s: %v", name, line.err))
		}
	}
	slices.Sort(list)
	return joinFailures(list)
}

func (b *statsBoard) listFailure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failed
}

// empty tells that nothing is followed any more.
func (b *statsBoard) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, line := range b.lines {
		if line.err == nil {
			return false
		}
	}
	return true
}

// rows are the lines of the table, by name.
func (b *statsBoard) rows() []statsRow {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []statsRow
	for _, line := range b.lines {
		if line.err != nil {
			continue
		}
		r := statsRow{typed: line.name, o: b.o, s: line.last}
		if r.s != nil && !b.o.noStream && b.cli.now().Sub(line.at) > 2*time.Second {
			r.stale = true
		}
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b statsRow) int { return strings.Compare(a.typed, b.typed) })
	return list
}

// draw writes the table, or what the format says.
func (b *statsBoard) draw(w io.Writer) error {
	list := b.rows()
	if b.o.format != "" {
		return rows(w, b.o.format, statsListing(), list)
	}
	tw := newTable(w)
	fmt.Fprintln(tw, "CONTAINER\tCPU %\tMEM USAGE / LIMIT\tMEM %\tNET I/O\tBLOCK I/O\tPIDS")
	for _, r := range list {
		r.classic = true
		fmt.Fprintln(tw, strings.Join([]string{
			r.Container(), r.CPUPerc(), r.MemUsage(), r.MemPerc(), r.NetIO(), r.BlockIO(), r.PIDs(),
		}, "\t"))
	}
	return tw.Flush()
}
