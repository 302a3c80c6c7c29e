package networks

import (
	"context"
	"sync"

	"github.com/enginejobs/docker/networkdriver"
)

// lazy is a driver that comes with its first network: an engine without a default
// bridge may never need one, and then leaves the host alone.
type lazy struct {
	open func(ctx context.Context) (networkdriver.Driver, error)

	mu   sync.Mutex // one opens it, the others wait for that
	real networkdriver.Driver
}

func (l *lazy) driver(ctx context.Context) (networkdriver.Driver, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.real != nil {
		return l.real, nil
	}
	real, err := l.open(ctx)
	if err == nil {
		l.real = real
	}
	return real, err
}

// Settle and Open need the driver.
func (l *lazy) Settle(def *networkdriver.Definition) error {
	real, err := l.driver(context.Background())
	if err != nil {
		return err
	}
	return real.Settle(def)
}

// Open makes a network.
func (l *lazy) Open(ctx context.Context, spec networkdriver.Spec) (networkdriver.Network, error) {
	real, err := l.driver(ctx)
	if err != nil {
		return nil, err
	}
	return real.Open(ctx, spec)
}

// Close ends the driver, if there is one.
func (l *lazy) Close(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.real == nil {
		return nil
	}
	return l.real.Close(ctx)
}
