//go:build linux

package firewalltest

import (
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/enginejobs/docker/networkdriver/firewall"
	"github.com/enginejobs/docker/pkg/netns"
	"github.com/enginejobs/docker/pkg/testutil"
)

// BenchmarkTraffic measures what a packet costs that crosses the rules: there
// and back between another host and a container, and by the loopback address
// of the host. With backend "none" packets are routed without any rule.
func BenchmarkTraffic(b *testing.B, backend string) {
	testutil.RequiresRoot(b)
	for _, n := range []int{1, 1000} {
		w := newWorld(b, backend)
		known := Networks(n)
		last := known[n-1]
		w.bridge(last)
		f := w.open(known...)
		web := w.container(last)
		w.must(f.AddPorts(publish(web, last.Bridge, "", 8080, 7)))
		w.must(netns.Do(web.ns, func() error { return w.echo(net.JoinHostPort(web.ip4.String(), "7")) }))
		for _, way := range []struct {
			name string
			from *node
			to   string
		}{
			{"Published", w.far, w.self.ip4.String() + ":8080"},
			{"Loopback", w.self, "127.0.0.1:8080"},
			{"Direct", w.self, net.JoinHostPort(web.ip4.String(), "7")},
			{"Routed", w.far, net.JoinHostPort(web.ip4.String(), "7")},
		} {
			if (backend == firewall.None) == (way.name == "Published" || way.name == "Loopback") && way.name != "Direct" {
				continue // nobody serves it
			}
			b.Run(fmt.Sprintf("%s-%d", way.name, n), func(b *testing.B) {
				var c net.Conn
				w.must(netns.Do(way.from.ns, func() (err error) { c, err = net.Dial("tcp", way.to); return err }))
				defer c.Close()
				word := make([]byte, 1)
				for b.Loop() {
					if _, err := c.Write(word); err != nil {
						b.Fatal(err)
					}
					if _, err := io.ReadFull(c, word); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// echo sends back what comes.
func (w *world) echo(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	w.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return nil
}
