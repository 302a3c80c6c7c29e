package native

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/spawn"
	"github.com/enginejobs/docker/engine/wire"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/execdriver/native/execproto"
)

// maxLog is the size above which the exec engine's own log is begun anew.
const maxLog = 1 << 20

// steadyLife is how long an exec engine lives that has not failed to come up.
const steadyLife = 100 * time.Millisecond

// supervise keeps an exec engine at hand until Close: it connects to the one
// that is there, or raises one and hands it what we hold, and starts over when
// the connection ends. Its last act is to part from the exec engine.
func (d *Driver) supervise() {
	defer close(d.left)
	pause := time.Duration(0)
	for {
		last := d.leaving.Err() != nil
		begin := time.Now()
		err := d.serveOne()
		if last {
			return
		}
		if err != nil && d.leaving.Err() == nil {
			d.logf("exec engine: %v", err)
		}
		// One that has lived is replaced at once: until then nobody but us sees how
		// its containers end. One that does not come up is not tried in a hot loop.
		if pause = min(2*pause+10*time.Millisecond, time.Second); time.Since(begin) > steadyLife {
			pause = 0
		}
		select {
		case <-time.After(pause):
		case <-d.leaving.Done():
		}
	}
}

// serveOne goes through the life of one connection.
func (d *Driver) serveOne() error {
	conn, err := d.connect()
	if err != nil {
		return err
	}
	defer conn.Close()
	eng := engine.New() // for what comes before the others may use the connection
	eng.RegisterCatchall(conn.Handle)
	defer func() {
		if err := eng.Shutdown(context.Background()); err != nil {
			d.logf("ending the engine of one connection: %v", err)
		}
	}()
	err = d.follow(eng, conn)
	if d.leaving.Err() != nil {
		d.dismiss(eng, conn)
	}
	return err
}

// follow makes the connection everybody's until it ends or Close begins.
func (d *Driver) follow(eng *engine.Engine, conn *wire.Conn) error {
	if err := d.handOver(eng); err != nil {
		return err
	}
	d.mu.Lock()
	l := d.link
	l.conn = conn
	d.mu.Unlock()
	close(l.ready)
	err := d.followExits(eng)
	d.mu.Lock()
	d.link = newLink()
	d.mu.Unlock()
	d.collectExecutions()
	return err
}

// dismiss tells an exec engine to quit, and waits until it has gone, unless
// containers run.
func (d *Driver) dismiss(eng *engine.Engine, conn *wire.Conn) {
	err := eng.Job(execproto.JobQuit).SetContext(d.ctx).Run()
	switch {
	case errdefs.IsConflict(err):
		return
	// It may be gone before its answer.
	case err != nil && !errdefs.Is(err, errdefs.KindUnavailable) && !errdefs.Is(err, errdefs.KindCanceled):
		d.logf("telling the exec engine to quit: %v", err)
		return
	}
	select {
	case <-conn.Done():
	case <-d.ctx.Done():
		d.logf("the exec engine does not quit")
	}
}

// connect finds or raises an exec engine. One that would have nothing to do is
// not raised any more when Close has begun.
func (d *Driver) connect() (*wire.Conn, error) {
	path := d.path("engine.sock")
	conn, err := spawn.Dial(path)
	if err == nil || d.leaving.Err() != nil && !d.anyRunning() {
		return conn, err
	}
	listener, err := spawn.Listen(path)
	if err != nil {
		return nil, fmt.Errorf("making the exec engine's socket: %w", err)
	}
	defer listener.Close()
	if err := d.raise(listener); err != nil {
		return nil, fmt.Errorf("starting the exec engine: %w", err)
	}
	return spawn.Dial(path)
}

func (d *Driver) anyRunning() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, h := range d.held {
		if isClosed(h.started) && h.running() {
			return true
		}
	}
	return false
}

// raise starts an exec engine that shares nothing with us that could take it
// down: a session of its own, a file for its messages, no environment.
func (d *Driver) raise(listener *os.File) error {
	path := d.path("engine.log")
	flags := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	if st, err := os.Stat(path); err == nil && st.Size() > maxLog {
		flags |= os.O_TRUNC
	}
	log, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	p, err := os.StartProcess(binaryPath(d.binary), []string{"dockerinit", "engine", d.path("records")}, &os.ProcAttr{
		Dir: "/", Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
		Files: []*os.File{null, null, log, listener},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.engines = append(d.engines[max(0, len(d.engines)-9):], p.Pid)
	d.mu.Unlock()
	// Collected whenever it ends, which may be after Close.
	go func() { _, _ = p.Wait() }()
	return nil
}

// handOver gives a new exec engine what we hold of running containers.
func (d *Driver) handOver(eng *engine.Engine) error {
	d.mu.Lock()
	all := make([]*held, 0, len(d.held))
	for _, h := range d.held {
		all = append(all, h)
	}
	d.mu.Unlock()
	for _, h := range all {
		if !d.decided(h) {
			continue // it has failed, or waits for this very connection
		}
		files, streams, record, err := h.share()
		if errdefs.IsConflict(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("handing over container %s: %w", h.id, err)
		}
		job := eng.Job(execproto.JobAdopt, h.id).SetContext(d.ctx)
		if err := job.SetenvJson("record", record); err != nil {
			return err
		}
		job.Setenv("attach", strings.Join(streams, ","))
		job.Files = files
		// Conflict: it is the same exec engine, only the connection was lost.
		switch err := job.Run(); {
		case err == nil:
			d.over.Go(func() { d.collect(h) })
			if !record.OwnPID {
				d.orphans.Do(func() { d.over.Go(d.collectOrphans) })
			}
		case errdefs.Is(err, errdefs.KindUnavailable):
			return err
		case !errdefs.IsConflict(err):
			d.logf("handing over container %s: %v", h.id, err)
		}
	}
	return eng.Job(execproto.JobRestore).SetContext(d.ctx).Run()
}

// decided tells whether a container runs or did. A start that the last exec engine
// was killed under is about to fail, or was answered just before: what becomes of
// it is waited for, because what it leaves must be cleared before the next exec
// engine looks at it.
func (d *Driver) decided(h *held) bool {
	d.mu.Lock()
	launched := h.launched
	d.mu.Unlock()
	if launched {
		select {
		case <-h.started:
		case <-d.ctx.Done():
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return isClosed(h.started) && d.held[h.id] == h
}

// followExits hears how containers end, until the connection does.
func (d *Driver) followExits(eng *engine.Engine) error {
	job := eng.Job(execproto.JobExits).SetContext(d.leaving)
	r, w := io.Pipe()
	job.Stdout.AddCloser(w)
	if err := job.Start(); err != nil {
		_ = r.Close() // never read
		return err
	}
	in := json.NewDecoder(r)
	for {
		var x execproto.Exit
		if err := in.Decode(&x); err != nil {
			_ = r.CloseWithError(err) // cannot fail
			return job.Wait()
		}
		exit := &execdriver.Exit{ID: x.ID, Container: x.Container, Code: x.Code, OOMKilled: x.OOMKilled, At: x.At}
		if x.Container != "" {
			d.executionExited(exit)
		} else {
			d.exited(exit)
		}
	}
}

// exited notes an exit and tells it, once, and not before Start has returned.
func (d *Driver) exited(x *execdriver.Exit) {
	d.mu.Lock()
	h := d.held[x.ID]
	d.mu.Unlock()
	if h == nil {
		return // an earlier daemon's, which Restore tells
	}
	h.mu.Lock()
	stale := !h.record.StartedAt.IsZero() && x.At.Before(h.record.StartedAt)
	h.mu.Unlock()
	if stale || !h.ended(x) {
		return
	}
	d.ooms.Remove(h.id)
	go d.tell(h)
}

func (d *Driver) tell(h *held) {
	<-h.started
	d.mu.Lock()
	f := d.onExit
	known := d.held[h.id] == h
	d.mu.Unlock()
	if known && f != nil && h.tell() {
		f(*h.exit)
	}
}
