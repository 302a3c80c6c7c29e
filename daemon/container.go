package daemon

import (
	"context"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/runconfig"
)

// container is one container. Everything that can be known about it is in its
// present snapshot; the rest of the struct is machinery.
type container struct {
	id  string
	dir string // <root>/containers/<id>
	hub hub    // who is attached

	monitor atomic.Pointer[monitor] // of its health; nil: there is none

	mu   sync.Mutex // makes update atomic; held for nothing else, never across I/O
	snap atomic.Pointer[snapshot]

	disk     sync.Mutex   // one writer of the container's files at a time
	updating turn         // one change of limits at a time
	oom      atomic.Int32 // what is known of kills for lack of memory: oomNone…
}

// snapshot is a container at one moment. It and all it points to never change.
type snapshot struct {
	rec   *record
	host  *runconfig.HostConfig
	state state
	net   api.NetworkSettings
	row   *row // what containers shows

	hidden []string // variables of the workload that are not on disk and not shown

	health *health // of the present or the last run; nil: it has no checks

	told     <-chan struct{} // closed when the start of the present run is in the journal
	cleaning <-chan struct{} // closed when the last run is cleaned up; nil: never ran
	changed  chan struct{}   // closed when a newer snapshot is there
}

// link is a reference to another container under an alias.
type link struct {
	Child string // container id
	Alias string
}

// record is what config.json holds, in classic names. State and
// NetworkSettings are those of the moment of writing: state.json is newer.
type record struct {
	Version         int
	State           diskState
	ID              string
	Created         time.Time
	Path            string
	Args            []string
	Config          *runconfig.Config
	Image           string // full image id
	NetworkSettings *api.NetworkSettings
	ResolvConfPath  string
	HostnamePath    string
	HostsPath       string
	LogPath         string
	Name            string // with leading slash
	Driver          string
	ExecDriver      string
	MountLabel      string
	ProcessLabel    string
	AppArmorProfile string
	RestartCount    int
	Volumes         map[string]string
	VolumesRW       map[string]bool
	MountPoints     map[string]mountPoint
	Links           []link
	Endpoints       map[string]*api.EndpointSettings `json:",omitempty"` // as asked for, by network
	Disconnected    bool                             `json:",omitempty"` // from the network of its mode
	Platform        string
	Transient       bool `json:",omitempty"` // of a build: removed when its daemon is gone
}

// diskState is the classic form of state.
type diskState struct {
	Running, Paused, Restarting, OOMKilled, Dead bool
	Pid, ExitCode                                int
	Error                                        string
	StartedAt, FinishedAt                        time.Time
}

func (s *state) disk() diskState {
	return diskState{
		Running: s.alive(), Paused: s.Phase == paused, Restarting: s.Phase == restarting,
		OOMKilled: s.OOMKilled, Dead: s.Phase == dead, Pid: s.Pid, ExitCode: s.ExitCode, Error: s.Error,
		StartedAt: s.StartedAt, FinishedAt: s.FinishedAt,
	}
}

// state reads the classic form.
func (s diskState) state() state {
	out := state{
		Phase: exited, Pid: s.Pid, ExitCode: s.ExitCode, Error: s.Error, OOMKilled: s.OOMKilled,
		StartedAt: s.StartedAt, FinishedAt: s.FinishedAt,
	}
	switch {
	case s.Dead:
		out.Phase = dead
	case s.Paused:
		out.Phase = paused
	case s.Restarting:
		out.Phase = restarting
	case s.Running:
		out.Phase = running
	case s.StartedAt.IsZero() && s.FinishedAt.IsZero():
		out.Phase = created
	}
	return out
}

func newContainer(dir string, s *snapshot) *container {
	c := &container{id: s.rec.ID, dir: dir, updating: newTurn()}
	s.changed = make(chan struct{})
	s.row = &row{}
	c.snap.Store(s)
	return c
}

// now is the present snapshot.
func (c *container) now() *snapshot { return c.snap.Load() }

// bare is the name without its slash, for messages.
func (s *snapshot) bare() string { return s.rec.Name[min(1, len(s.rec.Name)):] }

// update publishes a changed copy of the snapshot. f must be quick; its error
// leaves everything as it was.
func (c *container) update(f func(s *snapshot) error) (*snapshot, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.snap.Load()
	next := *old
	if err := f(&next); err != nil {
		return old, err
	}
	next.changed = make(chan struct{})
	next.row = &row{}
	c.snap.Store(&next)
	close(old.changed)
	return &next, nil
}

// transition is update for the state alone.
func (c *container) transition(f func(s *state) error) (*snapshot, error) {
	return c.update(func(s *snapshot) error { return f(&s.state) })
}

// until waits for a snapshot that satisfies ok.
func (c *container) until(ctx context.Context, ok func(*snapshot) bool) (*snapshot, error) {
	for {
		s := c.now()
		if ok(s) {
			return s, nil
		}
		select {
		case <-s.changed:
		case <-ctx.Done():
			return s, ctx.Err()
		}
	}
}

// decided waits until no start is under way: the container runs or it does not.
func (c *container) decided(ctx context.Context) (*snapshot, error) {
	return c.until(ctx, func(s *snapshot) bool { return s.state.Phase != starting })
}

// settled waits until that is decided and the last run is cleaned up.
func (c *container) settled(ctx context.Context) (*snapshot, error) {
	for {
		s, err := c.decided(ctx)
		if err != nil || s.cleaning == nil {
			return s, err
		}
		select {
		case <-s.cleaning:
			if c.now().cleaning == s.cleaning {
				return c.now(), nil
			}
		case <-ctx.Done():
			return s, ctx.Err()
		}
	}
}

// path is a file of the container.
func (c *container) path(name string) string { return filepath.Join(c.dir, name) }
