package wire_test

import (
	"context"
	"net"
	"path/filepath"
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
	return s
}
