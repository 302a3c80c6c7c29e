package daemon

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A stop of the daemon has a deadline, which also holds for containers that
// want longer, and a hurry kills.
func TestClose_EndsContainersInTime(t *testing.T) {
	long := 1000
	for _, tt := range []struct {
		name  string
		ctx   func() (context.Context, context.CancelFunc)
		notes int32
	}{
		{"deadline", func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), CleanReserve+100*time.Millisecond)
		}, 1},
		{"hurry", func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), 50*time.Millisecond)
		}, 1},
		{"hurry without deadline", func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(50*time.Millisecond, cancel)
			return ctx, cancel
		}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var notes atomic.Int32
			f := setup(t, func(o *Options) {
				o.Logf = func(format string, args ...any) {
					if strings.Contains(format, "seconds to stop") {
						notes.Add(1)
					}
				}
			})
			id := f.create("stubborn", "ignore-term; sleep 60")
			c := f.containers.byID(id)
			_, _ = c.update(func(s *snapshot) error { s.rec.Config.StopTimeout = &long; return nil })
			f.run("start", id)
			time.Sleep(20 * time.Millisecond) // until it ignores the signal
			ctx, cancel := tt.ctx()
			defer cancel()
			began := time.Now()
			if err := f.Close(ctx); err != nil {
				t.Errorf("Close: %v", err)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("took %v", took)
			}
			if s := c.now(); s.state.Phase != exited || s.state.ExitCode != 137 {
				t.Errorf("it is %s with %d, want it killed", s.state.Phase, s.state.ExitCode)
			}
			if notes.Load() != tt.notes {
				t.Errorf("%d notes of the cut time, want %d", notes.Load(), tt.notes)
			}
			if !f.net.idle() {
				t.Error("its network is still up")
			}
		})
	}
}
