package server

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// trimAfter is how long after the start what only the start needed is let go.
const trimAfter = 300 * time.Millisecond

// trimLater gives memory back that only the start needed: garbage, and the pages
// of the program itself, which come back one by one when they are used again. A
// daemon is idle most of its life, on machines that have better uses for ten
// megabytes. Close ends the wait.
func (s *Server) trimLater() {
	s.background.Go(func() {
		timer := time.NewTimer(trimAfter)
		defer timer.Stop()
		select {
		case <-timer.C:
			debug.FreeOSMemory()
			forgetProgram()
		case <-s.closing:
		}
	})
}

// forgetProgram drops the mapped pages of this program's code and constants
// from the process. They are clean and stay in the page cache.
func forgetProgram() {
	self, err := os.Executable()
	if err != nil {
		return
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	for _, line := range strings.Split(string(maps), "\n") {
		fields := strings.Fields(line)
		if len(fields) != 6 || fields[5] != self || fields[1] != "r-xp" && fields[1] != "r--p" {
			continue
		}
		from, to, _ := strings.Cut(fields[0], "-")
		start, err1 := strconv.ParseUint(from, 16, 64)
		end, err2 := strconv.ParseUint(to, 16, 64)
		if err1 != nil || err2 != nil || end <= start {
			continue
		}
		// Private, never written, backed by the file: nothing can be lost.
		_ = unix.Madvise(programBytes(uintptr(start), int(end-start)), unix.MADV_DONTNEED) // saves memory or does not
	}
}

// programBytes is a part of this program as a slice. The address is that of a
// mapping, not of a Go object.
func programBytes(start uintptr, n int) []byte {
	return unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&start))), n)
}
