//go:build linux

package resolver

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/pkg/netns"
)

// TestCrowd: thousands of questions at a time are answered, each by its own.
func TestCrowd(t *testing.T) {
	const many = 5000
	z := NewZone("n")
	for i := range many {
		z.Set(fmt.Sprint(i), []string{fmt.Sprint("c", i)}, netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), netip.Addr{})
	}
	c := newContainer(t, Config{}, z)
	socket := c.socket("udp")
	for i := range many {
		q := question(fmt.Sprintf("c%d.", i), dns.TypeA)
		q.Id = uint16(i)
		packet, err := q.Pack()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := socket.Write(packet); err != nil {
			t.Fatal(err)
		}
	}
	seen, buf := map[uint16]bool{}, make([]byte, 512)
	for len(seen) < many {
		n, err := socket.Read(buf)
		if err != nil {
			t.Fatalf("%d of %d answers: %v", len(seen), many, err)
		}
		r := new(dns.Msg)
		if err := r.Unpack(buf[:n]); err != nil || len(r.Answer) != 1 || r.Question[0].Name != fmt.Sprintf("c%d.", r.Id) {
			t.Fatalf("%v\n%s", err, r)
		}
		if a, ok := r.Answer[0].(*dns.A); !ok || binary.BigEndian.Uint32(a.A.To4())&0xffff != uint32(r.Id) {
			t.Fatalf("%s", r)
		}
		seen[r.Id] = true
	}
}

// socket opens one from inside that waits five seconds at most.
func (c *container) socket(network string) net.Conn {
	c.t.Helper()
	var conn net.Conn
	err := netns.Do(c.ns, func() (err error) {
		conn, err = net.Dial(network, Address+":53")
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { conn.Close() })
	if u, ok := conn.(*net.UDPConn); ok {
		if raw, err := u.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) {
				_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer)
			})
		}
	}
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		c.t.Fatal(err)
	}
	return conn
}

// TestTooManyForwarded: what is more than can be with others is refused at once,
// the rest is answered, and so is the next.
func TestTooManyForwarded(t *testing.T) {
	silent := newSilent(t)
	c := newContainer(t, Config{Upstreams: []Upstream{{Addr: silent}}, Timeout: 2 * time.Second}, twoTier())
	socket := c.socket("udp")
	packet, err := question("example.com.", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	for range flying + 100 {
		if _, err := socket.Write(packet); err != nil {
			t.Fatal(err)
		}
	}
	codes, buf := map[int]int{}, make([]byte, 512)
	for range flying + 100 {
		if _, err := socket.Read(buf); err != nil {
			t.Fatal(codes, err)
		}
		codes[code(buf)]++
		if code(buf) == dns.RcodeRefused && codes[dns.RcodeRefused] == 1 {
			expect(t, "meanwhile", c.dig("web"), "172.20.0.2")
		}
	}
	if codes[dns.RcodeRefused] != 100 || codes[dns.RcodeServerFailure] != flying {
		t.Errorf("codes: %v", codes)
	}
}

// TestTooManyConnections: more are closed, those that are open go on, and when
// they end there is room again.
func TestTooManyConnections(t *testing.T) {
	c := newContainer(t, Config{}, twoTier())
	var open []net.Conn
	for range connections {
		conn := c.socket("tcp")
		open = append(open, conn)
		roundTrip(t, conn, "web.")
	}
	more := c.socket("tcp")
	if _, err := more.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("one more: %v", err)
	}
	roundTrip(t, open[0], "db1.")
	for _, conn := range open {
		conn.Close()
	}
	for tries := 0; ; tries++ {
		if r, err := c.ask("tcp", question("web.", dns.TypeA)); err == nil && len(r.Answer) == 1 {
			return
		} else if tries > 100 {
			t.Fatal(r, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func roundTrip(t *testing.T, conn net.Conn, name string) {
	t.Helper()
	packet, err := question(name, dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	if err := writeMessage(conn, packet); err != nil {
		t.Fatal(err)
	}
	answer, err := readMessage(conn)
	r := new(dns.Msg)
	if err != nil || r.Unpack(answer) != nil || len(r.Answer) != 1 {
		t.Fatalf("%v\n%s", err, r)
	}
}

// TestForwardMany: many that ask others at a time get each their own answer.
func TestForwardMany(t *testing.T) {
	far := newOther(t, nil, "127.0.0.1:0", nil)
	c := newContainer(t, Config{Upstreams: []Upstream{{Addr: far.Addr}, {Addr: far.Addr, Inside: true}}})
	var wg sync.WaitGroup
	var failures atomic.Int64
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for i := range 20 {
		wg.Go(func() {
			for n := 0; n < 20 && ctx.Err() == nil; n++ {
				name := fmt.Sprintf("n%d-%d.example.com.", i, n)
				r, err := c.ask([]string{"udp", "tcp"}[i%2], question(name, dns.TypeMX))
				if err != nil || len(r.Answer) != 1 || !strings.Contains(r.Answer[0].String(), "mail."+name) {
					failures.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if failures.Load() != 0 {
		t.Errorf("%d of 400 failed", failures.Load())
	}
}
