package wire_test

import (
	"context"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/engine/wire"
)

// sockets gives the two ends of a unix socket.
func sockets(t testing.TB) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("unix", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return a, b
}

// side is a served connection: jobs of near are carried out by far.
type side struct {
	near, far *engine.Engine
	conn      *wire.Conn
	leave     context.CancelFunc
	served    chan error // what Serve has returned
	raw       [2]net.Conn
}

func serve(t testing.TB, so wire.ServeOptions, co wire.ConnOptions, declare ...engine.Declaration) *side {
	t.Helper()
	s := &side{far: enginetest.New(t), near: enginetest.New(t), served: make(chan error, 1)}
	if err := s.far.Declare(declare...); err != nil {
		t.Fatal(err)
	}
	s.link(t, so, co)
	return s
}

// link connects near to far for the time of the test.
func (s *side) link(t testing.TB, so wire.ServeOptions, co wire.ConnOptions) {
	t.Helper()
	s.raw[0], s.raw[1] = sockets(t)
	ctx, leave := context.WithCancel(context.Background())
	s.leave = leave
	go func() { s.served <- wire.Serve(ctx, s.far, wire.NewStream(s.raw[1], wire.StreamOptions{}), so) }()
	var err error
	if s.conn, err = wire.NewConn(wire.NewStream(s.raw[0], wire.StreamOptions{}), co); err != nil {
		t.Fatal(err)
	}
	s.near.RegisterCatchall(s.conn.Handle)
	t.Cleanup(func() {
		_ = s.conn.Close()
		leave()
		<-s.served
		s.served <- nil
	})
}

// counting counts what is read. It is no descriptor, so a stream on it takes the
// way that TLS takes.
type counting struct {
	net.Conn
	read atomic.Int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read.Add(int64(n))
	return n, err
}
