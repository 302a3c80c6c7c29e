// Package metrics is the job metrics: what an engine counts, and what the parts
// on it count, in the text format of Prometheus (exposition format 0.0.4).
//
//	reg := metrics.New(metrics.Process(), part)
//	err := reg.Install(eng)
//	text, err := eng.Job("metrics").Output()
//
// A Registry owns a list of collectors and nothing else: numbers stay with those
// who count them. A part that has some implements Collector and is given to the
// registry of its engine by whoever puts the parts together; there is no list
// that a package could enter by being imported.
//
// Every scrape asks the collectors anew. They read counters and snapshots, and
// must not wait: no lock that is held across I/O, no job, no driver.
//
// Start reading at Registry, then Page, which knows the format. The package
// links no net/http; who wants an HTTP route answers it with the job. Only the
// standard library is used because every command of a program pays for what the
// program links; docs/decisions/0011 has the numbers.
package metrics

import (
	"sync"

	"github.com/enginejobs/docker/engine"
)

// Collector adds what it counts to a page. Several scrapes may ask it at once.
type Collector interface {
	Collect(page *Page)
}

// CollectorFunc makes a Collector of a function.
type CollectorFunc func(page *Page)

// Collect calls f.
func (f CollectorFunc) Collect(page *Page) { f(page) }

// ContentType is what an HTTP answer with a page says of itself.
const ContentType = "text/plain; version=0.0.4; charset=utf-8"

// Registry knows who has numbers to show. Make one with New.
type Registry struct {
	mu         sync.Mutex // guards collectors
	collectors []Collector
}

// New makes a registry of these collectors.
func New(collectors ...Collector) *Registry { return &Registry{collectors: collectors} }

// Add registers one more collector, also while pages are made.
func (r *Registry) Add(c Collector) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.collectors = append(r.collectors[:len(r.collectors):len(r.collectors)], c)
}

func (r *Registry) list() []Collector {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.collectors
}

// Install puts the job metrics on an engine.
func (r *Registry) Install(eng *engine.Engine) error {
	return eng.Declare(engine.Declaration{
		Name: "metrics", Summary: "Show what the engine and its parts have counted, in the text format of Prometheus.",
		Stdout: engine.Bytes, Control: true, Handler: r.jobMetrics,
	})
}

// jobMetrics shows what the engine and its parts have counted.
//
// Usage:  metrics
// Stdout: the text exposition format of Prometheus, version 0.0.4.
// Stderr: what a collector offered that does not fit the format, and was left out.
func (r *Registry) jobMetrics(job *engine.Job) error {
	page := NewPage()
	collectEngine(page, job.Eng)
	for _, c := range r.list() {
		c.Collect(page)
	}
	for _, err := range page.Faults() {
		job.Warnf("%v", err)
	}
	_, err := page.WriteTo(job.Stdout)
	return err
}
