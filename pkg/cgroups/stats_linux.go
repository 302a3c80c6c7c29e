package cgroups

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit of cpuacct.stat in nanoseconds; the kernel's interface to
// users has been fixed at a hundredth of a second for decades.
const tick = uint64(time.Second / 100)

// Stats reads one sample. Files that the host lacks leave zeros; a group that is
// gone is fs.ErrNotExist.
func (g *Group) Stats() (*Stats, error) {
	r := reader{buf: make([]byte, 8<<10)}
	s := &Stats{V2: g.V2}
	if g.V2 {
		r.statsV2(g.Paths[""], s)
	} else {
		r.statsV1(g, s)
	}
	s.Read = time.Now().UTC()
	if r.found == 0 {
		return nil, &fs.PathError{Op: "open", Path: g.anyDir(), Err: fs.ErrNotExist}
	}
	return s, r.err
}

// reader reads files of control groups into one buffer.
type reader struct {
	buf   []byte
	found int   // files that were there
	err   error // the first that is not their absence
}

// file reads a file; what it returns is overwritten by the next call. A file
// that is not there is empty.
func (r *reader) file(dir, name string) []byte {
	if dir == "" || r.err != nil {
		return nil
	}
	fd, err := unix.Open(dir+"/"+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		r.fail(dir, name, err)
		return nil
	}
	defer unix.Close(fd)
	n := 0
	for {
		got, err := unix.Read(fd, r.buf[n:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			r.fail(dir, name, err)
			return nil
		}
		if got == 0 {
			r.found++
			return r.buf[:n]
		}
		// A file of one number is read at once: nothing follows its only line.
		if n += got; r.buf[n-1] == '\n' && n < 24 && bytes.IndexByte(r.buf[:n], '\n') == n-1 && bytes.IndexByte(r.buf[:n], ' ') < 0 {
			r.found++
			return r.buf[:n]
		}
		if n == len(r.buf) {
			r.buf = append(r.buf, make([]byte, len(r.buf))...)
		}
	}
}

func (r *reader) fail(dir, name string, err error) {
	for _, missing := range [...]error{unix.ENOENT, unix.ENODEV, unix.EOPNOTSUPP} { // the last: a scheduler that is not in use
		if errors.Is(err, missing) {
			return
		}
	}
	r.err = &fs.PathError{Op: "read", Path: dir + "/" + name, Err: err}
}

// number reads a file of one number; "max" is math.MaxUint64.
func (r *reader) number(dir, name string) uint64 {
	return parseNumber(bytes.TrimSpace(r.file(dir, name)))
}

func parseNumber(b []byte) uint64 {
	if string(b) == "max" {
		return math.MaxUint64
	}
	n, _ := parseUint(b)
	return n
}

// parseUint is strconv's without making a string.
func parseUint(b []byte) (n uint64, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' || n > math.MaxUint64/10 {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, len(b) > 0
}

// eachLine calls do with the words of every line.
func eachLine(text []byte, do func(words [][]byte)) {
	var words [8][]byte
	for len(text) > 0 {
		line := text
		if end := bytes.IndexByte(text, '\n'); end >= 0 {
			line, text = text[:end], text[end+1:]
		} else {
			text = nil
		}
		n := 0
		for len(line) > 0 && n < len(words) {
			word := line
			if end := bytes.IndexByte(line, ' '); end >= 0 {
				word, line = line[:end], line[end+1:]
			} else {
				line = nil
			}
			if len(word) > 0 {
				words[n] = word
				n++
			}
		}
		if n > 0 {
			do(words[:n])
		}
	}
}

// eachPair calls do for the lines "name number".
func eachPair(text []byte, do func(name []byte, value uint64)) {
	eachLine(text, func(words [][]byte) {
		if len(words) == 2 {
			if n, ok := parseUint(words[1]); ok {
				do(words[0], n)
			}
		}
	})
}

func counters(text []byte) []Counter {
	list := make([]Counter, 0, bytes.Count(text, []byte{'\n'}))
	eachPair(text, func(name []byte, n uint64) { list = append(list, Counter{string(name), n}) })
	return list
}

func (r *reader) statsV1(g *Group, s *Stats) {
	acct := g.Paths["cpuacct"]
	eachField(r.file(acct, "cpuacct.usage_percpu"), func(word []byte) {
		n, _ := parseUint(word)
		s.CPU.PerCPU = append(s.CPU.PerCPU, n)
		s.CPU.Total += n
	})
	eachPair(r.file(acct, "cpuacct.stat"), func(name []byte, n uint64) {
		switch string(name) {
		case "user":
			s.CPU.User = n * tick
		case "system":
			s.CPU.Kernel = n * tick
		}
	})
	eachPair(r.file(g.Paths["cpu"], "cpu.stat"), func(name []byte, n uint64) {
		switch string(name) {
		case "nr_periods":
			s.CPU.Periods = n
		case "nr_throttled":
			s.CPU.Throttled = n
		case "throttled_time":
			s.CPU.ThrottledTime = n
		}
	})
	mem := g.Paths["memory"]
	s.Memory = MemoryStats{
		Usage: r.number(mem, "memory.usage_in_bytes"), MaxUsage: r.number(mem, "memory.max_usage_in_bytes"),
		Failcnt: r.number(mem, "memory.failcnt"), Limit: r.number(mem, "memory.limit_in_bytes"),
		Stats: counters(r.file(mem, "memory.stat")),
	}
	r.blkioV1(g.Paths["blkio"], &s.Blkio)
	r.pids(g.Paths["pids"], s)
}

func eachField(text []byte, do func(word []byte)) {
	for word := range bytes.FieldsSeq(text) {
		do(word)
	}
}

func (r *reader) pids(dir string, s *Stats) {
	s.Pids.Current = r.number(dir, "pids.current")
	if s.Pids.Limit = r.number(dir, "pids.max"); s.Pids.Limit == math.MaxUint64 {
		s.Pids.Limit = 0
	}
}

// blkioV1 reads the tables of whichever scheduler counts; what passes through
// none is counted where it is throttled.
func (r *reader) blkioV1(dir string, b *BlkioStats) {
	b.ServiceBytes = r.table(dir, "blkio.bfq.io_service_bytes_recursive", "blkio.io_service_bytes_recursive",
		"blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_service_bytes")
	b.Serviced = r.table(dir, "blkio.bfq.io_serviced_recursive", "blkio.io_serviced_recursive",
		"blkio.throttle.io_serviced_recursive", "blkio.throttle.io_serviced")
	for _, t := range [...]struct {
		name string
		into *[]BlkioEntry
	}{
		{"io_queued_recursive", &b.Queued}, {"io_service_time_recursive", &b.ServiceTime},
		{"io_wait_time_recursive", &b.WaitTime}, {"io_merged_recursive", &b.Merged},
		{"time_recursive", &b.Time}, {"sectors_recursive", &b.Sectors},
	} {
		*t.into = r.table(dir, "blkio.bfq."+t.name, "blkio."+t.name)
	}
}

// table reads the first of the files that has an entry. Lines are
// "major:minor [op] number"; the sum over all devices is left out.
func (r *reader) table(dir string, names ...string) (list []BlkioEntry) {
	for _, name := range names {
		eachLine(r.file(dir, name), func(words [][]byte) {
			major, minor, ok := parseDevice(words[0])
			if !ok || len(words) < 2 {
				return
			}
			e := BlkioEntry{Major: major, Minor: minor}
			if len(words) > 2 {
				e.Op = string(words[1])
			}
			e.Value, _ = parseUint(words[len(words)-1])
			list = append(list, e)
		})
		if len(list) > 0 {
			return list
		}
	}
	return nil
}

func parseDevice(word []byte) (major, minor uint64, ok bool) {
	a, b, ok := bytes.Cut(word, []byte{':'})
	if !ok {
		return 0, 0, false
	}
	major, ok = parseUint(a)
	minor, ok2 := parseUint(b)
	return major, minor, ok && ok2
}

func (r *reader) statsV2(dir string, s *Stats) {
	eachPair(r.file(dir, "cpu.stat"), func(name []byte, n uint64) {
		const micro = uint64(time.Microsecond)
		switch string(name) {
		case "usage_usec":
			s.CPU.Total = n * micro
		case "user_usec":
			s.CPU.User = n * micro
		case "system_usec":
			s.CPU.Kernel = n * micro
		case "nr_periods":
			s.CPU.Periods = n
		case "nr_throttled":
			s.CPU.Throttled = n
		case "throttled_usec":
			s.CPU.ThrottledTime = n * micro
		}
	})
	s.Memory = MemoryStats{
		Usage: r.number(dir, "memory.current"), Limit: r.number(dir, "memory.max"),
		Stats: counters(r.file(dir, "memory.stat")),
	}
	eachPair(r.file(dir, "memory.events"), func(name []byte, n uint64) {
		if string(name) == "oom" {
			s.Memory.Failcnt = n
		}
	})
	eachLine(r.file(dir, "io.stat"), func(words [][]byte) {
		major, minor, ok := parseDevice(words[0])
		if !ok {
			return
		}
		for _, w := range words[1:] {
			name, value, _ := bytes.Cut(w, []byte{'='})
			e := BlkioEntry{Major: major, Minor: minor, Value: parseNumber(value)}
			switch string(name) {
			case "rbytes":
				e.Op = "read"
			case "wbytes":
				e.Op = "write"
			default:
				continue
			}
			s.Blkio.ServiceBytes = append(s.Blkio.ServiceBytes, e)
		}
	})
	r.pids(dir, s)
}

// readValue reads a small file as text without the end of its line; "" and false
// when the host lacks it.
func readValue(dir, name string) (string, bool) {
	r := reader{buf: make([]byte, 256)}
	b := r.file(dir, name)
	return string(bytes.TrimSpace(b)), r.found > 0
}

// readInt is readValue of a number; -1 when it is "max", missing, or more than an
// int64 holds.
func readInt(dir, name string) int64 {
	text, _ := readValue(dir, name)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return -1
	}
	return n
}
