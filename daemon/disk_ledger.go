package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/enginejobs/docker/pkg/commitlog"
)

// What the ledger's log holds.
const (
	ledgerFile      = "containers.log" // beside the directory of containers; see pkg/commitlog
	madeRecord byte = 1                // data: a whole config.json
	goneRecord byte = 2                // data: an id

	settleAfter = time.Minute // by then the kernel has written the files by itself
	settleFull  = 1 << 20     // bytes of log, about three hundred containers
)

// ledger makes new containers durable for little: their documents go into one log,
// whose flush all share who create at a time. Behind their backs, a minute later,
// the files of containers are flushed themselves and the log forgets them; those
// that were removed until then cost nothing more. After a crash, replay makes
// config.json of what the log holds and the disk does not.
//
// It is true for every container in it: its directory has its final name and its
// config.json is written, though maybe not flushed. A container that a log holds
// and whose removal it does not is restored; so whoever removes one says so (gone)
// after its directory has changed its name. A config.json that is whole is never
// touched: it is at least as new as the log.
type ledger struct {
	root     string // of the directories of containers
	syncRoot func() error
	logf     func(string, ...any)
	log      *commitlog.Log
	full     chan struct{}      // capacity 1: settle now
	found    []commitlog.Record // until replay

	mu      sync.Mutex      // guards the rest; held for writes into the kernel's memory
	owed    map[string]bool // ids in the log; true: their files are durable
	before  map[string]bool // likewise, of what is being settled
	running bool            // somebody settles from time to time

	turn sync.Mutex         // one settles at a time
	cut  *commitlog.Cutting // guarded by turn: what is being settled
}

// openLedger opens the log of a daemon. Until replay it promises nothing.
func openLedger(d *Daemon) (*ledger, error) {
	log, found, err := commitlog.Open(filepath.Join(d.opt.Root, ledgerFile))
	if err != nil {
		return nil, fmt.Errorf("opening the log of new containers: %w", err)
	}
	return &ledger{
		root: d.root, syncRoot: d.rootSync.sync, logf: d.opt.Logf, log: log, found: found,
		full: make(chan struct{}, 1), owed: map[string]bool{},
	}, nil
}

// made returns when a new container is durable.
func (d *Daemon) made(id string, text []byte) error {
	l := d.ledger
	at, first, err := l.add(id, text)
	if err == nil {
		if first {
			d.track(func() { l.settleOften(d.ctx) })
		}
		err = l.log.Sync(at)
	}
	if err == nil {
		return nil
	}
	// Without a log it costs more: each container is flushed by itself.
	d.opt.Logf("the log of new containers cannot be used: %v", err)
	return errors.Join(syncContainer(filepath.Join(d.root, id)), d.rootSync.sync())
}

// add puts a container into the log; the first since long wants somebody who settles.
func (l *ledger) add(id string, text []byte) (at commitlog.Position, first bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at, err = l.log.Append(madeRecord, text); err != nil {
		return at, false, err
	}
	l.owed[id] = false
	if l.log.Size() > settleFull {
		select {
		case l.full <- struct{}{}:
		default:
		}
	}
	first, l.running = !l.running, true
	return at, first, nil
}

// holds tells whether a container is in the log. It is called with mu held.
func (l *ledger) holds(id string) bool {
	_, now := l.owed[id]
	_, before := l.before[id]
	return now || before
}

// gone says that a container is removed. Its directory has another name by now.
// Like that name, it is on disk when the kernel writes it, and not later than what
// is created then. It tells whether the log held the container.
func (l *ledger) gone(id string) (held bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.holds(id) {
		return false, nil
	}
	if _, err := l.log.Append(goneRecord, []byte(id)); err != nil {
		return true, fmt.Errorf("noting that container %s is removed: %w", short(id), err)
	}
	delete(l.owed, id)
	delete(l.before, id)
	return true, nil
}

// settleOften settles from time to time until nothing is left, or the daemon
// closes and does it for the last time.
func (l *ledger) settleOften(ctx context.Context) {
	due := time.NewTimer(settleAfter)
	defer due.Stop()
	for {
		select {
		case <-l.full:
		case <-due.C:
		case <-ctx.Done():
			return
		}
		if err := l.settle(); err != nil {
			l.logf("making new containers durable: %v", err)
		}
		if l.idle() {
			return
		}
		due.Reset(settleAfter)
	}
}

// idle tells whether nothing is left to settle; then its caller settles no more.
func (l *ledger) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running = len(l.owed)+len(l.before) > 0
	return !l.running
}

// settle flushes the files of all containers in the log, and has the log forget
// them. What it could not finish is tried again the next time.
func (l *ledger) settle() error {
	l.turn.Lock()
	defer l.turn.Unlock()
	l.mu.Lock()
	if l.cut == nil {
		cut, ok := l.log.Cut()
		if !ok {
			l.mu.Unlock()
			return nil
		}
		l.cut, l.before, l.owed = &cut, l.owed, map[string]bool{}
	}
	ids := slices.Sorted(maps.Keys(l.before))
	l.mu.Unlock()
	for _, id := range ids {
		if err := l.flush(id); err != nil && !errors.Is(err, fs.ErrNotExist) { // it may have been removed
			return err
		}
	}
	if len(ids) > 0 {
		if err := l.syncRoot(); err != nil {
			return err
		}
	}
	if err := l.log.Drop(*l.cut); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut, l.before = nil, nil
	return nil
}

// flush makes the files of one container durable, not its name.
func (l *ledger) flush(id string) error {
	if l.durable(id) {
		return nil
	}
	return syncContainer(filepath.Join(l.root, id))
}

// durable tells whether nothing is owed to a container.
func (l *ledger) durable(id string) bool {
	if l == nil { // of a daemon that creates nothing
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, list := range []map[string]bool{l.owed, l.before} {
		if done, held := list[id]; held && !done {
			return false
		}
	}
	return true
}

// keep makes the directory of a container durable as soon as something in it is
// that the log does not know: a change of its configuration, the end of a run.
func (l *ledger) keep(id string) error {
	if l.durable(id) {
		return nil
	}
	if err := errors.Join(syncContainer(filepath.Join(l.root, id)), l.syncRoot()); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, list := range []map[string]bool{l.owed, l.before} {
		if _, held := list[id]; held {
			list[id] = true
		}
	}
	return nil
}

// close settles what is left. Nothing may be created any more.
func (l *ledger) close() error { return errors.Join(l.settle(), l.log.Close()) }

// syncContainer makes a container's directory and its configuration durable.
func syncContainer(dir string) error {
	f, err := os.Open(filepath.Join(dir, configFile))
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close(), syncDir(dir))
}
