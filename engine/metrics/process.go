package metrics

import (
	"runtime"
)

// Process collects what this process takes of the machine, under the names that
// every client library of Prometheus uses for it.
func Process() Collector { return &process{} }

// Build collects one constant: which program this is, told by labels (names and
// values in turn), as "version", "1.2".
func Build(labels ...string) Collector {
	return CollectorFunc(func(page *Page) {
		page.Gauge("engine_build_info", "Which program this is; the number is always 1.").Add(1, labels...)
	})
}

// Collect implements Collector.
func (p *process) Collect(page *Page) {
	page.Gauge("go_goroutines", "Goroutines that exist.").Add(float64(runtime.NumGoroutine()))
	page.Gauge("go_info", "The Go version; the number is always 1.").Add(1, "version", runtime.Version())
	p.collect(page)
}
