package main

import (
	"context"
	"net"
	"net/rpc"
)

// Message is what goes over net/rpc and over HTTP in both directions.
type Message struct {
	Payload string `json:"payload"`
}

// Echo is the service of net/rpc.
type Echo struct{}

// Call answers with what it got.
func (Echo) Call(in *Message, out *Message) error {
	out.Payload = in.Payload
	return nil
}

func serveNetRPC(ctx context.Context, l net.Listener) error {
	srv := rpc.NewServer()
	if err := srv.Register(Echo{}); err != nil {
		return err
	}
	return accept(ctx, l, func(c net.Conn) { srv.ServeConn(c) })
}

type netRPCClient struct{ c *rpc.Client }

func dialNetRPC(ctx context.Context, socket string) (client, error) {
	conn, err := dialUnix(ctx, socket)
	if err != nil {
		return nil, err
	}
	return netRPCClient{rpc.NewClient(conn)}, nil
}

func (c netRPCClient) echo(_ context.Context, payload string) (string, error) {
	var out Message
	err := c.c.Call("Echo.Call", &Message{payload}, &out)
	return out.Payload, err
}

func (c netRPCClient) close() error { return c.c.Close() }
