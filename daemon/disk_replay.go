package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/enginejobs/docker/pkg/commitlog"
)

// replay gives those containers their files back that the log promises and a crash
// has taken, and then has the log forget everything. It is for the start, before
// the directories of containers are read. After an error the log is as it was.
func (d *Daemon) replay() error {
	d.spares.adopt()
	l := d.ledger
	if len(l.found) == 0 {
		return nil
	}
	made, gone := promised(l.found)
	for _, id := range gone {
		if _, err := os.Lstat(filepath.Join(d.root, id)); err == nil {
			d.sweep(id) // a crash has taken the change of its name
		}
	}
	layers := d.opt.Images.ContainerLayers()
	for _, p := range made {
		if d.unmade(p.id) {
			continue
		}
		s, err := d.remake(p)
		if err != nil {
			return fmt.Errorf("restoring container %s, whose files a crash has taken: %w", short(p.id), err)
		}
		if _, there := slices.BinarySearch(layers, p.id); !there {
			d.relayer(s)
		}
	}
	if err := d.rootSync.sync(); err != nil {
		return err
	}
	l.found = nil
	return l.log.Reset()
}

// promise is a container that a log holds.
type promise struct {
	id   string
	text []byte // of config.json
}

// promised lists the containers that were made and not removed, and those that were
// removed.
func promised(found []commitlog.Record) (list []promise, gone []string) {
	for _, r := range found {
		switch r.Kind {
		case madeRecord:
			var doc struct{ ID string }
			if err := json.Unmarshal(r.Data, &doc); err == nil && isID(doc.ID) {
				list = append(list, promise{doc.ID, r.Data})
			}
		case goneRecord:
			if id := string(r.Data); isID(id) {
				list = slices.DeleteFunc(list, func(p promise) bool { return p.id == id })
				gone = append(gone, id)
			}
		}
	}
	return list, gone
}

// isID tells whether a text can be the name of a container's directory.
func isID(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') })
}

// unmade tells whether the removal of a container had begun.
func (d *Daemon) unmade(id string) bool {
	for _, mark := range []string{unmaking, unmakingV} {
		if _, err := os.Lstat(filepath.Join(d.root, id+mark)); err == nil {
			return true
		}
	}
	return false
}

// remake makes the directory of a container what create has left, durably, but for
// its name.
func (d *Daemon) remake(p promise) (*snapshot, error) {
	dir := filepath.Join(d.root, p.id)
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		err := os.Rename(dir+making, dir)
		if errors.Is(err, fs.ErrNotExist) {
			err = os.Mkdir(dir, 0o700)
		}
		if err != nil {
			return nil, err
		}
	}
	if s, err := loadDocument(dir, p.id); err == nil {
		return s, syncContainer(dir)
	}
	d.opt.Logf("container %s gets its configuration back, which a crash has taken", short(p.id))
	if err := replaceFile(filepath.Join(dir, configFile), p.text, true); err != nil {
		return nil, err
	}
	return loadDocument(dir, p.id)
}

// relayer makes the writable layer of a container anew: a crash has taken it.
func (d *Daemon) relayer(s *snapshot) {
	img, err := d.opt.Images.Image(s.rec.Image)
	if err == nil {
		err = d.opt.Images.CreateLayer(s.rec.ID, img)
	}
	if err != nil {
		d.opt.Logf("making the writable layer of container %s anew: %v", short(s.rec.ID), err)
	}
}
