package events

import (
	"strings"
	"testing"

	"github.com/enginejobs/docker/engine/metrics"
)

func TestCollect(t *testing.T) {
	e := New(Options{})
	_, quick := e.subscribe(filter{}, 0, 0, true)
	_, _ = e.subscribe(filter{}, 0, 0, true) // reads nothing
	for range queued + 1 {
		e.Log(TypeContainer, "start", "id", nil)
		<-quick.queue
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
	if e.logged != queued+1 {
		t.Errorf("%d events", e.logged)
	}
}
