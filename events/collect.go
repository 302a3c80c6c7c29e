package events

import "github.com/enginejobs/docker/engine/metrics"

// Collect shows how many events there were and who follows them.
func (e *Events) Collect(page *metrics.Page) {
	e.mu.Lock()
	logged, dropped, subs := e.journal.Load().total(), e.dropped, len(e.subs)
	e.mu.Unlock()
	page.Counter("events_total", "Events so far.").Add(float64(logged))
	page.Gauge("events_subscribers", "Readers that follow the events.").Add(float64(subs))
	page.Counter("events_subscribers_dropped_total", "Readers that were dropped because they were too slow.").Add(float64(dropped))
}
