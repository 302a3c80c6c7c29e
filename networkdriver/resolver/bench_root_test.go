//go:build linux

package resolver

import (
	"net/netip"
	"os"
	"runtime"
	"testing"

	"github.com/miekg/dns"

	"github.com/enginejobs/docker/pkg/netns"
	"github.com/enginejobs/docker/pkg/testutil"
)

// BenchmarkServe is what a start pays, in a new namespace each time.
func BenchmarkServe(b *testing.B) {
	testutil.RequiresRoot(b)
	for b.Loop() {
		b.StopTimer()
		ns, err := netns.New(loopbackUp)
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		s, err := Serve(ns, Config{})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := s.Abandon(); err != nil {
			b.Fatal(err)
		}
		ns.Close()
		b.StartTimer()
	}
}

// BenchmarkEnd is what the end of a container pays, and one that runs on.
func BenchmarkEnd(b *testing.B) {
	testutil.RequiresRoot(b)
	for name, end := range map[string]func(*Server) error{"Abandon": (*Server).Abandon, "Close": (*Server).Close} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				ns, err := netns.New(loopbackUp)
				if err != nil {
					b.Fatal(err)
				}
				s, err := Serve(ns, Config{})
				if err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				if err := end(s); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				ns.Close()
				b.StartTimer()
			}
		})
	}
}

// BenchmarkIdle is the memory of the process that one server takes, by name
// bytes/server.
func BenchmarkIdle(b *testing.B) {
	testutil.RequiresRoot(b)
	const many = 200
	var spaces []*os.File
	for range many {
		ns, err := netns.New(loopbackUp)
		if err != nil {
			b.Fatal(err)
		}
		defer ns.Close()
		spaces = append(spaces, ns)
	}
	before := inUse()
	var servers []*Server
	for _, ns := range spaces {
		s, err := Serve(ns, Config{Upstreams: []Upstream{{Addr: netip.MustParseAddrPort("127.0.0.53:53")}}})
		if err != nil {
			b.Fatal(err)
		}
		servers = append(servers, s)
	}
	after := inUse()
	for b.Loop() {
	}
	b.ReportMetric(float64(after-before)/many, "bytes/server")
	for _, s := range servers {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	}
}

func inUse() uint64 {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// BenchmarkQuestions is answers per second, 64 clients of one container at a time.
func BenchmarkQuestions(b *testing.B) {
	z := twoTier()
	far := newOther(b, nil, "127.0.0.1:0", nil)
	c := newContainer(b, Config{Upstreams: []Upstream{{Addr: far.Addr}}}, z)
	for name, ask := range map[string]string{"zone": "web.", "forwarded": "example.com."} {
		packet, err := question(ask, dns.TypeA).Pack()
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				socket, buf := c.socket("udp"), make([]byte, 512)
				for pb.Next() {
					if _, err := socket.Write(packet); err != nil {
						b.Error(err)
						return
					}
					if _, err := socket.Read(buf); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "answers/s")
		})
	}
}

// BenchmarkAnswer is the work for one question without the kernel's.
func BenchmarkAnswer(b *testing.B) {
	v := &view{zones: []*Zone{NewZone("other"), twoTier()}}
	packet, err := question("web.app_net.", dns.TypeA).Pack()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, r := v.handle(packet, true); pack(r, 512) == nil {
			b.Fatal("no answer")
		}
	}
}
