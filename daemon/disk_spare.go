package daemon

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	spareDir   = "containers.spare" // beside the directory of containers
	spareMade  = 32                 // so many are made ahead
	spareMost  = 128                // so many are kept of containers that never ran
	spareAfter = 200 * time.Millisecond
)

// spares are directories with an empty config.json that wait to become a
// container's: making inodes is what a file system is slow at, and slowest one
// without a journal that has just freed some. They are made ahead when nothing is
// created for a moment, or are left of containers that were made and removed. A
// daemon that creates nothing makes none.
type spares struct {
	dir string

	mu     sync.Mutex // guards the rest; held for nothing but them
	names  []string
	next   int         // number of the latest
	timer  *time.Timer // makes more; nil: enough are there
	closed bool

	filling sync.Mutex // held by fill
}

// take gives a directory with an empty config.json the name dir.
func (p *spares) take(dir string) error {
	if name := p.pop(); name != "" && unix.Rename(filepath.Join(p.dir, name), dir) == nil {
		return nil
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return makeEmpty(filepath.Join(dir, configFile))
}

func makeEmpty(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// pop takes one out, and has more made in a while.
func (p *spares) pop() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed || len(p.names) > spareMade:
	case p.timer == nil:
		p.timer = time.AfterFunc(spareAfter, p.fill)
	default:
		p.timer.Reset(spareAfter)
	}
	if len(p.names) == 0 {
		return ""
	}
	last := len(p.names) - 1
	name := p.names[last]
	p.names = p.names[:last]
	return name
}

// push puts one in that has the name already. It refuses when there are enough.
func (p *spares) push(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.names) >= spareMost {
		return false
	}
	p.names = append(p.names, name)
	return true
}

// name is one that was never used; none when there are enough.
func (p *spares) name(most int) (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.names) >= most {
		return "", false
	}
	p.next++
	return strconv.Itoa(p.next), true
}

// fill makes directories until there are enough. It is what the timer does.
func (p *spares) fill() {
	p.filling.Lock()
	defer p.filling.Unlock()
	p.mu.Lock()
	p.timer = nil
	p.mu.Unlock()
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return // whoever creates next makes what it needs
	}
	for {
		name, ok := p.name(spareMade)
		if !ok {
			return
		}
		dir := filepath.Join(p.dir, name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			return
		}
		if makeEmpty(filepath.Join(dir, configFile)) != nil || !p.push(name) {
			_ = os.RemoveAll(dir)
			return
		}
	}
}

// leave takes the directory of a container that is being removed, if there is
// nothing in it but its configuration. Otherwise it does nothing.
func (p *spares) leave(dir string) bool {
	list, err := os.ReadDir(dir)
	if err != nil || len(list) != 1 || list[0].Name() != configFile || !list[0].Type().IsRegular() {
		return false
	}
	name, ok := p.name(spareMost)
	if !ok || empty(filepath.Join(dir, configFile)) != nil {
		return false
	}
	spare := filepath.Join(p.dir, name)
	if unix.Rename(dir, spare) != nil { // there are none yet, or they are on another file system
		return false
	}
	if !p.push(name) {
		_ = os.RemoveAll(spare)
	}
	return true
}

// empty takes the content of a file away. ext4 writes a file out as soon as it is
// closed after that, so it is opened and closed here.
func empty(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(0), f.Close())
}

// adopt finds what earlier daemons have left. It is for the start. What does not
// look like a spare one is left alone: a file system without a journal may have
// kept the old name of what is a container's by now.
func (p *spares) adopt() {
	list, err := os.ReadDir(p.dir)
	if err != nil {
		return // there are none
	}
	for _, entry := range list {
		n, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		p.next = max(p.next, n)
		info, err := os.Lstat(filepath.Join(p.dir, entry.Name(), configFile))
		if err == nil && info.Mode() == 0o600 && info.Size() == 0 {
			p.push(entry.Name())
		}
	}
}

// close makes no more. Those that are there wait for the next daemon.
func (p *spares) close() {
	p.mu.Lock()
	p.closed = true
	if p.timer != nil {
		p.timer.Stop()
	}
	p.mu.Unlock()
	p.filling.Lock() // until fill has seen it
	defer p.filling.Unlock()
}
