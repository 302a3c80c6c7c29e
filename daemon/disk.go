package daemon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/atomicfile"
	"github.com/enginejobs/docker/runconfig"
)

// Files of a container, and marks on its directory. A directory that carries a
// mark belongs to a container that is half made or half removed; Restore
// finishes it.
const (
	configFile = "config.json"     // document: changes rarely, fsynced
	hostFile   = "hostconfig.json" // where HostConfig was kept once; read when config.json has none
	stateFile  = "state.json"      // liveState: changes often
	making     = "-making"
	unmaking   = "-unmaking"
	unmakingV  = "-unmaking-v" // with its anonymous volumes

	diskVersion = 1
)

// Durability. create answers when a power cut can no longer take the container
// away: config.json is written, the directory gets its final name, and what
// config.json says is in the log of new containers, flushed for all who wait at a
// time (see ledger). The files themselves are fsynced a minute later, or as soon as
// another one in the directory is. A container that removes itself at its end
// (AutoRemove) needs none of it: after a power cut it has to be removed anyway,
// and restore does that whether its file arrived or not; for the same reason its
// root is mounted so that its end does not wait for the disk. The same is true of
// a transient one, which is removed when its daemon is gone. state.json is
// replaced by rename without fsync when a start begins, because what it says is
// only useful with the processes that a power cut kills; it is fsynced at the end
// of a run, after those who wait were told. Being a file of its own, it can never
// take the configuration with it.

// document is what config.json holds: one file, so that what update changes in
// both parts is changed at once.
type document struct {
	record
	HostConfig *runconfig.HostConfig `json:",omitempty"`
}

// document is the present one of a container.
func (s *snapshot) document() *document {
	doc := &document{record: *s.rec, HostConfig: s.host}
	doc.State = s.state.disk()
	return doc
}

// liveState is what state.json holds.
type liveState struct {
	Version         int
	State           state
	NetworkSettings api.NetworkSettings
	Health          *api.Health `json:",omitempty"` // when its status was last changed
}

// fillFile writes the content of a file that is there and empty.
func fillFile(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// dirSync flushes one directory for many: those who come while a flush is under
// way share the next.
type dirSync struct {
	dir  string
	turn sync.Mutex // held by the one who flushes

	mu   sync.Mutex
	next *flush // guarded by mu: not begun yet
}

// flush is one fsync; err is set before done is closed.
type flush struct {
	done chan struct{}
	err  error
}

// sync returns when everything that was in the directory before is durable.
func (d *dirSync) sync() error {
	d.mu.Lock()
	f := d.next
	if f != nil {
		d.mu.Unlock()
		<-f.done
		return f.err
	}
	f = &flush{done: make(chan struct{})}
	d.next = f
	d.mu.Unlock()

	d.turn.Lock()
	defer d.turn.Unlock()
	d.mu.Lock()
	d.next = nil // who comes from now on may be too late for it
	d.mu.Unlock()
	f.err = atomicfile.SyncDir(d.dir)
	close(f.done)
	return f.err
}

// saveConfig rewrites config.json of an existing container.
func (d *Daemon) saveConfig(c *container) error {
	c.disk.Lock()
	defer c.disk.Unlock()
	s := c.now()
	doc := s.document()
	doc.RestartCount, doc.NetworkSettings = s.state.RestartCount, &s.net
	err := replaceJSON(c.path(configFile), doc, !s.passing())
	if err == nil && !s.passing() {
		err = d.ledger.keep(c.id)
	}
	if err != nil {
		return fmt.Errorf("saving container %s: %w", s.bare(), err)
	}
	return nil
}

// saveState rewrites state.json.
func (d *Daemon) saveState(c *container, durable bool) error {
	c.disk.Lock()
	defer c.disk.Unlock()
	s := c.now()
	live := liveState{Version: diskVersion, State: s.state, NetworkSettings: s.net, Health: s.health.shown()}
	durable = durable && !s.passing()
	err := replaceJSON(c.path(stateFile), &live, durable)
	if err == nil && durable {
		err = d.ledger.keep(c.id)
	}
	if err != nil {
		return fmt.Errorf("saving the state of container %s: %w", s.bare(), err)
	}
	return nil
}

// loadDocument reads what create and update have written.
func loadDocument(dir, id string) (*snapshot, error) {
	var doc document
	if err := readJSON(filepath.Join(dir, configFile), &doc); err != nil {
		return nil, err
	}
	if doc.ID != id {
		return nil, fmt.Errorf("container %s is stored at %s", doc.ID, dir)
	}
	s := &snapshot{rec: &doc.record, host: doc.HostConfig}
	if s.host != nil {
		return s, nil
	}
	s.host = &runconfig.HostConfig{}
	if err := readJSON(filepath.Join(dir, hostFile), s.host); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return s, nil
}

// load reads a container's directory.
func load(dir string) (*snapshot, error) {
	s, err := loadDocument(dir, filepath.Base(dir))
	if err != nil {
		return nil, err
	}
	if s.rec.Config == nil {
		s.rec.Config = &runconfig.Config{}
	}
	s.state = s.rec.State.state()
	s.state.RestartCount = s.rec.RestartCount
	if s.rec.NetworkSettings != nil {
		s.net = *s.rec.NetworkSettings
	}
	var live liveState
	if err := readJSON(filepath.Join(dir, stateFile), &live); err == nil && live.Version == diskVersion {
		s.state, s.net, s.health = live.State, live.NetworkSettings, stored(live.Health)
	}
	return s, nil
}

func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}

// replaceJSON puts a new content in the place of the old at once.
func replaceJSON(path string, v any, durable bool) error {
	b, err := encodeJSON(v)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return replaceFile(path, b, durable)
}

// replaceFile is replaceJSON of what is encoded already.
func replaceFile(path string, b []byte, durable bool) error {
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil && durable {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	if durable {
		return atomicfile.SyncDir(filepath.Dir(path))
	}
	return nil
}

func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
