package daemon

import (
	"context"
	"encoding/json"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// statsOptions say of which container how much is wanted.
type statsOptions struct {
	Name    string
	Stream  bool
	OneShot bool
	Stopped bool
}

func (d *Daemon) statsDeclarations() []engine.Declaration {
	return []engine.Declaration{{
		Name: "container_stats", Summary: "Tell once a second what a container uses.", Stdout: engine.JSONLines,
		Args:  []engine.Arg{{Name: "CONTAINER", Summary: "id, unique beginning of it, or name"}},
		Waits: true, Handler: d.jobContainerStats,
		Env: []engine.Key{
			{Name: "one_shot", Type: engine.Bool, Summary: "with stream=0: at once, without a sample before it"},
			{Name: "stopped", Type: engine.Bool, Summary: "while it does not run write objects that only name it, not nothing"},
			{Name: "stream", Type: engine.Bool, Summary: "go on until the container is removed (default 1); else one object"},
		},
	}}
}

func decodeStats(job *engine.Job) statsOptions {
	opt := statsOptions{Name: job.Args[0], Stream: true, OneShot: job.GetenvBool("one_shot"), Stopped: job.GetenvBool("stopped")}
	if job.EnvExists("stream") {
		opt.Stream = job.GetenvBool("stream")
	}
	return opt
}

// jobContainerStats tells what a container uses.
//
// Usage:  container_stats CONTAINER
// Env:    stream: false: one object, the second of two samples that are a second apart. one_shot: then the first, at once.
// Env:    stopped: what a stream says of a container that does not run: with it an object that names it, else nothing.
// Stdout: api.Stats, one a line. A stream ends when the container is removed.
// Errors: NotFound.
func (d *Daemon) jobContainerStats(job *engine.Job) error {
	return d.Stats(job.Context(), decodeStats(job), func(line []byte) error {
		_, err := job.Stdout.Write(line)
		return err
	})
}

// Stats writes samples, each a line of JSON. All who watch a container share one
// sampler; one who does not take his lines misses some, and keeps nobody waiting.
func (d *Daemon) Stats(ctx context.Context, opt statsOptions, write func(line []byte) error) error {
	c, err := d.containers.find(opt.Name)
	if err != nil {
		return err
	}
	if opt.Stream {
		if err := write(nil); err != nil { // whoever waits for the head of the answer gets it
			return err
		}
		return d.streamStats(ctx, c, opt.Stopped, write)
	}
	if opt.OneShot || !c.now().state.alive() {
		stats, _, err := d.sample(ctx, c)
		if err != nil {
			return err
		}
		line, err := statsLine(c, stats)
		if err != nil {
			return err
		}
		return write(line)
	}
	return d.secondSample(ctx, c, write)
}

// secondSample writes the first sample that has one before it. A container that
// ends meanwhile is told of as one that does not run.
func (d *Daemon) secondSample(ctx context.Context, c *container, write func([]byte) error) error {
	w := d.samplers.join(d, c)
	defer w.leave()
	for {
		s, err := w.next(ctx)
		switch {
		case err != nil:
			return err
		case s.over:
			return noSuchContainer(short(c.id))
		case s.err != nil:
			return s.err
		case s.before || !s.running:
			return write(s.line)
		}
	}
}

func (d *Daemon) streamStats(ctx context.Context, c *container, stopped bool, write func([]byte) error) error {
	w := d.samplers.join(d, c)
	defer w.leave()
	for {
		s, err := w.next(ctx)
		switch {
		case err != nil && ctx.Err() == nil: // the daemon goes
			return nil
		case err != nil:
			return err
		case s.over:
			return nil
		case s.err != nil:
			return s.err
		case !s.running && !stopped:
			continue
		}
		if err := write(s.line); err != nil {
			return err
		}
	}
}

// statsLine spells a sample; nil is a container that does not run.
func statsLine(c *container, stats *api.Stats) ([]byte, error) {
	if stats == nil {
		stats = &api.Stats{}
	}
	s := c.now()
	stats.Id, stats.Name = c.id, s.rec.Name
	line, err := json.Marshal(stats)
	if err != nil {
		return nil, errdefs.Internal("encoding the statistics of container %s: %w", s.bare(), err)
	}
	return append(line, '\n'), nil
}
