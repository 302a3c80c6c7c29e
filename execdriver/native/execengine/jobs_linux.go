package execengine

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strings"
	"sync"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver/native/execproto"
)

// declarations is the list of the exec engine's jobs.
func (e *execEngine) declarations() []engine.Declaration {
	id := []engine.Arg{{Name: "ID", Summary: "the container"}}
	attach := engine.Key{Name: "attach", Summary: `which output the files receive: "stdout", "stderr" or both with a comma`}
	return []engine.Declaration{
		{Name: execproto.JobAdopt, Summary: "take over a running container", Args: id, Changes: true,
			Env: []engine.Key{{Name: "record", Type: engine.JSON}, attach}, Handler: e.jobAdopt},
		{Name: execproto.JobAttach, Summary: "receive the output from now on", Args: id,
			Env: []engine.Key{attach}, Handler: e.jobAttach},
		{Name: execproto.JobCloseStdin, Summary: "end the input", Args: id, Changes: true, Handler: e.jobCloseStdin},
		{Name: execproto.JobCollected, Summary: "tell the exit code of an adopted container", Changes: true,
			Args: append(id[:1:1], engine.Arg{Name: "CODE", Summary: "its exit code"}), Handler: e.jobCollected},
		{Name: execproto.JobExec, Summary: "run one more process in a container", Changes: true, Stdin: engine.Bytes,
			Args: []engine.Arg{{Name: "ID", Summary: "the process"}}, Stdout: engine.JSONDocument,
			Env:     []engine.Key{{Name: "spec", Type: engine.JSON}, {Name: "attach", Summary: "what the files are, with commas"}},
			Handler: e.jobExec},
		{Name: execproto.JobExits, Summary: "tell how containers end", Stdout: engine.JSONLines, Handler: e.jobExits},
		{Name: execproto.JobLaunch, Summary: "start a container", Args: id, Changes: true, Stdin: engine.Bytes,
			Stdout: engine.JSONDocument, Env: []engine.Key{{Name: "spec", Type: engine.JSON}, attach}, Handler: e.jobLaunch},
		{Name: execproto.JobList, Summary: "list the containers", Stdout: engine.JSONDocument, Handler: e.jobList},
		{Name: execproto.JobQuit, Summary: "end the exec engine when nothing runs", Changes: true, Handler: e.jobQuit},
		{Name: execproto.JobRemove, Summary: "forget a container that has ended", Args: id, Changes: true,
			Handler: e.jobRemove},
		{Name: execproto.JobRestore, Summary: "take up what is on record and was not adopted", Changes: true,
			Handler: e.jobRestore},
		{Name: execproto.JobShare, Summary: "hand out the descriptors again", Args: id, Handler: e.jobShare},
	}
}

// receivers pairs the files of a job with the streams that they want; the index
// is that of the stream.
func receivers(job *engine.Job) ([streamsMax]*os.File, error) {
	var out [streamsMax]*os.File
	files := job.Files
	job.Files = nil
	var names []string
	if list := job.Getenv("attach"); list != "" {
		names = strings.Split(list, ",")
	}
	if len(names) != len(files) {
		closeAll(files)
		return out, errdefs.InvalidArgument("%d files came for attach=%q", len(files), names)
	}
	for i, name := range names {
		for s := range streamNames {
			if name == streamNames[s] && out[s] == nil {
				out[s], files[i] = files[i], nil
			}
		}
		if files[i] != nil {
			closeAll(files)
			closeAll(out[:])
			return out, errdefs.InvalidArgument("no stream %q", name)
		}
	}
	return out, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close() // nothing was written to it
		}
	}
}

func (e *execEngine) jobAttach(job *engine.Job) error {
	files, err := receivers(job)
	if err != nil {
		return err
	}
	c, err := e.get(job.Args[0])
	if err != nil {
		closeAll(files[:])
		return err
	}
	if !c.attach(files) {
		return errdefs.Conflict("container %s has ended", c.id)
	}
	return nil
}

// attach adds receivers. A terminal has one stream only.
func (c *container) attach(files [streamsMax]*os.File) bool {
	any := false
	for i, f := range files {
		if f == nil {
			continue
		}
		if i < len(c.streams) && c.streams[i].add(f) {
			any = true
		} else {
			_ = f.Close() // its reader sees the end
		}
	}
	return any || files == [streamsMax]*os.File{} && c.running()
}

func (e *execEngine) jobCloseStdin(job *engine.Job) error {
	c, err := e.get(job.Args[0])
	if err != nil {
		return err
	}
	c.mu.Lock()
	f := c.stdin
	c.stdin = nil
	c.mu.Unlock()
	if f != nil {
		return f.Close()
	}
	return nil
}

func (e *execEngine) jobList(job *engine.Job) error {
	list := []execproto.Record{}
	for _, c := range e.all() {
		list = append(list, c.state())
	}
	return job.WriteJSON(list)
}

func (e *execEngine) all() []*container {
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []*container
	for _, c := range e.containers {
		if c.started() {
			list = append(list, c)
		}
	}
	return list
}

func (e *execEngine) jobRemove(job *engine.Job) error {
	c, err := e.get(job.Args[0])
	if err != nil {
		return err
	}
	if c.running() {
		return errdefs.Conflict("container %s is running", c.id)
	}
	select {
	case <-c.cleaned:
	case <-job.Context().Done():
		return job.Context().Err()
	}
	if !e.forget(c) {
		return nil // it was started again: the record is the new one's
	}
	if err := os.Remove(recordPath(e.dir, c.id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (e *execEngine) jobShare(job *engine.Job) error {
	c, err := e.get(job.Args[0])
	if err != nil {
		return err
	}
	files, err := c.handOut()
	for _, f := range files {
		job.AddResultFile(f)
	}
	return err
}

func (e *execEngine) jobQuit(job *engine.Job) error {
	if !e.idle() {
		return errdefs.Conflict("containers are running")
	}
	e.quit()
	return nil
}

// watcher is one subscriber of exits. What it has not read is kept: there are at
// most as many exits as containers.
type watcher struct {
	mu      sync.Mutex // guards pending
	pending []*execproto.Exit
	wake    chan struct{}
}

func (w *watcher) push(x *execproto.Exit) {
	w.mu.Lock()
	w.pending = append(w.pending, x)
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *watcher) take() []*execproto.Exit {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.pending
	w.pending = nil
	return list
}

// maxUntold bounds how many ends of execs are kept for a daemon that comes back.
const maxUntold = 256

func (e *execEngine) announce(x *execproto.Exit) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if x.Container != "" && len(e.watchers) == 0 && len(e.untold) < maxUntold {
		e.untold = append(e.untold, x) // a container's is on record
	}
	for w := range e.watchers {
		w.push(x)
	}
}

// jobExits tells each exit at least once: one that happens while the list of
// earlier ones is made may come twice.
func (e *execEngine) jobExits(job *engine.Job) error {
	w := &watcher{wake: make(chan struct{}, 1)}
	e.mu.Lock()
	e.watchers[w] = struct{}{}
	w.pending, e.untold = e.untold, nil
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		delete(e.watchers, w)
		e.mu.Unlock()
		e.linger()
	}()
	for _, c := range e.all() {
		if r := c.state(); r.Exit != nil {
			w.push(r.Exit)
		}
	}
	out := json.NewEncoder(job.Stdout)
	for {
		for _, x := range w.take() {
			if err := out.Encode(x); err != nil {
				return err
			}
		}
		select {
		case <-w.wake:
		case <-job.Context().Done():
			return job.Context().Err()
		}
	}
}
