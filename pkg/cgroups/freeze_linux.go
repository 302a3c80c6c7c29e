package cgroups

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// freezePatience is how long members may take to stand still; one may be deep
// in the kernel.
const freezePatience = 5 * time.Second

// refreeze is how often v1 is asked again: a member that was starting another
// one when it was asked can stay behind.
const refreeze = 50 * time.Millisecond

var errNoFreezer = errors.New("the host has no freezer controller")

// Freeze stops all members and returns when the last one stands still. When
// that fails they go on.
func (g *Group) Freeze(ctx context.Context) error {
	if err := g.orderFreeze(); err != nil {
		return err
	}
	end := time.Now().Add(freezePatience)
	again := time.Now().Add(refreeze)
	for wait := 50 * time.Microsecond; ; wait = min(2*wait, 10*time.Millisecond) {
		frozen, err := g.Frozen()
		if frozen {
			return nil
		}
		if err == nil && time.Now().After(end) {
			err = fmt.Errorf("a process does not stand still after %v", freezePatience)
		}
		if err == nil && !g.V2 && time.Now().After(again) {
			err = errors.Join(g.Thaw(), g.orderFreeze())
			again = time.Now().Add(refreeze)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return errors.Join(err, g.Thaw())
		}
		time.Sleep(wait)
	}
}

func (g *Group) orderFreeze() error {
	if g.V2 {
		return write(g.Paths[""], "cgroup.freeze", "1")
	}
	if g.Paths["freezer"] == "" {
		return errNoFreezer
	}
	return write(g.Paths["freezer"], "freezer.state", "FROZEN")
}

// Thaw lets the members go on.
func (g *Group) Thaw() error {
	if g.V2 {
		return write(g.Paths[""], "cgroup.freeze", "0")
	}
	if g.Paths["freezer"] == "" {
		return errNoFreezer
	}
	return write(g.Paths["freezer"], "freezer.state", "THAWED")
}

// Frozen tells whether all members stand still because of Freeze.
func (g *Group) Frozen() (bool, error) {
	if g.V2 {
		b, err := os.ReadFile(filepath.Join(g.Paths[""], "cgroup.events"))
		return strings.Contains(string(b), "frozen 1"), err
	}
	if g.Paths["freezer"] == "" {
		return false, nil
	}
	b, err := os.ReadFile(filepath.Join(g.Paths["freezer"], "freezer.state"))
	return strings.TrimSpace(string(b)) == "FROZEN", err
}

// release lets killed members of a frozen v1 group meet their end; those of v2
// do not have to go on for that.
func (g *Group) release() {
	if !g.V2 {
		_ = g.Thaw() // there is no freezer, or no group any more
	}
}
