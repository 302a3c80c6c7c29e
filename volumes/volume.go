package volumes

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/atomicfile"
	"github.com/enginejobs/docker/pkg/names"
)

// DriverLocal is the one driver of this package.
const DriverLocal = "local"

// AnonymousLabel marks volumes that nobody has named (moby's label since API 1.42).
const AnonymousLabel = "com.docker.volume.anonymous"

// version of volume.json.
const version = 1

// Spec is what a volume is made with.
type Spec struct {
	Driver  string // "" is local
	Labels  map[string]string
	Options map[string]string // of the driver: type, o, device
}

// Volume is one volume. It never changes.
type Volume struct {
	Version int
	Name    string
	Driver  string
	Labels  map[string]string `json:",omitempty"`
	Options map[string]string `json:",omitempty"`
	Created time.Time
}

// Anonymous tells whether nobody has named it.
func (v *Volume) Anonymous() bool {
	_, is := v.Labels[AnonymousLabel]
	return is
}

// NoSuchVolume is the error for a volume that does not exist.
func NoSuchVolume(name string) error { return errdefs.NotFound("get %s: no such volume", name) }

func (s *Store) file(name string) string { return filepath.Join(s.root, name, "volume.json") }

// load reads all volumes. A directory without description is one of an earlier
// engine, or what a kill has left of a removal or of a create: with content it is
// kept.
func (s *Store) load() error {
	entries, err := os.ReadDir(s.root)
	if err != nil {
		return fmt.Errorf("reading the volume directory: %w", err)
	}
	for _, e := range entries {
		if !e.IsDir() || !names.Valid(e.Name()) {
			continue
		}
		v, err := s.read(e.Name())
		if err != nil {
			return err
		}
		if v != nil {
			s.known[v.Name] = v
		}
	}
	return nil
}

func (s *Store) read(name string) (*Volume, error) {
	b, err := os.ReadFile(s.file(name))
	if errors.Is(err, fs.ErrNotExist) {
		return s.readPlain(name)
	}
	if err != nil {
		return nil, fmt.Errorf("reading volume %s: %w", name, err)
	}
	v := &Volume{}
	if err := json.Unmarshal(b, v); err != nil {
		return nil, fmt.Errorf("reading volume %s: %s is damaged: %w", name, s.file(name), err)
	}
	if v.Version > version {
		return nil, fmt.Errorf("reading volume %s: it was made by a newer engine (version %d of its description)", name, v.Version)
	}
	v.Name = name
	return v, nil
}

// readPlain takes in a directory without a description.
func (s *Store) readPlain(name string) (*Volume, error) {
	info, err := os.Stat(s.Path(name))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("reading volume %s: %w", name, err)
		}
		if err := os.RemoveAll(filepath.Join(s.root, name)); err != nil {
			return nil, fmt.Errorf("removing half a volume: %w", err)
		}
		return nil, nil
	}
	return &Volume{Version: version, Name: name, Driver: DriverLocal, Created: info.ModTime().UTC()}, nil
}

// Create makes a volume. One of that name that was made with the same driver and
// options, or of which spec says nothing, is given as it is; made is false then.
func (s *Store) Create(name string, spec Spec) (v *Volume, made bool, err error) {
	release := s.lock(name)
	defer release()
	return s.ensure(name, spec)
}

// ensure is Create for the holder of the volume's lock.
func (s *Store) ensure(name string, spec Spec) (*Volume, bool, error) {
	if spec.Driver != "" && spec.Driver != DriverLocal {
		return nil, false, errdefs.NotFound("create %s: error looking up volume plugin %s: plugin %q not found", name, spec.Driver, spec.Driver)
	}
	if err := CheckName(name); err != nil {
		return nil, false, fmt.Errorf("create %s: %w", name, err)
	}
	if err := checkOptions(spec.Options); err != nil {
		return nil, false, fmt.Errorf("create %s: %w", name, err)
	}
	s.mu.Lock()
	old := s.known[name]
	s.mu.Unlock()
	if old != nil {
		if len(spec.Options) > 0 && !maps.Equal(spec.Options, old.Options) {
			return nil, false, errdefs.Conflict("create %s: conflict: a volume of this name was made with other options: "+
				"remove it first, or use another name", name)
		}
		return old, false, nil
	}
	v := &Volume{
		Version: version, Name: name, Driver: DriverLocal, Labels: maps.Clone(spec.Labels), Options: maps.Clone(spec.Options),
		Created: time.Now().UTC().Truncate(time.Second),
	}
	if err := s.write(v); err != nil {
		return nil, false, fmt.Errorf("making volume %s: %w", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[name] = v
	return v, true, nil
}

// write makes the directory and then the description.
func (s *Store) write(v *Volume) error {
	dir := filepath.Join(s.root, v.Name)
	if err := os.MkdirAll(dir, 0o701); err != nil {
		return err
	}
	if err := os.Mkdir(s.Path(v.Name), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return atomicfile.Write(s.file(v.Name), b, 0o600)
}

// Get gives one volume, or NotFound.
func (s *Store) Get(name string) (*Volume, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.known[name]; v != nil {
		return v, nil
	}
	return nil, NoSuchVolume(name)
}

// List gives all volumes, by name.
func (s *Store) List() []*Volume {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Collect(maps.Values(s.known))
	slices.SortFunc(list, func(a, b *Volume) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return list
}
