package events

import (
	"runtime"
	"strings"
	"testing"

	"github.com/enginejobs/docker/engine/metrics"
)

func TestCollect(t *testing.T) {
	e := New(Options{})
	_, quick := e.subscribe(filter{}, 0, 0, true)
	_, _ = e.subscribe(filter{}, 0, 0, true) // reads nothing
	for range held + 1 {
		e.Log(TypeContainer, "start", "id", nil)
		<-quick.bell
		if lines, err := e.take(quick); err != nil || len(lines) == 0 {
			t.Fatal(string(lines), err)
		}
	}
	for e.Subscribers() != 1 { // the last round may be under way
		runtime.Gosched()
	}
	page := metrics.NewPage()
	e.Collect(page)
	var text strings.Builder
	if _, err := page.WriteTo(&text); err != nil || len(page.Faults()) > 0 {
		t.Fatal(err, page.Faults())
	}
	for _, want := range []string{"events_subscribers 1", "events_subscribers_dropped_total 1"} {
		if !strings.Contains(text.String(), want+"\n") {
			t.Errorf("%q is not in\n%s", want, text.String())
		}
	}
	if n := e.journal.Load().total(); n != held+1 {
		t.Errorf("%d events", n)
	}
}
