package execengine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver/native/execproto"
	"github.com/enginejobs/docker/execdriver/native/pidfd"
	"github.com/enginejobs/docker/pkg/cgroups"
)

// jobAdopt takes over a container of an exec engine that died, with the
// descriptors that the daemon has kept.
func (e *execEngine) jobAdopt(job *engine.Job) error {
	files := job.Files
	job.Files = nil
	c := newContainer(job.Args[0])
	var streams []string
	if list := job.Getenv("attach"); list != "" {
		streams = strings.Split(list, ",")
	}
	if len(streams) > len(files) {
		closeAll(files)
		return errdefs.InvalidArgument("%d files came with attach=%q", len(files), streams)
	}
	receivers := files[len(files)-len(streams):]
	files = files[:len(files)-len(streams)]
	defer func() { closeAll(receivers) }()
	if err := job.GetenvJson("record", &c.record); err != nil {
		closeAll(files)
		return err
	}
	c.group = c.record.Group
	if c.group == nil {
		c.group = &cgroups.Group{}
	}
	e.layout.Use(c.group)
	if c.record.ID != c.id {
		closeAll(files)
		return errdefs.InvalidArgument("the record is of container %q", c.record.ID)
	}
	if err := e.reserve(job.Context(), c); err != nil {
		closeAll(files)
		return err
	}
	if r, err := readRecord(recordPath(e.dir, c.id)); err == nil && r.Exit != nil {
		closeAll(files) // its end was recorded and not told
		e.settle(c, r)
		return nil
	}
	if err := e.take(c, files); err != nil {
		e.forget(c)
		return fmt.Errorf("adopting container %s: %w", c.id, err)
	}
	for i, name := range streams {
		s := slices.Index(streamNames[:], name)
		if s >= 0 && s < len(c.streams) && c.streams[s].add(receivers[i]) {
			receivers[i] = nil
		}
	}
	e.watch(c)
	return nil
}

// jobCollected hears from the daemon how a container has ended that became the
// daemon's child when its exec engine died.
func (e *execEngine) jobCollected(job *engine.Job) error {
	c, err := e.get(job.Args[0])
	if err != nil {
		return err
	}
	code, err := strconv.Atoi(job.Args[1])
	if err != nil {
		return errdefs.InvalidArgument("exit code %q is no number", job.Args[1])
	}
	select {
	case c.told <- code:
	default: // it was told before
	}
	return nil
}

// settle makes a container known that has ended, and finishes the cleaning that
// the end of an exec engine may have cut off.
func (e *execEngine) settle(c *container, r *execproto.Record) {
	c.mu.Lock()
	c.record, c.exit, c.ready = *r, r.Exit, true
	c.record.Exit = nil
	c.mu.Unlock()
	e.announce(r.Exit)
	go func() {
		defer close(c.cleaned)
		if err := errors.Join(c.group.Kill(), c.group.Remove()); err != nil {
			e.logf("container %s: removing cgroup: %v", c.id, err)
		}
	}()
}

// take makes streams of the descriptors that launch once handed out. They are
// c's, or closed on failure.
func (e *execEngine) take(c *container, files []*os.File) (err error) {
	defer func() {
		if err != nil {
			closeAll(files)
			c.streams, c.stdin, c.pidfd = nil, nil, nil
			c.release()
		}
	}()
	if len(files) == 1 { // it has outlived a daemon and an exec engine at once, which had the streams
		c.log, c.pidfd = &log{}, files[execproto.FilePidfd]
		return nil
	}
	want := execproto.FileStdin
	if c.record.Tty {
		want = execproto.FileStderr // one stream
	}
	if c.record.OpenStdin && !c.record.Tty && len(files) > want {
		want++
	}
	if len(files) != want {
		return errdefs.InvalidArgument("%d descriptors came instead of %d", len(files), want)
	}
	if c.log, err = openLog(&c.record.Log, e.compressing); err != nil {
		return err
	}
	c.pidfd, files[execproto.FilePidfd] = files[execproto.FilePidfd], nil
	f := files[execproto.FileJournal]
	files[execproto.FileJournal] = nil
	if c.journal, err = openJournal(f); err != nil {
		return err
	}
	for i, f := range files[execproto.FileStdout:] {
		if i == streamsMax {
			c.stdin = f
			break
		}
		if err := c.journal.recover(i, c.log.file()); err != nil {
			return err
		}
		s, err := newStream(i, c.record.Tty, f, c.journal, c.log)
		if err != nil {
			return err
		}
		c.streams = append(c.streams, s)
	}
	return c.log.measure()
}

// jobRestore takes up what is on record and was not handed over: containers that
// have ended, and those that outlived both the daemon and the exec engine.
func (e *execEngine) jobRestore(*engine.Job) error {
	records, err := readRecords(e.dir)
	if err != nil {
		return err
	}
	for _, r := range records {
		e.restoreOne(r)
	}
	unfinished, err := drafts(e.dir)
	if err != nil {
		return err
	}
	for _, id := range unfinished {
		if err := e.endDraft(id); err != nil {
			e.logf("container %s: ending a start that was cut off: %v", id, err)
		}
	}
	return nil
}

// draftPatience is how long a process of a cut off start may take to die.
const draftPatience = 500 * time.Millisecond

// endDraft ends a start that an exec engine was killed under. Its answer will
// never come, so nobody may find its workload running later.
func (e *execEngine) endDraft(id string) error {
	e.mu.Lock()
	_, known := e.containers[id]
	e.mu.Unlock()
	if known { // a start that is under way
		return nil
	}
	r, err := readRecord(draftPath(e.dir, id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || r.ID != id {
		return os.Remove(draftPath(e.dir, id)) // it was about to be written
	}
	if process, err := pidfd.Open(r.Pid, r.StartTime); err == nil {
		kill(process)
		closeAll([]*os.File{process})
	}
	if r.Group != nil {
		e.layout.Use(r.Group)
		ctx, cancel := context.WithTimeout(context.Background(), draftPatience)
		err = r.Group.Clear(ctx)
		cancel()
	}
	return errors.Join(err, os.Remove(draftPath(e.dir, id)))
}

func (e *execEngine) restoreOne(r *execproto.Record) {
	c := newContainer(r.ID)
	c.record, c.group, c.log = *r, r.Group, &log{}
	c.record.Exit = nil
	if c.group == nil {
		c.group = &cgroups.Group{}
	}
	e.layout.Use(c.group)
	e.mu.Lock()
	_, known := e.containers[r.ID]
	if !known {
		e.containers[r.ID] = c
	}
	e.mu.Unlock()
	if known {
		return
	}
	if r.Exit != nil {
		e.settle(c, r)
		return
	}
	process, err := pidfd.Open(r.Pid, r.StartTime)
	if err != nil {
		r.Exit = &execproto.Exit{ID: r.ID, Code: unknownCode, At: time.Now().UTC()}
		if err := writeRecord(e.dir, r); err != nil {
			e.logf("%v", err)
		}
		e.settle(c, r)
		return
	}
	c.pidfd = process
	e.watch(c)
}
