package server

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// When memory is given back: this long after the start, and later whenever much
// has been allocated since the last time and hardly anything for a while.
const (
	trimAfter = 300 * time.Millisecond
	trimEvery = 5 * time.Second
	trimMuch  = 8 << 20   // bytes
	trimQuiet = 256 << 10 // bytes in trimEvery
)

// trimLater gives memory back that only the start, or a busy time, needed:
// garbage, and the pages of the program itself, which come back one by one when
// they are used again. A daemon is idle most of its life, on machines that have
// better uses for ten megabytes. Close ends it.
func (s *Server) trimLater() {
	s.background.Go(func() {
		timer := time.NewTimer(trimAfter)
		defer timer.Stop()
		trimmed, before := uint64(0), uint64(0) // bytes allocated until then
		for {
			select {
			case <-timer.C:
			case <-s.closing:
				return
			}
			now := allocated()
			if before == 0 || now-trimmed > trimMuch && now-before < trimQuiet {
				debug.FreeOSMemory()
				forgetProgram()
				now = allocated()
				trimmed = now
			}
			before = now
			timer.Reset(trimEvery)
		}
	})
}

// allocated is how much has ever been allocated, in bytes.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// forgetProgram drops the mapped pages of this program's code and constants
// from the process. They are clean and stay in the page cache. What the dynamic
// linker has written before it made it read-only (addresses of C functions) is
// not clean, and stays.
func forgetProgram() {
	self, err := os.Executable()
	if err != nil {
		return
	}
	smaps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	for _, m := range cleanMappings(string(smaps), self) {
		// Private, never written, backed by the file: nothing can be lost.
		_ = unix.Madvise(programBytes(m.start, m.size), unix.MADV_DONTNEED) // saves memory or does not
	}
}

// mapping is a part of the address space.
type mapping struct {
	start uintptr
	size  int
}

// cleanMappings finds the read-only private mappings of a file that have no page
// of their own. proc_pid_smaps(5) has the format.
func cleanMappings(smaps, file string) []mapping {
	var clean []mapping
	var current *mapping // of the file, until its line Anonymous has been seen
	for line := range strings.Lines(smaps) {
		fields := strings.Fields(line)
		switch {
		case len(fields) >= 5 && len(fields[1]) == 4: // the head of a mapping
			current = nil
			from, to, _ := strings.Cut(fields[0], "-")
			start, err1 := strconv.ParseUint(from, 16, 64)
			end, err2 := strconv.ParseUint(to, 16, 64)
			if err1 == nil && err2 == nil && end > start && len(fields) == 6 && fields[5] == file &&
				(fields[1] == "r-xp" || fields[1] == "r--p") {
				current = &mapping{uintptr(start), int(end - start)}
			}
		case current != nil && len(fields) == 3 && fields[0] == "Anonymous:":
			if fields[1] == "0" {
				clean = append(clean, *current)
			}
			current = nil
		}
	}
	return clean
}

// programBytes is a part of this program as a slice. The address is that of a
// mapping, not of a Go object.
func programBytes(start uintptr, n int) []byte {
	return unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&start))), n)
}
