package server

import (
	"context"
	"log"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/enginejobs/docker/engine"
)

// inFlight counts the requests that change something, so that a stop can let
// them end. Streams and questions are not counted: they are cut.
type inFlight struct {
	mu   sync.Mutex
	n    int
	idle chan struct{} // made by wait, closed when n becomes 0
}

func (f *inFlight) enter() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
}

func (f *inFlight) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n--
	if f.n == 0 && f.idle != nil {
		close(f.idle)
		f.idle = nil
	}
}

// wait returns when nothing is in flight, when ctx ends, or in a hurry.
func (f *inFlight) wait(ctx context.Context, hurry <-chan struct{}) {
	f.mu.Lock()
	if f.n == 0 {
		f.mu.Unlock()
		return
	}
	if f.idle == nil {
		f.idle = make(chan struct{})
	}
	idle := f.idle
	f.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
	case <-hurry:
	}
}

// drain stops listening at once, lets requests and jobs of sessions that change
// something end, and then cuts every connection. Sessions have left HTTP: what
// ends them is their context, which cut ends.
func (s *Server) drain(srv *http.Server, cut context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	expired, already := context.WithCancel(ctx)
	already()
	_ = srv.Shutdown(expired) // closes the listeners; that it does not wait is wanted
	s.changes.wait(ctx, s.hurry)
	settled := s.settle(ctx)
	last, done := context.WithTimeout(ctx, lastWords)
	defer done()
	if settled {
		<-last.Done() // as below, but nobody tells when it is out
	}
	_ = srv.Shutdown(last) // their answers are still on the way out
	cut()
	_ = srv.Close() // what is still open only reads
}

// settle waits until no job that a client has started by name changes something,
// and tells whether there was one.
func (s *Server) settle(ctx context.Context) (was bool) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for slices.ContainsFunc(s.eng.Running(), s.isChange) {
		was = true
		select {
		case <-tick.C:
		case <-ctx.Done():
			return was
		case <-s.hurry:
			return false
		}
	}
	return was
}

// isChange tells whether a running job is one that a client has started itself,
// changes something and ends on its own account: a stop does, which waits for a
// container; what its caller types into something (attach) does not.
func (s *Server) isChange(info engine.JobInfo) bool {
	ours := strings.HasPrefix(info.Parent, s.eng.String()+".")
	if ours || info.Client == "" && info.Detail == "" || info.State != engine.StateRunning {
		return false
	}
	d, ok := s.eng.Job(info.Name).Declared()
	return ok && d.Changes && (!d.Waits || d.Stdin == engine.None)
}

// changesState tells whether a stop waits for requests of the row.
func (row *route) changesState() bool {
	switch row.job {
	case "attach", "wait", "":
		return false
	}
	return row.method != http.MethodGet && row.method != http.MethodHead
}

// Hurry makes a stop that is under way wait for nobody.
func (s *Server) Hurry() { s.hurryOnce.Do(func() { close(s.hurry) }) }

// httpLog passes on what net/http has to say about broken connections.
func (s *Server) httpLog() *log.Logger { return log.New(debugLines{s.log}, "", 0) }

type debugLines struct{ log Logger }

// Write logs one line.
func (d debugLines) Write(p []byte) (int, error) {
	d.log.Debugf("%s", strings.TrimSpace(string(p)))
	return len(p), nil
}
