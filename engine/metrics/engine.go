package metrics

import "github.com/enginejobs/docker/engine"

// collectEngine shows what the bus itself counts.
func collectEngine(page *Page, eng *engine.Engine) {
	page.Gauge("engine_jobs_running", "Jobs that run now.").Add(float64(len(eng.Running())))
}
