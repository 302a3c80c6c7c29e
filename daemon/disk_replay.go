package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/commitlog"
)

// replay gives those containers their files back that the log promises and a crash
// has taken. It is for the start, before the directories of containers are read.
// What is whole is flushed later, like that of new containers. After an error the
// log is as it was.
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
	owed, leaving := map[string]*debt{}, []string{}
	for _, p := range made {
		if d.unmade(p.id) {
			leaving = append(leaving, p.id)
			continue
		}
		if err := d.remake(p); err != nil {
			return fmt.Errorf("restoring container %s, whose files a crash has taken: %w", short(p.id), err)
		}
		if _, there := slices.BinarySearch(layers, p.id); !there {
			d.relayer(p)
		}
		owed[p.id] = &debt{placed: make(chan struct{})}
		close(owed[p.id].placed)
	}
	l.found = nil
	if l.adopt(owed, leaving) {
		d.track(func() { l.settleOften(d.ctx) })
		return nil
	}
	for id := range owed {
		if err := syncContainer(filepath.Join(d.root, id)); err != nil {
			return err
		}
	}
	if err := d.rootSync.sync(); err != nil {
		return err
	}
	return l.log.Reset()
}

// adopt lets what was found in the log wait to be settled, and notes removals that
// are about to be finished. It tells whether that can be.
func (l *ledger) adopt(owed map[string]*debt, leaving []string) bool {
	l.turn.Lock()
	defer l.turn.Unlock()
	cut, ok := l.log.Adopt()
	if !ok {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut, l.before, l.running = &cut, owed, true
	for _, id := range leaving {
		if _, err := l.log.Append(goneRecord, []byte(id)); err != nil {
			l.logf("noting that container %s is removed: %v", short(id), err)
		}
	}
	return true
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
			if id, text, found := bytes.Cut(r.Data, []byte("\n")); found && isID(string(id)) {
				list = append(list, promise{string(id), text})
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

// remake makes the directory of a container what create has left. Its configuration
// may have been changed since then; if it is no whole document, that was a crash.
func (d *Daemon) remake(p promise) error {
	dir := filepath.Join(d.root, p.id)
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := unix.Rename(dir+making, dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	path := filepath.Join(dir, configFile)
	if text, err := os.ReadFile(path); err == nil && bytes.Equal(text, p.text) {
		return nil
	}
	if _, err := loadDocument(dir, p.id); err == nil {
		return nil
	}
	d.opt.Logf("container %s gets its configuration back, which a crash has taken", short(p.id))
	// The repair of a file system may have made anything of what was not flushed.
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() || errors.Is(err, unix.ENOTDIR) {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := replaceFile(path, p.text, false); err != nil {
		return err
	}
	_, err := loadDocument(dir, p.id)
	return err
}

// relayer makes the writable layer of a container anew: a crash has taken it.
func (d *Daemon) relayer(p promise) {
	s, err := loadDocument(filepath.Join(d.root, p.id), p.id)
	var img *image.Image
	if err == nil {
		img, err = d.opt.Images.Image(s.rec.Image)
	}
	if err == nil {
		err = d.opt.Images.CreateLayer(p.id, img)
	}
	if err != nil {
		d.opt.Logf("making the writable layer of container %s anew: %v", short(p.id), err)
	}
}
