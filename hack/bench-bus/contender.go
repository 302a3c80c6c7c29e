package main

import (
	"context"
	"io"
	"net"
)

// blockSize is the piece in which streams are made, copied and read.
const blockSize = 256 << 10

// client is the caller's side of a contender. Its methods are safe for
// concurrent use.
type client interface {
	// echo sends payload and returns what came back.
	echo(ctx context.Context, payload string) (string, error)
	close() error
}

// streamer is a client that can stream, too: what src gives is sent, and what
// comes back is written to dst, at the same time.
type streamer interface {
	stream(ctx context.Context, src io.Reader, dst io.Writer) error
}

// contender is one way to get an echo.
type contender struct {
	name   string
	about  string                                          // one line for the report
	serve  func(ctx context.Context, l net.Listener) error // in a process of its own; nil: in the caller's
	dial   func(ctx context.Context, socket string) (client, error)
	copies bool // it streams only: no calls
}

// Names that the targets speak of.
const (
	nameDispatch = "local dispatch"
	nameLocal    = "local echo"
	nameSession  = "remote session"
	nameNetRPC   = "net/rpc"
	nameGRPC     = "gRPC"
	nameJSON     = "net/http JSON"
	namePlain    = "plain copy"
)

// contenders in the order of the report.
func contenders() []contender {
	all := append([]contender{}, localContenders()...)
	all = append(all, remoteContenders()...)
	return append(all,
		contender{name: nameNetRPC, about: "gob, one client", serve: serveNetRPC, dial: dialNetRPC},
		contender{name: nameGRPC, about: "one ClientConn, default settings, wrapperspb.BytesValue; streams are one bidirectional call, 64 KiB a message", serve: serveGRPC, dial: dialGRPC},
		contender{name: nameJSON, about: "HTTP/1.1, keep-alive, a connection for each caller; streams are one chunked request and answer", serve: serveJSON, dial: dialJSON},
		contender{name: namePlain, about: "io.CopyBuffer with 256 KiB from the socket to itself", serve: servePlain, dial: dialPlain, copies: true},
		contender{name: "plain io.Copy", about: "the same with io.Copy: between unix sockets it is 32 KiB of read and write, Go does not splice there", serve: serveCopy, dial: dialPlain, copies: true},
		contender{name: "plain splice", about: "splice(2) through a pipe, by hand: the bytes never enter the server", serve: serveSplice, dial: dialPlain, copies: true},
	)
}

// accept runs f for each connection until the listener ends.
func accept(ctx context.Context, l net.Listener, f func(net.Conn)) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		go func() {
			defer conn.Close()
			f(conn)
		}()
	}
}

// dialUnix connects to the one socket that all of a contender's connections go to.
func dialUnix(ctx context.Context, socket string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", socket)
}
