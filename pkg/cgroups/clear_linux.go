package cgroups

import (
	"context"
	"time"
)

// Clear kills what is in a group, also what is still entering its hierarchies one
// after the other, and removes it. A process that does not die within the time of
// ctx keeps its directories there, and the error says which.
func (g *Group) Clear(ctx context.Context) error {
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		err := g.Kill()
		if rerr := g.Remove(); rerr == nil || err == nil {
			err = rerr
		}
		if err == nil {
			return nil
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
	}
}
