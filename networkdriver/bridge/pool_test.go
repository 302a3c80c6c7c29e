//go:build linux

package bridge

import (
	"context"
	"errors"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/enginejobs/docker/pkg/testutil"
)

// counter builds ends without namespaces.
func counter(fail *atomic.Bool) (func() (*end, error), *atomic.Int32) {
	var built atomic.Int32
	return func() (*end, error) {
		if fail != nil && fail.Load() {
			return nil, errors.New("no luck")
		}
		n := built.Add(1)
		return &end{v4: netip.AddrFrom4([4]byte{10, 0, 0, byte(n)})}, nil
	}, &built
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain for ", what)
		}
	}
}

func (p *pool) len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.ready)
}

func TestPoolFillsAndRefills(t *testing.T) {
	testutil.NoGoroutineLeaks(t)
	build, built := counter(nil)
	p := newPool(3, build)
	if s := p.take(); s != nil {
		t.Errorf("a fresh pool had %v", s.v4)
	}
	waitFor(t, "three", func() bool { return p.len() == 3 })
	if s := p.take(); s == nil || s.v4.String() != "10.0.0.1" {
		t.Errorf("took %v", s)
	}
	if s := p.takeIP(netip.MustParseAddr("10.0.0.3")); s == nil {
		t.Error("10.0.0.3 is not there")
	}
	if s := p.takeIP(netip.MustParseAddr("10.0.0.3")); s != nil {
		t.Error("10.0.0.3 was given away twice")
	}
	waitFor(t, "three again", func() bool { return p.len() == 3 })
	if left := p.close(); len(left) != 3 || built.Load() != 5 {
		t.Errorf("%d left of %d", len(left), built.Load())
	}
	p.refill()
	if s := p.take(); s != nil {
		t.Error("a closed pool gave an end")
	}
}

func TestPoolOff(t *testing.T) {
	testutil.NoGoroutineLeaks(t)
	build, built := counter(nil)
	p := newPool(0, build)
	p.refill()
	if s := p.take(); s != nil || built.Load() != 0 {
		t.Errorf("took %v, built %d", s, built.Load())
	}
	p.close()
}

func TestPoolGivesUpUntilAskedAgain(t *testing.T) {
	testutil.NoGoroutineLeaks(t)
	var fail atomic.Bool
	fail.Store(true)
	build, built := counter(&fail)
	p := newPool(2, build)
	defer p.close()
	p.refill()
	time.Sleep(3 * pause)
	fail.Store(false)
	if built.Load() != 0 {
		t.Error("built while failing")
	}
	p.take()
	waitFor(t, "two", func() bool { return p.len() == 2 })
}

func TestPoolSettleWaitsForTheOneInTheMaking(t *testing.T) {
	testutil.NoGoroutineLeaks(t)
	begun, finish := make(chan struct{}), make(chan struct{})
	p := newPool(1, func() (*end, error) {
		close(begun)
		<-finish
		return &end{}, nil
	})
	p.refill()
	<-begun
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	p.settle(ctx) // does not wait for ever
	time.AfterFunc(10*time.Millisecond, func() { close(finish) })
	p.settle(context.Background())
	if p.len() != 1 {
		t.Error("settle came back before the end was ready")
	}
	p.close()
	p.settle(context.Background())
}
