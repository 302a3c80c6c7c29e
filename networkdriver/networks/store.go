package networks

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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
	var list []networkdriver.Definition
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), suffix)
		if !ok {
			continue // not ours
		}
		var def networkdriver.Definition
		text, err := os.ReadFile(filepath.Join(s.dir, e.Name()))
		if err == nil {
			err = json.Unmarshal(text, &def)
		}
		if err == nil && def.ID != id {
			err = errors.New("it is of another network")
		}
		if err != nil {
			warn("reading network %s: %v: it is not available", id, err)
			continue
		}
		list = append(list, def)
	}
	return list, nil
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
