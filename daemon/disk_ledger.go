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

	"github.com/enginejobs/docker/pkg/atomicfile"
	"github.com/enginejobs/docker/pkg/commitlog"
)

// What the ledger's log holds.
const (
	ledgerFile      = "containers.log" // beside the directory of containers; see pkg/commitlog
	madeRecord byte = 1                // data: an id, a line break, and what its config.json says
	goneRecord byte = 2                // data: an id

	settleAfter = time.Minute // by then the kernel has written the files by itself
	settleFull  = 1 << 20     // bytes of log, about three hundred containers

	// A file system without a journal may lose entries of a directory that was
	// flushed long ago, when a crash finds a change of it half written. So the one
	// of all containers does not stay changed for long.
	tidyAfter = 50 * time.Millisecond
)

// ledger makes new containers durable for little: their documents go into one log,
// whose flush all share who create at a time. Behind their backs, a minute later,
// the files of containers are flushed themselves and the log forgets them; those
// that were removed until then cost nothing more. After a crash, replay makes
// config.json of what the log holds and the disk does not.
//
// A container that the log holds and whose removal it does not is there after the
// next start, whatever was on disk. So what can fail for other reasons than the disk
// comes before the log, and whoever removes a container says so (gone) after its
// directory has changed its name. A config.json that is whole is never touched: it
// is at least as new as the log.
type ledger struct {
	root     string // of the directories of containers
	syncRoot func() error
	logf     func(string, ...any)
	log      *commitlog.Log
	full     chan struct{}      // capacity 1: settle now
	changed  chan struct{}      // capacity 1: directories have come or gone
	found    []commitlog.Record // until replay

	mu      sync.Mutex       // guards the rest; held for writes into the kernel's memory
	owed    map[string]*debt // by id, of what is in the log
	before  map[string]*debt // likewise, of what is being settled
	running bool             // somebody settles from time to time

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
		full: make(chan struct{}, 1), changed: make(chan struct{}, 1), owed: map[string]*debt{},
	}, nil
}

// debt is what the ledger knows of a container in the log.
type debt struct {
	durable bool          // guarded by the ledger's mu: its files need no flush
	placed  chan struct{} // closed when its directory has its final name, or never will
}

// pledge is a container on its way into the log.
type pledge struct {
	debt    *debt
	flushed chan error // capacity 1
}

// pledge puts a container into the log, and begins to flush that. Its directory may
// still be on the way: the caller closes placed, and then waits for the pledge.
func (d *Daemon) pledge(id string, text []byte) pledge {
	l := d.ledger
	p := pledge{&debt{placed: make(chan struct{})}, make(chan error, 1)}
	at, first, err := l.add(id, text, p.debt)
	if err != nil {
		p.flushed <- err
		return p
	}
	if first {
		d.track(func() { l.settleOften(d.ctx) })
	}
	go func() { p.flushed <- l.log.Sync(at) }()
	return p
}

// kept returns when a container whose directory is in place is durable.
func (d *Daemon) kept(id string, p pledge) error {
	err := <-p.flushed
	if err == nil {
		return nil
	}
	// Without a log it costs more: each container is flushed by itself.
	d.opt.Logf("the log of new containers cannot be used: %v", err)
	return errors.Join(syncContainer(filepath.Join(d.root, id)), d.rootSync.sync())
}

// add puts a container into the log; the first since long wants somebody who settles.
func (l *ledger) add(id string, text []byte, owe *debt) (at commitlog.Position, first bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	data := slices.Concat([]byte(id), []byte("\n"), text)
	if at, err = l.log.Append(madeRecord, data); err != nil {
		return at, false, err
	}
	l.owed[id] = owe
	if l.log.Size() > settleFull {
		ring(l.full)
	}
	ring(l.changed)
	first, l.running = !l.running, true
	return at, first, nil
}

// ring wakes who waits at a channel of capacity 1, or will.
func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

// debt is what is owed to a container; nil when the log does not hold it. It is
// called with mu held.
func (l *ledger) debt(id string) *debt {
	if owe := l.owed[id]; owe != nil {
		return owe
	}
	return l.before[id]
}

// gone says that a container is removed. Its directory has another name by now.
// Like that name, it is on disk when the kernel writes it, and not later than what
// is created then. It tells whether the log held the container.
func (l *ledger) gone(id string) (held bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.debt(id) == nil {
		return false, nil
	}
	if _, err := l.log.Append(goneRecord, []byte(id)); err != nil {
		return true, fmt.Errorf("noting that container %s is removed: %w", short(id), err)
	}
	delete(l.owed, id)
	delete(l.before, id)
	ring(l.changed)
	return true, nil
}

// settleOften settles from time to time, and tidies up behind changes, until nothing
// is left, or the daemon closes and does it for the last time.
func (l *ledger) settleOften(ctx context.Context) {
	due := time.NewTimer(settleAfter)
	defer due.Stop()
	for {
		select {
		case <-l.changed:
			l.tidy(ctx)
			continue
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

// tidy flushes the directory of all containers in a moment.
func (l *ledger) tidy(ctx context.Context) {
	select {
	case <-time.After(tidyAfter):
	case <-ctx.Done():
		return // what is settled at the end includes it
	}
	if err := l.syncRoot(); err != nil {
		l.logf("flushing the directory of containers: %v", err)
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
		l.cut, l.before, l.owed = &cut, l.owed, map[string]*debt{}
	}
	before := maps.Clone(l.before)
	l.mu.Unlock()
	for id, owe := range before {
		<-owe.placed
		if l.durable(id) {
			continue
		}
		err := syncContainer(filepath.Join(l.root, id))
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // it may have been removed
			return err
		}
	}
	if len(before) > 0 {
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

// durable tells whether nothing is owed to a container.
func (l *ledger) durable(id string) bool {
	if l == nil { // of a daemon that creates nothing
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	owe := l.debt(id)
	return owe == nil || owe.durable
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
	if owe := l.debt(id); owe != nil {
		owe.durable = true
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
	return errors.Join(f.Sync(), f.Close(), atomicfile.SyncDir(dir))
}
