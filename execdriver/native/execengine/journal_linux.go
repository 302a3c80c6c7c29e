package execengine

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A journal is the memory in which the output of a container waits between the
// read from its pipe and the write to its log. It is a memory file that both
// the exec engine and the daemon hold, so what was read is not lost when the
// exec engine is killed: the next one finds it, and finishes or repeats the
// write that was going on. A page is used only when output has touched it.
//
// Layout: one page with a header per stream, then one buffer per stream.
// Unlogged output of a stream is buffer[start:end]. start and end are one word,
// so that a kill finds either the old or the new pair.
const (
	streamsMax  = 2
	bufferSize  = 48 << 10 // three times maxEntry: there is always room to read
	journalSize = 4096 + streamsMax*bufferSize
)

// header is the head of one stream in the shared memory.
type header struct {
	span atomic.Uint64 // start<<32 | end

	// The write of log entries that is going on, valid while writing is 1:
	// entries of the output up to next were encoded to length bytes, which are
	// appended to the log at offset.
	writing atomic.Uint64
	offset  atomic.Uint64
	length  atomic.Uint64
	next    atomic.Uint64 // the value of span once the write is done

	// The read that is going on, 0 for none: it puts up to so many bytes (the
	// lower half) to the end of the output (from bit endShift), where there was
	// filling before. With wholeRead it takes all of them or none.
	reading atomic.Uint64
	filling atomic.Uint64 // eight bytes, repeated
	_       [8]byte
}

const (
	wholeRead = 1 << 32
	endShift  = 33
)

type journal struct {
	f   *os.File
	mem []byte
}

func newJournal() (*journal, error) {
	fd, err := unix.MemfdCreate("journal", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making journal: %w", err)
	}
	f := os.NewFile(uintptr(fd), "journal")
	if err := unix.Ftruncate(fd, journalSize); err != nil {
		_ = f.Close() // nothing was written
		return nil, fmt.Errorf("sizing journal: %w", err)
	}
	return openJournal(f)
}

// openJournal maps a journal. It owns f, also when it fails.
func openJournal(f *os.File) (*journal, error) {
	var st unix.Stat_t
	fd := int(f.Fd())
	err := unix.Fstat(fd, &st)
	if err == nil && st.Size != journalSize {
		err = fmt.Errorf("it has %d bytes", st.Size)
	}
	var mem []byte
	if err == nil {
		mem, err = unix.Mmap(fd, 0, journalSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	}
	if err != nil {
		_ = f.Close() // nothing was written
		return nil, fmt.Errorf("opening journal: %w", err)
	}
	return &journal{f: f, mem: mem}, nil
}

func (j *journal) close() {
	_ = unix.Munmap(j.mem) // cannot fail for what Mmap gave
	_ = j.f.Close()        // memory; there is nothing to lose
	j.mem = nil
}

// head is the header of a stream.
func (j *journal) head(stream int) *header {
	return (*header)(unsafe.Pointer(&j.mem[stream*int(unsafe.Sizeof(header{}))]))
}

func (j *journal) buffer(stream int) []byte {
	from := 4096 + stream*bufferSize
	return j.mem[from : from+bufferSize : from+bufferSize]
}

func (h *header) bounds() (start, end int) {
	s := h.span.Load()
	return int(min(s>>32, bufferSize)), int(min(s&0xffffffff, bufferSize))
}

func pack(start, end int) uint64 { return uint64(start)<<32 | uint64(end) }

// room makes space to read into and returns it.
func (j *journal) room(stream int) []byte {
	h, buf := j.head(stream), j.buffer(stream)
	start, end := h.bounds()
	switch n := end - start; {
	case n <= 0:
		h.span.Store(0)
		end = 0
	case start >= n: // a kill in the middle of the copy harms nothing: they do not overlap
		copy(buf, buf[start:end])
		h.span.Store(pack(0, n))
		end = n
	}
	return buf[end:]
}

// expect is room for a read of up to n bytes that is about to happen. A kill can
// hit between the read and took; from what is left of the filling the next exec
// engine sees what was read.
func (j *journal) expect(stream, n int, whole bool) []byte {
	room := j.room(stream)
	room = room[:min(n, len(room))]
	h := j.head(stream)
	word := h.filling.Load()
	if word == 0 {
		word = rand.Uint64() | 1
		h.filling.Store(word)
	}
	fill(room, word)
	_, end := h.bounds()
	reading := uint64(len(room)) | uint64(end)<<endShift
	if whole {
		reading |= wholeRead
	}
	h.reading.Store(reading)
	return room
}

func fill(b []byte, word uint64) {
	var w [8]byte
	binary.LittleEndian.PutUint64(w[:], word)
	for n := copy(b, w[:]); n < len(b) && n > 0; {
		n += copy(b[n:], b[:n])
	}
}

// settleRead finds out what came of a read that was interrupted.
func (j *journal) settleRead(stream int) {
	h := j.head(stream)
	reading := h.reading.Load()
	_, end := h.bounds()
	if end != int(reading>>endShift) {
		h.reading.Store(0) // it was over
		return
	}
	room := j.buffer(stream)[end:]
	room = room[:min(int(uint32(reading)), len(room))]
	clean := make([]byte, len(room))
	fill(clean, h.filling.Load())
	n := len(room)
	for n > 0 && room[n-1] == clean[n-1] {
		n--
	}
	if n > 0 && reading&wholeRead != 0 {
		n = len(room)
	}
	if n > 0 {
		j.took(stream, n)
	}
	h.reading.Store(0)
}

// took tells that n bytes were read into the room, and returns them.
func (j *journal) took(stream, n int) []byte {
	h := j.head(stream)
	start, end := h.bounds()
	h.span.Store(pack(start, end+n))
	h.reading.Store(0)
	return j.buffer(stream)[end : end+n]
}

// unlogged is the output that is not in the log yet.
func (j *journal) unlogged(stream int) []byte {
	start, end := j.head(stream).bounds()
	if start > end {
		return nil
	}
	return j.buffer(stream)[start:end]
}

// keep forgets the output that is not logged, but for its last n bytes.
func (j *journal) keep(stream, n int) {
	h := j.head(stream)
	_, end := h.bounds()
	h.span.Store(pack(end-n, end))
}

// begin notes a write to the log before it happens, commit that it has.
func (j *journal) begin(stream, consumed, length int, offset int64) {
	h := j.head(stream)
	start, end := h.bounds()
	h.offset.Store(uint64(offset))
	h.length.Store(uint64(length))
	h.next.Store(pack(start+consumed, end))
	h.writing.Store(1)
}

func (j *journal) commit(stream int) {
	h := j.head(stream)
	h.span.Store(h.next.Load())
	h.writing.Store(0)
}

// recover settles a write that was interrupted: if all of it is in the log it
// is done, else what is there of it is cut off and it will be repeated.
func (j *journal) recover(stream int, log *os.File) error {
	h := j.head(stream)
	if h.reading.Load() != 0 {
		j.settleRead(stream)
	}
	if h.writing.Load() == 0 {
		return nil
	}
	if h.span.Load() == h.next.Load() {
		h.writing.Store(0)
		return nil
	}
	if log == nil {
		j.commit(stream)
		return nil
	}
	info, err := log.Stat()
	if err != nil {
		return err
	}
	offset := int64(h.offset.Load())
	if info.Size() >= offset+int64(h.length.Load()) {
		j.commit(stream)
		return nil
	}
	if info.Size() > offset {
		if err := log.Truncate(offset); err != nil {
			return err
		}
	}
	h.writing.Store(0)
	return nil
}
