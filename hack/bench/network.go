package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/pkg/netns"
)

const (
	servePort = "9000"                 // in the container
	sending   = 700 * time.Millisecond // of one sample of throughput
	pings     = 500                    // of one sample of round trips
	dials     = 300 * time.Millisecond // of one sample of connections
)

// way is how a container is reached, or reaches.
type way struct {
	name string
	from func(s *served) *os.File // the network that it begins in
	to   func(s *served) string   // the address that is dialled there
}

// dial connects.
func (w way) dial(s *served) (c net.Conn, err error) {
	err = netns.Do(w.from(s), func() error { c, err = net.Dial("tcp4", w.to(s)); return err })
	return c, err
}

// served is a container with a server in its network.
type served struct {
	listener net.Listener // in its network
	ns       *os.File
	home     *os.File     // the network of the engine's host
	host     net.Listener // at the bridge's address
	port     string       // published at 127.0.0.1
	stop     func() error
}

// bareLoopback is the floor: the same without any engine.
const bareLoopback = "loopback alone"

// onLoopback is a server that no container is around.
func onLoopback() (*served, error) {
	home, err := netns.Current()
	if err != nil {
		return nil, err
	}
	s := &served{home: home, stop: func() error { return nil }}
	if s.host, err = net.Listen("tcp4", "127.0.0.1:0"); err != nil {
		return nil, errors.Join(err, home.Close())
	}
	go answer(s.host)
	return s, nil
}

// benchNetwork moves bytes through published ports and out of containers.
func benchNetwork(ctx context.Context, b *board) error {
	clients := b.clients()
	running := map[string]*served{}
	defer func() {
		for _, s := range running {
			_ = s.close()
		}
	}()
	for i, e := range b.engines {
		a, ok := clients[e.name()]
		if !ok {
			continue
		}
		s, err := serveIn(ctx, a, e.pids(), fmt.Sprint(28_700+i))
		if err != nil {
			return fmt.Errorf("%s: %w", e.name(), err)
		}
		running[e.name()] = s
	}
	bare, err := onLoopback()
	if err != nil {
		return err
	}
	defer func() { _ = bare.close() }()
	published := way{
		"published at 127.0.0.1", func(s *served) *os.File { return s.home },
		func(s *served) string { return "127.0.0.1:" + s.port },
	}
	outward := way{
		"container to host", func(s *served) *os.File { return s.ns },
		func(s *served) string { return s.host.Addr().String() },
	}
	for _, m := range []struct {
		way     way
		what    string
		unit    string
		goal    target
		measure func(s *served, w way) (float64, error)
	}{
		{published, "throughput", "Gbit/s", target{times: 1.8, rate: true}, (*served).throughput},
		{outward, "throughput", "Gbit/s", target{times: 1, rate: true}, (*served).throughput},
		{published, "round trip", "µs", target{times: 3}, (*served).roundTrip},
		{published, "new connections", "/s", target{times: 2.5, rate: true}, (*served).connections},
	} {
		err := b.beside(ctx, m.what+", "+m.way.name, m.unit, b.cfg.rounds, m.goal, func(e engine) (float64, error) {
			if s := running[e.name()]; s != nil {
				return m.measure(s, m.way)
			}
			return -1, nil
		}, bareLoopback, func() (float64, error) {
			return m.measure(bare, way{bareLoopback, func(s *served) *os.File { return s.home }, func(s *served) string { return s.host.Addr().String() }})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// serveIn starts a container and, in its network, a server of this process.
func serveIn(ctx context.Context, a api, engine []int, port string) (*served, error) {
	body := map[string]any{
		"Image": "busybox", "Cmd": []string{"sleep", "1000"}, "ExposedPorts": map[string]any{servePort + "/tcp": struct{}{}},
		"HostConfig": map[string]any{"PortBindings": map[string]any{
			servePort + "/tcp": []map[string]string{{"HostIp": "127.0.0.1", "HostPort": port}},
		}},
	}
	var made struct{ ID string }
	if err := a.do(ctx, "POST", "/containers/create", body, &made); err != nil {
		return nil, err
	}
	home, err := netns.Open(fmt.Sprintf("/proc/%d/ns/net", engine[0]))
	if err != nil {
		return nil, err
	}
	s := &served{home: home, port: port, stop: func() error { return a.remove(context.Background(), made.ID) }}
	if err := s.open(ctx, a, made.ID); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *served) open(ctx context.Context, a api, id string) error {
	if err := a.start(ctx, id); err != nil {
		return err
	}
	var seen struct {
		State           struct{ Pid int }
		NetworkSettings struct{ Gateway string }
	}
	if err := a.do(ctx, "GET", "/containers/"+id+"/json", nil, &seen); err != nil {
		return err
	}
	var err error
	if s.ns, err = netns.Open(fmt.Sprintf("/proc/%d/ns/net", seen.State.Pid)); err != nil {
		return err
	}
	if err := netns.Do(s.ns, func() error { s.listener, err = net.Listen("tcp4", ":"+servePort); return err }); err != nil {
		return err
	}
	err = netns.Do(s.home, func() error { s.host, err = net.Listen("tcp4", seen.NetworkSettings.Gateway+":0"); return err })
	if err != nil {
		return err
	}
	go answer(s.listener)
	go answer(s.host)
	return nil
}

func (s *served) close() error {
	var errs []error
	for _, c := range []io.Closer{s.listener, s.host} {
		if l, ok := c.(net.Listener); ok && l != nil {
			errs = append(errs, l.Close())
		}
	}
	for _, ns := range []*os.File{s.ns, s.home} {
		if ns != nil {
			errs = append(errs, ns.Close())
		}
	}
	return errors.Join(append(errs, s.stop())...)
}

// answer serves until the listener is closed: a first byte of 'p' is sent back,
// and so are all after it, one by one; anything else is only read.
func answer(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			small := make([]byte, 1)
			if _, err := c.Read(small); err != nil {
				return
			}
			if small[0] != 'p' {
				buf := make([]byte, 128<<10)
				for err := error(nil); err == nil; {
					_, err = c.Read(buf)
				}
				return
			}
			for err := error(nil); err == nil; {
				if _, err = c.Write(small); err == nil {
					_, err = c.Read(small)
				}
			}
		}()
	}
}

// throughput sends for a while: gigabits in a second.
func (s *served) throughput(w way) (float64, error) {
	c, err := w.dial(s)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	buf := make([]byte, 128<<10)
	sent, begin := 0, time.Now()
	for time.Since(begin) < sending {
		n, err := c.Write(buf)
		if err != nil {
			return 0, err
		}
		sent += n
	}
	return float64(sent) * 8 / 1e9 / time.Since(begin).Seconds(), nil
}

// roundTrip is how long one byte takes there and back, in microseconds.
func (s *served) roundTrip(w way) (float64, error) {
	c, err := w.dial(s)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	b := []byte{'p'}
	begin := time.Now()
	for range pings {
		if _, err := c.Write(b); err != nil {
			return 0, err
		}
		if _, err := io.ReadFull(c, b); err != nil {
			return 0, err
		}
	}
	return float64(time.Since(begin).Microseconds()) / pings, nil
}

// connections is how many are made, used once and closed in a second. The
// network is entered once, for that costs as much as a connection, and the calls
// block: a goroutine that is bound to a thread is woken up through another one, which
// would take longer than what is measured.
func (s *served) connections(w way) (rate float64, err error) {
	to, err := netip.ParseAddrPort(w.to(s))
	if err != nil {
		return 0, err
	}
	address := &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}
	err = netns.Do(w.from(s), func() error {
		n, begin := 0, time.Now()
		for time.Since(begin) < dials {
			if err := exchange(address); err != nil {
				return err
			}
			n++
		}
		rate = float64(n) / time.Since(begin).Seconds()
		return nil
	})
	return rate, err
}

// exchange sends a byte there and back over a connection of its own.
func exchange(address unix.Sockaddr) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Connect(fd, address); err != nil {
		return err
	}
	b := []byte{'p'}
	if _, err := unix.Write(fd, b); err != nil {
		return err
	}
	if n, err := unix.Read(fd, b); err != nil || n != 1 {
		return fmt.Errorf("an answer of %d bytes: %w", n, cmp.Or(err, io.ErrUnexpectedEOF))
	}
	return nil
}
