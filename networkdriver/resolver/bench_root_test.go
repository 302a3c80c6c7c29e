//go:build linux

package resolver

import (
	"net/netip"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/enginejobs/docker/pkg/netns"
	"github.com/enginejobs/docker/pkg/testutil"
)

// BenchmarkServe is what a start pays in a new namespace, and what its end pays:
// median-µs, as the machine may do other things.
func BenchmarkServe(b *testing.B) {
	testutil.RequiresRoot(b)
	for name, end := range map[string]func(*Server) error{"Abandon": (*Server).Abandon, "Close": (*Server).Close} {
		b.Run(name, func(b *testing.B) {
			var starts, ends []time.Duration
			for b.Loop() {
				ns, err := netns.New(loopbackUp)
				if err != nil {
					b.Fatal(err)
				}
				begin := time.Now()
				s, err := Serve(ns, Config{})
				if err != nil {
					b.Fatal(err)
				}
				starts, begin = append(starts, time.Since(begin)), time.Now()
				if err := end(s); err != nil {
					b.Fatal(err)
				}
				ends = append(ends, time.Since(begin))
				ns.Close()
			}
			b.ReportMetric(median(starts), "serve-median-µs")
			b.ReportMetric(median(ends), "end-median-µs")
		})
	}
}

func median(list []time.Duration) float64 {
	slices.Sort(list)
	return float64(list[len(list)/2].Microseconds())
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
	for i, s := range servers { // and what one that was asked keeps
		s.SetZones([]*Zone{twoTier()})
		if r, err := (&container{s, b, spaces[i]}).ask("udp", question("web.", dns.TypeA)); err != nil || len(r.Answer) != 1 {
			b.Fatal(r, err)
		}
		s.SetZones(nil)
	}
	asked := inUse()
	for b.Loop() {
	}
	b.ReportMetric(float64(after-before)/many, "bytes/server")
	b.ReportMetric(float64(asked-before)/many, "bytes/asked-server")
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
				if err := socket.SetDeadline(time.Now().Add(time.Minute)); err != nil {
					b.Error(err)
				}
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
		if _, r := v.handle(packet); pack(r, 512) == nil {
			b.Fatal("no answer")
		}
	}
}
