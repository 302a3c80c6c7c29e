package networks

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/enginejobs/docker/networkdriver"
	"github.com/enginejobs/docker/pkg/atomicfile"
)

// suffix ends the names of the documents: <id>.json.
const suffix = ".json"

// store keeps definitions as files. A nil one forgets.
type store struct{ dir string }

func openStore(dir string) (*store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the directory of networks: %w", err)
	}
	if err := atomicfile.Clean(dir); err != nil {
		return nil, fmt.Errorf("cleaning the directory of networks: %w", err)
	}
	return &store{dir}, nil
}

// load reads all definitions. What cannot be read is named and left alone.
func (s *store) load(warn networkdriver.Warn) ([]networkdriver.Definition, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("reading the networks: %w", err)
	}
	var ids []string
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), suffix); ok { // others are not ours
			ids = append(ids, id)
		}
	}
	defs, errs := make([]networkdriver.Definition, len(ids)), make([]error, len(ids))
	var all sync.WaitGroup
	workers := min(runtime.GOMAXPROCS(0), len(ids))
	for w := range workers { // a start waits for this
		all.Go(func() {
			for i := w; i < len(ids); i += workers {
				defs[i], errs[i] = s.read(ids[i])
			}
		})
	}
	all.Wait()
	var list []networkdriver.Definition
	for i, id := range ids {
		if errs[i] != nil {
			warn("reading network %s: %v: it is not available", id, errs[i])
			continue
		}
		list = append(list, defs[i])
	}
	return list, nil
}

func (s *store) read(id string) (def networkdriver.Definition, err error) {
	text, err := os.ReadFile(s.path(id))
	if err == nil {
		err = json.Unmarshal(text, &def)
	}
	if err == nil && def.ID != id {
		err = errors.New("it is of another network")
	}
	return def, err
}

// write stores a definition for good.
func (s *store) write(def networkdriver.Definition) error {
	if s == nil {
		return nil
	}
	text, err := json.Marshal(def)
	if err == nil {
		err = atomicfile.Write(s.path(def.ID), text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("storing network %s: %w", def.Name, err)
	}
	return nil
}

// remove forgets a definition for good.
func (s *store) remove(id string) error {
	if s == nil {
		return nil
	}
	if err := atomicfile.Remove(s.path(id)); err != nil {
		return fmt.Errorf("forgetting network %s: %w", id, err)
	}
	return nil
}

func (s *store) path(id string) string { return filepath.Join(s.dir, id+suffix) }

func newID() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

func now() time.Time { return time.Now().UTC() }
