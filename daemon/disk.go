package daemon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/runconfig"
)

// Files of a container, and marks on its directory. A directory that carries a
// mark belongs to a container that is half made or half removed; Restore
// finishes it.
const (
	configFile = "config.json"     // record: changes rarely, fsynced
	hostFile   = "hostconfig.json" // likewise
	stateFile  = "state.json"      // liveState: changes often
	making     = "-making"
	unmaking   = "-unmaking"
	unmakingV  = "-unmaking-v" // with its anonymous volumes

	diskVersion = 1
)

// Durability. create answers when a power cut can no longer take the container
// away: config.json and hostconfig.json are written, the directory gets its
// final name, and then the four inodes are fsynced, which costs about one
// journal commit because everything is in one transaction by then. A container
// that removes itself at its end (AutoRemove) needs none of it: after a power
// cut it has to be removed anyway, and restore does that whether its files
// arrived or not; for the same reason its root is mounted so that its end does not
// wait for the disk. state.json is replaced by rename without fsync when a start
// begins, because what it says is only useful with the processes that a power
// cut kills; it is fsynced at the end of a run, after those who wait were told.
// Being a file of its own, it can never take the configuration with it.

// liveState is what state.json holds.
type liveState struct {
	Version         int
	State           state
	NetworkSettings api.NetworkSettings
	Health          *api.Health `json:",omitempty"` // when its status was last changed
}

// writeNew writes the files of a new container into dir.
func writeNew(dir string, s *snapshot) error {
	rec := *s.rec
	rec.State = s.state.disk()
	if err := writeJSON(filepath.Join(dir, configFile), &rec); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, hostFile), s.host)
}

// syncNew makes a new container durable; see above.
func syncNew(dir string) error {
	paths := []string{filepath.Join(dir, hostFile), filepath.Join(dir, configFile), dir, filepath.Dir(dir)}
	files := make([]*os.File, 0, len(paths))
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	for i, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		files = append(files, f)
		if i < 2 { // with the data out of the way, the first commit covers all
			_ = unix.SyncFileRange(int(f.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WAIT_BEFORE|
				unix.SYNC_FILE_RANGE_WRITE|unix.SYNC_FILE_RANGE_WAIT_AFTER)
		}
	}
	for _, f := range files {
		if err := f.Sync(); err != nil {
			return fmt.Errorf("syncing %s: %w", f.Name(), err)
		}
	}
	return nil
}

// saveConfig rewrites config.json and hostconfig.json of an existing container.
func (d *Daemon) saveConfig(c *container) error {
	c.disk.Lock()
	defer c.disk.Unlock()
	s := c.now()
	rec := *s.rec
	rec.State = s.state.disk()
	rec.RestartCount = s.state.RestartCount
	rec.NetworkSettings = &s.net
	if err := replaceJSON(c.path(configFile), &rec, !s.host.AutoRemove); err != nil {
		return fmt.Errorf("saving container %s: %w", s.bare(), err)
	}
	if err := replaceJSON(c.path(hostFile), s.host, !s.host.AutoRemove); err != nil {
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
	if err := replaceJSON(c.path(stateFile), &live, durable && !s.host.AutoRemove); err != nil {
		return fmt.Errorf("saving the state of container %s: %w", s.bare(), err)
	}
	return nil
}

// load reads a container's directory.
func load(dir string) (*snapshot, error) {
	s := &snapshot{rec: &record{}, host: &runconfig.HostConfig{}}
	if err := readJSON(filepath.Join(dir, configFile), s.rec); err != nil {
		return nil, err
	}
	if s.rec.ID != filepath.Base(dir) {
		return nil, fmt.Errorf("container %s is stored at %s", s.rec.ID, dir)
	}
	if s.rec.Config == nil {
		s.rec.Config = &runconfig.Config{}
	}
	if err := readJSON(filepath.Join(dir, hostFile), s.host); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
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

// writeJSON writes a new file.
func writeJSON(path string, v any) error {
	b, err := encodeJSON(v)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return os.WriteFile(path, b, 0o600)
}

// replaceJSON puts a new content in the place of the old at once.
func replaceJSON(path string, v any, durable bool) error {
	b, err := encodeJSON(v)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
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
		return syncDir(filepath.Dir(path))
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

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
