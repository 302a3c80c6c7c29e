package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// board has the contenders at work and what they scored.
type board struct {
	cfg     *config
	out     io.Writer
	dir     string
	runners []*runner
	scores  map[string]map[string][]turn // scenario, contender: its turns
}

// runner is a contender at work.
type runner struct {
	contender
	child  *child // nil: it is in this process
	client client
}

func (b *board) open(ctx context.Context) error {
	b.scores = map[string]map[string][]turn{}
	dir, err := os.MkdirTemp("", "bench-bus.")
	if err != nil {
		return err
	}
	b.dir = dir
	for i, c := range contenders() {
		if !b.cfg.only.MatchString(c.name) {
			continue
		}
		r := &runner{contender: c}
		socket := filepath.Join(dir, strconv.Itoa(i)+".sock")
		if c.serve != nil {
			if r.child, err = startChild(c.name, socket, b.cfg.profile); err != nil {
				return err
			}
		}
		b.runners = append(b.runners, r)
		if r.client, err = c.dial(ctx, socket); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

func (b *board) close() {
	for _, r := range b.runners {
		if r.client != nil {
			_ = r.client.close() // its server ends now
		}
		if r.child != nil {
			if err := r.child.close(); err != nil {
				fmt.Fprintf(b.out, "the server of %s ended badly: %v\n", r.name, err)
			}
		}
	}
	if b.dir != "" {
		os.RemoveAll(b.dir)
	}
}

// measure runs every scenario: in each round every contender has one turn, and
// another one begins, so that what else happens on the machine meets all alike.
// The first round warms up and does not count.
func (b *board) measure(ctx context.Context) error {
	stop, err := profile(b.cfg.profile, "client")
	if err != nil {
		return err
	}
	defer stop()
	for _, s := range scenarios() {
		if !b.cfg.scenario.MatchString(s.name) {
			continue
		}
		rounds := b.cfg.rounds
		if s.stream {
			rounds = b.cfg.streamRounds
		}
		b.scores[s.name] = map[string][]turn{}
		for round := range rounds + 1 {
			for i := range b.runners {
				r := b.runners[(i+round)%len(b.runners)]
				t, ok, err := b.turn(ctx, s, r)
				if err != nil {
					return fmt.Errorf("%s: %s: %w", s.name, r.name, err)
				}
				if ok && round > 0 {
					b.scores[s.name][r.name] = append(b.scores[s.name][r.name], t)
				}
			}
		}
		b.print(b.out, s)
	}
	return nil
}

// turn measures one contender once; ok is false when it has nothing to do with
// this scenario.
func (b *board) turn(ctx context.Context, s scenario, r *runner) (t turn, ok bool, err error) {
	if err := ctx.Err(); err != nil {
		return turn{}, false, err
	}
	streaming, can := r.client.(streamer)
	if s.stream && !can || !s.stream && r.copies {
		return turn{}, false, nil
	}
	before, err := r.cpu()
	if err != nil {
		return turn{}, false, err
	}
	var per float64
	if s.stream {
		t, err = streams(ctx, streaming, b.cfg.streamBytes)
		per = float64(b.cfg.streamBytes) / (1 << 20)
	} else {
		batch := 1
		if r.child == nil {
			batch = 64
		}
		t, err = echoes(ctx, s, r.client, b.cfg.slice, batch)
		per = float64(t.calls)
	}
	after, cpuErr := r.cpu()
	if err := errors.Join(err, cpuErr); err != nil {
		return turn{}, false, err
	}
	t.cpu = float64(after-before) / max(per, 1)
	return t, true, nil
}

// cpu is the CPU time that both sides have used so far.
func (r *runner) cpu() (time.Duration, error) {
	if r.child == nil {
		return cpuTime(), nil
	}
	other, err := r.child.cpuTime()
	return cpuTime() + other, err
}
