package daemon

import (
	"time"

	"github.com/enginejobs/docker/engine/metrics"
	"github.com/enginejobs/docker/execdriver"
)

// marks tells the trace of a job that a part of its work, called name, ends now.
// It is nil where nobody is told.
type marks func(name string)

func (m marks) done(name string) {
	if m != nil {
		m(name)
	}
}

// startPhase is a part of a start.
type startPhase int

const (
	phaseReserve startPhase = iota // find the container, wait for its last run, decide
	phaseNetwork                   // address, sandbox, ports, links
	phasePrepare                   // files, mounts, what a restarted daemon has to know
	phaseLaunch                    // the exec driver makes the workload
	phasePublish                   // the new state, the event, those who are attached
	startPhases
)

var startPhaseNames = [startPhases]string{"reserve", "network", "prepare", "launch", "publish"}

// stopwatch measures the phases of one start for the trace and the metrics.
type stopwatch struct {
	d     *Daemon
	marks marks
	took  func(name string, d time.Duration) // nil: nobody is told of the driver's parts
	last  time.Time
}

func (d *Daemon) stopwatch(opt *startOptions) *stopwatch {
	return &stopwatch{d: d, marks: opt.mark, took: opt.took, last: time.Now()}
}

// launched ends the phase of the exec driver. The metrics have it as a whole; in
// the trace it is split, where the driver has told its parts: what is left is
// the way there and back.
func (w *stopwatch) launched(parts []execdriver.Phase) {
	if len(parts) == 0 || w.took == nil {
		w.mark(phaseLaunch)
		return
	}
	now := time.Now()
	w.d.phases[phaseLaunch].Observe(now.Sub(w.last))
	w.last = now
	for _, p := range parts {
		w.took("launch."+p.Name, p.Took)
	}
	w.marks.done("launch.answer")
}

// mark ends a phase. The next one begins.
func (w *stopwatch) mark(p startPhase) {
	now := time.Now()
	w.d.phases[p].Observe(now.Sub(w.last))
	w.last = now
	w.marks.done(startPhaseNames[p])
}

// shownPhases are the states of containers that metrics shows, in the words of
// the API.
var shownPhases = [...]phase{created, running, paused, restarting, exited, removing, dead}

// Collect shows the containers by state and how long the parts of their starts
// took. It looks at snapshots and waits for nobody.
func (d *Daemon) Collect(page *metrics.Page) {
	states := map[string]int{}
	for _, c := range d.containers.all() {
		states[c.now().state.word()]++
	}
	family := page.Gauge("containers", "Containers by state.")
	for _, p := range shownPhases {
		family.Add(float64(states[p.String()]), "state", p.String())
	}
	family = page.Histogram("container_start_phase_seconds",
		"How long the parts of starts took, in the order reserve, network, prepare, launch, publish.")
	for p := range startPhases {
		d.phases[p].Show(family, "phase", startPhaseNames[p])
	}
}
