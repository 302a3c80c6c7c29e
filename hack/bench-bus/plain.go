package main

import (
	"context"
	"errors"
	"io"
	"net"

	"golang.org/x/sys/unix"
)

// errNoCalls: a plain socket has streams only.
var errNoCalls = errors.New("a plain socket carries no calls")

func servePlain(ctx context.Context, l net.Listener) error {
	return accept(ctx, l, func(c net.Conn) {
		_, _ = io.CopyBuffer(writerOnly{c}, readerOnly{c}, make([]byte, blockSize)) // the client sees that bytes are missing
	})
}

func serveCopy(ctx context.Context, l net.Listener) error {
	return accept(ctx, l, func(c net.Conn) { _, _ = io.Copy(c, c) })
}

func serveSplice(ctx context.Context, l net.Listener) error {
	return accept(ctx, l, func(c net.Conn) { _ = spliceBack(c.(*net.UnixConn)) })
}

// spliceBack sends what comes from c back to c, through a pipe.
func spliceBack(c *net.UnixConn) error {
	f, err := c.File() // blocking, and so are the splices
	if err != nil {
		return err
	}
	defer f.Close()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	defer unix.Close(p[0])
	defer unix.Close(p[1])
	fd := int(f.Fd())
	if err := unix.SetNonblock(fd, false); err != nil {
		return err
	}
	for {
		n, err := unix.Splice(fd, nil, p[1], nil, blockSize, unix.SPLICE_F_MOVE)
		if err != nil || n == 0 {
			return err
		}
		for n > 0 {
			m, err := unix.Splice(p[0], nil, fd, nil, int(n), unix.SPLICE_F_MOVE)
			if err != nil {
				return err
			}
			n -= m
		}
	}
}

// plainClient makes a connection for each stream.
type plainClient struct{ socket string }

func dialPlain(_ context.Context, socket string) (client, error) { return plainClient{socket}, nil }

func (plainClient) echo(context.Context, string) (string, error) { return "", errNoCalls }

func (c plainClient) stream(ctx context.Context, src io.Reader, dst io.Writer) error {
	conn, err := dialUnix(ctx, c.socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	sent := make(chan error, 1)
	go func() {
		_, err := io.CopyBuffer(writerOnly{conn}, readerOnly{src}, make([]byte, blockSize))
		sent <- errors.Join(err, conn.(*net.UnixConn).CloseWrite())
	}()
	_, err = io.CopyBuffer(writerOnly{dst}, readerOnly{conn}, make([]byte, blockSize))
	return errors.Join(err, <-sent)
}

func (plainClient) close() error { return nil }
