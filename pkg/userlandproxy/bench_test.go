//go:build linux

package userlandproxy

import (
	"io"
	"net"
	"testing"
)

// BenchmarkThroughput sends through a proxy in blocks of 128 KiB.
func BenchmarkThroughput(b *testing.B) {
	block := make([]byte, 128<<10)
	p := proxyTCP(b, backendTCP(b, func(c *net.TCPConn) { _, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, c, make([]byte, 128<<10)) }))
	c, err := net.Dial("tcp4", p.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	b.SetBytes(int64(len(block)))
	for b.Loop() {
		if _, err := c.Write(block); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRoundTrip is one byte there and back.
func BenchmarkRoundTrip(b *testing.B) {
	p := proxyTCP(b, backendTCP(b, func(c *net.TCPConn) { _, _ = io.Copy(c, c) }))
	c, err := net.Dial("tcp4", p.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	buf := make([]byte, 1)
	for b.Loop() {
		if _, err := c.Write(buf); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(c, buf); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkConnections is one new connection with one byte there and back.
func BenchmarkConnections(b *testing.B) {
	p := proxyTCP(b, backendTCP(b, func(c *net.TCPConn) { _, _ = io.Copy(c, c) }))
	buf := make([]byte, 1)
	for b.Loop() {
		c, err := net.Dial("tcp4", p.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		if err := c.(*net.TCPConn).SetLinger(0); err != nil { // no port is left in TIME-WAIT
			b.Fatal(err)
		}
		if _, err := c.Write(buf); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(c, buf); err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}

// BenchmarkDatagrams is one datagram there and back.
func BenchmarkDatagrams(b *testing.B) {
	p, err := ListenUDP(anyPort, backendUDP(b))
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	c, err := net.Dial("udp4", p.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	buf := make([]byte, 1000)
	for b.Loop() {
		if _, err := c.Write(buf); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Read(buf); err != nil {
			b.Fatal(err)
		}
	}
}
