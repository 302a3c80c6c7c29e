//go:build linux

// Package resolver is the name server of containers on networks that users made:
// it answers at 127.0.0.11 in a container's network namespace for the names of
// others on its networks, and asks other name servers for all else.
//
// A Zone owns the names of one network; a Server owns its two sockets inside the
// namespace, two rules that lead port 53 to them (redirect.go), and the
// goroutines that serve them: two while nobody asks. There is no cache: the name
// servers that are asked have one.
//
// Start reading at Serve, then view.handle in query.go and Server.forward. The
// package knows nothing of containers or drivers and must not import them.
package resolver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// Address is where containers ask, on port 53 of UDP and TCP.
const Address = "127.0.0.11"

const (
	// flying bounds how many questions of one container are with other servers.
	// More than that are refused.
	flying = 1024
	// connections bounds the TCP connections of one container.
	connections = 64
	// patience is how long an answer of others is waited for, unless a Config
	// says otherwise: the resolvers of C libraries give up after five seconds.
	patience = 4 * time.Second
	// hurried is the least that a Config may say.
	hurried = 10 * time.Millisecond
)

// Upstream is a server that is asked for what no zone knows.
type Upstream struct {
	// Addr is where it listens; the scope of a link-local address is the name
	// or the number of an interface.
	Addr netip.AddrPort
	// Inside says that it is asked from the namespace of the container, because
	// its user named it, and not from that of the host.
	Inside bool
}

// Config says what a server does beside its zones. Search domains and options
// are not here: resolv.conf has them, and the resolver in the container obeys.
type Config struct {
	// Upstreams are asked in this order. Without any, what no zone knows fails.
	Upstreams []Upstream
	// Timeout is how long a question may stay with the upstreams; 0: four
	// seconds. After each quarter of it the next one is asked as well.
	Timeout time.Duration
	// Logf is told, at most every half minute, of an upstream that does not
	// answer. It may be nil.
	Logf func(format string, args ...any) `json:"-"`
}

// Server is the name server of one container. All methods may be called at the
// same time.
type Server struct {
	cfg  Config
	udp  *net.UDPConn
	tcp  *net.TCPListener
	ctx  context.Context // ends with Close
	stop context.CancelFunc
	wg   sync.WaitGroup
	busy chan struct{} // one for each question that is with another server
	view atomic.Pointer[view]

	mu     sync.Mutex // guards what follows, and changes of view
	conns  map[net.Conn]struct{}
	closed bool
}

// view is what the server looks at for one question. It never changes.
type view struct {
	zones     []*Zone
	aliases   map[*Zone]map[string]string
	upstreams []*upstream
	internal  bool
}

// Serve answers in a network namespace until Close. Its loopback interface must
// be up. What a Server that was killed left there is replaced. The file may be
// closed afterwards.
func Serve(ns *os.File, cfg Config) (*Server, error) { return serve(ns, cfg, redirect) }

// serve is Serve with how port 53 is led to another port.
func serve(ns *os.File, cfg Config, redirect func(uint16) error) (*Server, error) {
	if cfg.Timeout <= 0 {
		cfg.Timeout = patience
	}
	cfg.Timeout = max(cfg.Timeout, hurried)
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{cfg: cfg, ctx: ctx, stop: stop, busy: make(chan struct{}, flying)}
	s.view.Store(new(view))
	err := s.SetUpstreams(cfg.Upstreams)
	if err == nil {
		err = s.listen(ns, redirect)
	}
	if err != nil {
		stop()
		return nil, fmt.Errorf("starting the name server of a container: %w", err)
	}
	s.wg.Go(s.serveUDP)
	s.wg.Go(s.serveTCP)
	return s, nil
}

// SetZones gives the networks that the container is on, in order of preference:
// the first that knows a name answers.
func (s *Server) SetZones(zones []*Zone) {
	s.change(func(v *view) { v.zones = slices.Clone(zones) })
}

// SetAliases gives names that only this container has for others on a network:
// from alias to one of the other's own names. They replace those given before.
func (s *Server) SetAliases(zone *Zone, own map[string]string) {
	s.change(func(v *view) {
		v.aliases = maps.Clone(v.aliases)
		if v.aliases == nil {
			v.aliases = make(map[*Zone]map[string]string)
		}
		delete(v.aliases, zone)
		if len(own) == 0 {
			return
		}
		folded := make(map[string]string, len(own))
		for alias, name := range own {
			folded[fold(alias)] = fold(name)
		}
		v.aliases[zone] = folded
	})
}

// SetInternal says that the container is on internal networks only: nobody else
// is asked, and what no zone knows fails.
func (s *Server) SetInternal(internal bool) {
	s.change(func(v *view) { v.internal = internal })
}

// SetUpstreams replaces those of the Config.
func (s *Server) SetUpstreams(list []Upstream) error {
	var some []*upstream
	for _, u := range list {
		if !u.Addr.IsValid() || u.Addr.Port() == 0 {
			return errdefs.InvalidArgument("%s is no address and port of a name server", u.Addr)
		}
		if u.Inside && u.Addr == netip.AddrPortFrom(netip.MustParseAddr(Address), namePort) {
			continue // that is the server itself
		}
		some = append(some, &upstream{Upstream: u})
	}
	s.change(func(v *view) { v.upstreams = some })
	return nil
}

// change replaces the view.
func (s *Server) change(f func(*view)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := *s.view.Load()
	f(&v)
	s.view.Store(&v)
}

// Close ends the server and takes its rules out of the namespace, for which the
// kernel takes some milliseconds. What is still being answered is cut off. A
// second Close does nothing.
func (s *Server) Close() error { return s.end(s.unredirect) }

// Abandon is Close for a namespace that ends, too: the rules are left to go with
// it, and nothing is waited for. A Server that follows in the same namespace
// replaces them.
func (s *Server) Abandon() error { return s.end(func() error { return nil }) }

// end does first, and then the rest of Close.
func (s *Server) end(first func() error) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.stop()
	err := errors.Join(first(), s.udp.Close(), s.tcp.Close())
	s.mu.Lock()
	open := slices.Collect(maps.Keys(s.conns)) // none is added any more
	s.mu.Unlock()
	for _, c := range open {
		c.Close()
	}
	s.wg.Wait()
	return err
}
