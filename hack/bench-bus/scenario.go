package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxCallers is the largest number of concurrent callers of a scenario.
const maxCallers = 64

// scenario is one thing that is measured of every contender.
type scenario struct {
	name    string
	callers int
	payload int
	stream  bool
}

func scenarios() []scenario {
	return []scenario{
		{name: "one caller, 64 B", callers: 1, payload: 64},
		{name: "one caller, 4 KiB", callers: 1, payload: 4 << 10},
		{name: "8 callers, 64 B", callers: 8, payload: 64},
		{name: "64 callers, 64 B", callers: maxCallers, payload: 64},
		{name: "64 callers, 4 KiB", callers: maxCallers, payload: 4 << 10},
		{name: "stream", stream: true},
	}
}

// turn is what one contender did in one round of a scenario.
type turn struct {
	calls    int
	perSec   float64 // calls, or bytes of a stream
	p50, p99 float64 // of one call, in nanoseconds
	cpu      float64 // of both processes, in nanoseconds for one call or one MiB
}

// echoes calls for as long as a turn lasts. Calls that are faster than a clock
// are timed in batches; then the percentiles are those of the batches' means.
func echoes(ctx context.Context, s scenario, c client, slice time.Duration, batch int) (turn, error) {
	payload := strings.Repeat("0123456789abcdef", s.payload/16)
	took := make([][]int64, s.callers)
	failures := make([]error, s.callers)
	for i := range took {
		took[i] = make([]int64, 0, 1<<14)
	}
	runtime.GC() // nobody pays for the garbage of the one before
	var callers sync.WaitGroup
	began := time.Now()
	end := began.Add(slice)
	for i := range s.callers {
		callers.Go(func() {
			for start := time.Now(); start.Before(end); {
				for range batch {
					if back, err := c.echo(ctx, payload); err != nil {
						failures[i] = err
						return
					} else if back != payload {
						failures[i] = errors.New("the echo differs")
						return
					}
				}
				now := time.Now()
				took[i] = append(took[i], int64(now.Sub(start))/int64(batch))
				start = now
			}
		})
	}
	callers.Wait()
	elapsed := time.Since(began)
	all := slices.Concat(took...)
	if err := errors.Join(failures...); err != nil || len(all) == 0 {
		return turn{}, err
	}
	slices.Sort(all)
	calls := len(all) * batch
	return turn{
		calls: calls, perSec: float64(calls) / elapsed.Seconds(),
		p50: float64(all[len(all)/2]), p99: float64(all[len(all)*99/100]),
	}, nil
}

// streams sends size bytes through c and counts them on their way back.
func streams(ctx context.Context, c streamer, size int64) (turn, error) {
	sink := &sink{}
	runtime.GC()
	began := time.Now()
	if err := c.stream(ctx, &source{left: size}, sink); err != nil {
		return turn{}, err
	}
	elapsed := time.Since(began)
	if sink.n != size || sink.wrong {
		return turn{}, fmt.Errorf("of %d bytes %d came back, altered: %v", size, sink.n, sink.wrong)
	}
	return turn{calls: 1, perSec: float64(size) / elapsed.Seconds(), p50: float64(elapsed)}, nil
}

// source gives left bytes: a pattern that repeats after a block and costs next to
// nothing to make or to check.
type source struct {
	left, at int64
	block    [blockSize]byte
	filled   bool
}

func (s *source) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	if !s.filled {
		s.filled = true
		for i := range s.block {
			s.block[i] = byte(i >> 4)
		}
	}
	off := s.at % blockSize
	n := copy(p[:min(int64(len(p)), s.left)], s.block[off:])
	s.at += int64(n)
	s.left -= int64(n)
	return n, nil
}

// sink counts, and looks at the first bytes of each piece.
type sink struct {
	n     int64
	wrong bool
}

func (s *sink) Write(p []byte) (int, error) {
	for i := range p[:min(len(p), 32)] {
		s.wrong = s.wrong || p[i] != byte((s.n+int64(i))%blockSize>>4)
	}
	s.n += int64(len(p))
	return len(p), nil
}
