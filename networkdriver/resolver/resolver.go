//go:build linux

// Package resolver is the name server of containers on networks that users made:
// it answers at 127.0.0.11 in a container's network namespace for the names of
// others on its networks, and asks the host's name servers for all else.
//
// A Zone owns the names of one network, a Server its two sockets inside the
// namespace and the goroutines that serve them. The container may itself listen
// on port 53 of all addresses, so the sockets have other ports, and two rules
// without connection tracking lead there (redirect.go); they stay in the
// namespace until it goes.
//
// Start reading at Serve, then answer in query.go. It knows nothing of
// containers or drivers and must not import them.
package resolver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/enginejobs/docker/pkg/netns"
)

// Address is where containers ask, on port 53.
const Address = "127.0.0.11"

const (
	// flying bounds how many questions of one container are with other servers.
	flying = 1024
	// connections bounds the TCP connections of one container.
	connections = 64
	// patience is how long one server is waited for, unless a Config says
	// otherwise: resolvers of containers try again after 5 seconds.
	patience = 2 * time.Second
)

// Upstream is a server that is asked for what no zone knows.
type Upstream struct {
	Addr netip.AddrPort
	// Inside says that it is asked from the namespace of the container, because
	// its user named it, not from that of the host.
	Inside bool
}

// Config says what a server does beside its zones.
type Config struct {
	Upstreams []Upstream
	Timeout   time.Duration // for each upstream; 0: two seconds
}

// Server is the name server of one container.
type Server struct {
	cfg  Config
	ns   *os.File // a duplicate, for asking from inside; nil: nobody is
	udp  *net.UDPConn
	tcp  *net.TCPListener
	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup
	busy chan struct{} // one for each question that is with another server
	view atomic.Pointer[view]
	sick []atomic.Int64 // until when (Unix ms) an upstream is asked last

	mu    sync.Mutex // guards what follows
	conns map[net.Conn]struct{}
}

// view is what the server looks at for one question.
type view struct {
	zones    []*Zone
	aliases  map[*Zone]map[string]string
	internal bool
}

// Serve answers in a namespace until Close.
func Serve(ns *os.File, cfg Config) (*Server, error) {
	if cfg.Timeout <= 0 {
		cfg.Timeout = patience
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{
		cfg: cfg, ctx: ctx, stop: stop, busy: make(chan struct{}, flying), conns: make(map[net.Conn]struct{}),
		sick: make([]atomic.Int64, len(cfg.Upstreams)),
	}
	s.view.Store(&view{})
	if err := s.listen(ns); err != nil {
		stop()
		return nil, errors.Join(fmt.Errorf("starting the name server of a container: %w", err), s.closeSockets())
	}
	s.wg.Go(s.serveUDP)
	s.wg.Go(s.serveTCP)
	return s, nil
}

// listen opens the sockets and leads port 53 to them. Where rules cannot be
// written, port 53 itself has to be free.
func (s *Server) listen(ns *os.File) error {
	for _, u := range s.cfg.Upstreams {
		if u.Inside && s.ns == nil {
			dup, err := netns.Open(fmt.Sprintf("/proc/self/fd/%d", ns.Fd()))
			if err != nil {
				return err
			}
			s.ns = dup
		}
	}
	if err := s.bind(ns, 0); err != nil {
		return err
	}
	if err := redirect(ns, port(s.udp.LocalAddr()), port(s.tcp.Addr())); err == nil {
		return nil
	} else if berr := errors.Join(s.udp.Close(), s.tcp.Close(), s.bind(ns, 53)); berr != nil {
		return errors.Join(err, berr)
	}
	return nil
}

func (s *Server) bind(ns *os.File, port int) error {
	ip := net.ParseIP(Address)
	return netns.Do(ns, func() (err error) {
		if s.udp, err = net.ListenUDP("udp4", &net.UDPAddr{IP: ip, Port: port}); err != nil {
			return err
		}
		s.tcp, err = net.ListenTCP("tcp4", &net.TCPAddr{IP: ip, Port: port})
		return err
	})
}

func port(a net.Addr) uint16 {
	ap, _ := netip.ParseAddrPort(a.String())
	return ap.Port()
}

// SetZones gives the networks that the container is on, in order of preference.
func (s *Server) SetZones(zones []*Zone) {
	s.change(func(v *view) { v.zones = zones })
}

// SetAliases gives names that only this container has for others on a network.
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
		lower := make(map[string]string, len(own))
		for alias, name := range own {
			lower[fold(alias)] = name
		}
		v.aliases[zone] = lower
	})
}

// SetInternal says that the container is on internal networks only: nobody else
// is asked.
func (s *Server) SetInternal(internal bool) {
	s.change(func(v *view) { v.internal = internal })
}

// change replaces the view. Changes of one container come one after another.
func (s *Server) change(f func(*view)) {
	v := *s.view.Load()
	f(&v)
	s.view.Store(&v)
}

// Close ends the server; what it still answers is cut off.
func (s *Server) Close() error {
	s.stop()
	err := s.closeSockets()
	s.mu.Lock()
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
	return err
}

func (s *Server) closeSockets() error {
	var errs []error
	if s.udp != nil {
		errs = append(errs, s.udp.Close())
	}
	if s.tcp != nil {
		errs = append(errs, s.tcp.Close())
	}
	if s.ns != nil {
		errs = append(errs, s.ns.Close())
	}
	return errors.Join(errs...)
}
