// Package commitlog is a log that many append to and flush together: a promise
// that costs one small write and a share of one flush, however many files it
// takes to keep it. When it is kept in those files, the log forgets it.
//
// # Use
//
//	log, found, err := commitlog.Open(path)
//	// do what found says, make that durable, then
//	err = log.Reset() // or Adopt, and make it durable later
//
//	at, err := log.Append(kind, data) // survives the end of the process
//	err = log.Sync(at)                // survives a power cut
//
//	if cut, ok := log.Cut(); ok { // what comes now goes to the other file
//		// make durable elsewhere what was appended before
//		err = log.Drop(cut)
//	}
//
// # Form
//
// A log is two files, path.0 and path.1, of which one takes records and the other
// is empty or waits for Drop. A file is a sequence of records: a header of 24
// bytes, little endian, and data. The header is the length of data (uint32), the
// CRC-32C of everything else in the record (uint32), the generation (uint64), the
// kind (one byte) and zeros. A file begins with a record of kind 0, whose
// generation no earlier file has had; the first record that is cut off, damaged
// or of another generation is the end. So a file is emptied by one write of 24
// bytes at its beginning, which a disk does whole or not at all.
//
// Space is made ahead, with zeros: a flush then writes data and nothing else. Bytes
// that were flushed once are written again only with the same content, because a
// page of the file goes to the disk as a whole.
//
// A Log owns its two files. Start reading at Append and Sync. This package must not
// know what records mean.
package commitlog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/atomicfile"
)

const (
	// MostData is the longest data of one record, in bytes.
	MostData = 16 << 20
	// step is the space that is made ahead, in bytes.
	step = 256 << 10
	// keep is the size of a file, in bytes, that Drop does not cut.
	keep = 2 << 20
)

// Record is one that was found.
type Record struct {
	Kind byte // not 0
	Data []byte
}

// Log is an open log. Its methods may be called from anywhere at any time.
type Log struct {
	path string

	mu     sync.Mutex // guards the rest; held for writes into the kernel's memory, never for flushes
	files  [2]*file
	active int    // index of the file that takes records
	latest uint64 // the highest generation that was ever used
	cut    bool   // the other file waits for Drop
	found  bool   // what Open has found waits for Reset
	failed error  // a flush failed: nothing can be promised any more
}

// file is one of the two. What is not said to be guarded belongs to Log.mu.
type file struct {
	name       string
	f          *os.File // nil until it is needed
	generation uint64   // 0: it has no beginning yet
	end, room  int64    // of the records, of the space that is made

	turn    sync.Mutex // held by the one who flushes
	flushed int64      // guarded by turn: what is durable, up to this offset of…
	of      uint64     // guarded by turn: …this generation
}

// Position is the end of a record.
type Position struct {
	file       *file
	generation uint64
	end        int64
}

// Cutting is what was appended before a Cut.
type Cutting struct{ file *file }

// Open reads the log at path, whose directory must exist, and returns what is in
// it, the oldest first. A log of which nothing is there yet is an empty one; its
// files are made by the first Append.
func Open(path string) (*Log, []Record, error) {
	l := &Log{path: path}
	var found [2][]Record
	for i := range l.files {
		fl := &file{name: path + "." + strconv.Itoa(i)}
		l.files[i] = fl
		var err error
		if found[i], err = fl.read(); err != nil {
			return nil, nil, errors.Join(err, l.Close())
		}
		l.latest = max(l.latest, fl.generation)
	}
	if l.files[1].generation > l.files[0].generation {
		l.active = 1
	}
	list := slices.Concat(found[1-l.active], found[l.active])
	l.found = len(list) > 0
	for i, fl := range l.files {
		if len(found[i]) == 0 { // behind its end may be records that a power cut has left
			fl.generation, fl.end = 0, 0
		}
	}
	return l, list, nil
}

// Close closes the files.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.failed == nil {
		l.failed = errdefs.Unavailable("the log %s is closed", l.path)
	}
	l.mu.Unlock()
	var errs []error
	for _, fl := range l.files {
		if fl != nil {
			errs = append(errs, l.close(fl))
		}
	}
	return errors.Join(errs...)
}

func (l *Log) close(fl *file) error {
	fl.turn.Lock()
	defer fl.turn.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if fl.f == nil {
		return nil
	}
	err := fl.f.Close()
	fl.f = nil
	return err
}

// Append adds a record, which from then on survives the end of the process. Kind
// must not be 0. What Open has found must have been dealt with, by Reset or Adopt.
// After an error nothing was added.
func (l *Log) Append(kind byte, data []byte) (Position, error) {
	if kind == 0 || len(data) > MostData {
		return Position{}, errdefs.InvalidArgument("a record of kind %d with %d bytes does not go into a log", kind, len(data))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return Position{}, l.failed
	}
	if l.found {
		return Position{}, errdefs.InvalidArgument("the log %s takes no record before what it holds was dealt with", l.path)
	}
	fl := l.files[l.active]
	if err := l.begin(fl); err != nil {
		return Position{}, err
	}
	if err := fl.append(kind, data); err != nil {
		return Position{}, err
	}
	return Position{fl, fl.generation, fl.end}, nil
}

// begin makes a file ready for records. Call it with mu held.
func (l *Log) begin(fl *file) error {
	if fl.f == nil {
		if err := fl.create(); err != nil {
			return err
		}
		if err := atomicfile.SyncDir(filepath.Dir(l.path)); err != nil {
			return err
		}
	}
	if fl.generation != 0 {
		return nil
	}
	return l.renew(fl)
}

// renew empties a file by giving it a generation of its own. Call it with mu held.
func (l *Log) renew(fl *file) error {
	fl.generation, fl.end = l.latest+1, 0
	if err := fl.append(0, nil); err != nil {
		fl.generation = 0
		return err
	}
	l.latest++
	return nil
}

// Sync returns when everything up to a position is durable. Those who come while a
// flush is under way share the next. Once a flush has failed, all that is not
// durable yet is lost, and the log takes nothing more.
func (l *Log) Sync(at Position) error {
	fl := at.file
	fl.turn.Lock()
	defer fl.turn.Unlock()
	if fl.of > at.generation || fl.of == at.generation && fl.flushed >= at.end {
		return nil
	}
	l.mu.Lock()
	f, generation, end, err := fl.f, fl.generation, fl.end, l.failed
	l.mu.Unlock()
	if err != nil {
		return err
	}
	if err := fdatasync(f); err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.failed = fmt.Errorf("flushing the log %s: %w", fl.name, err)
		return l.failed
	}
	fl.flushed, fl.of = end, generation
	return nil
}

// Size is how many bytes have been appended since the last Cut.
func (l *Log) Size() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.files[l.active].end
}

// Cut lets what is appended from now on go into the other file. It refuses while
// that one waits for its Drop, or when there is nothing to be dropped.
func (l *Log) Cut() (Cutting, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fl := l.files[l.active]
	if l.cut || l.found || l.failed != nil || fl.end <= headerSize {
		return Cutting{}, false
	}
	l.active, l.cut = 1-l.active, true
	next := l.files[l.active]
	if next.generation < fl.generation {
		next.generation = 0 // it begins anew, so that Open knows which is the later
	}
	return Cutting{fl}, true
}

// Drop forgets what was appended before a Cut, durably: its caller keeps it
// elsewhere.
func (l *Log) Drop(c Cutting) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.cut || c.file != l.files[1-l.active] {
		return errdefs.InvalidArgument("nothing of the log %s was cut", l.path)
	}
	if err := l.empty(c.file); err != nil {
		return err
	}
	l.cut = false
	return nil
}

// Adopt treats what Open has found as something that was cut. It refuses when there
// is nothing, or when both files hold records: then only Reset is left.
func (l *Log) Adopt() (Cutting, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := 0
	if l.files[1].end > headerSize {
		old = 1
	}
	if !l.found || l.files[1-old].end > headerSize {
		return Cutting{}, false
	}
	l.found, l.cut, l.active = false, true, 1-old
	return Cutting{l.files[old]}, true
}

// Reset forgets everything, durably.
func (l *Log) Reset() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, fl := range l.files {
		if fl.f == nil || fl.end <= headerSize {
			continue
		}
		if err := l.empty(fl); err != nil {
			return err
		}
	}
	l.cut, l.found = false, false
	return nil
}

// empty forgets the records of one file, durably. It waits for the disk with mu
// held, as Append would have to.
func (l *Log) empty(fl *file) error {
	if l.failed != nil {
		return l.failed
	}
	if err := l.renew(fl); err != nil {
		return err
	}
	err := fl.shrink()
	if err == nil {
		err = fdatasync(fl.f)
	}
	if err != nil {
		l.failed = fmt.Errorf("emptying the log %s: %w", fl.name, err)
	}
	return l.failed
}
