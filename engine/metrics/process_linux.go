package metrics

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process reads /proc/self; proc_pid_stat(5) has the format.
type process struct {
	once    sync.Once
	started float64 // when, in seconds since 1970; computed once, so that it never moves
}

// ticks is how many of them make a second of user space; the kernel's interface
// fixes it for every architecture that Go runs on.
const ticks = 100

// Fields of /proc/self/stat, counted from the one after the command's name.
const (
	fieldUtime     = 11
	fieldStime     = 12
	fieldStarttime = 19
	fieldVsize     = 20
	fieldRss       = 21
)

func (p *process) collect(page *Page) {
	stat := readStat()
	if stat == nil {
		return
	}
	p.once.Do(func() { p.started = startTime(stat[fieldStarttime]) })
	page.Counter("process_cpu_seconds_total", "User and system CPU time spent, in seconds.").
		Add((stat[fieldUtime] + stat[fieldStime]) / ticks)
	page.Gauge("process_virtual_memory_bytes", "Size of the address space in bytes.").Add(stat[fieldVsize])
	page.Gauge("process_resident_memory_bytes", "Memory in RAM in bytes.").Add(stat[fieldRss] * float64(os.Getpagesize()))
	if p.started > 0 {
		page.Gauge("process_start_time_seconds", "When the process started, in seconds since 1970.").Add(p.started)
	}
	if n, ok := openFiles(); ok {
		page.Gauge("process_open_fds", "Open file descriptors.").Add(float64(n))
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err == nil {
		page.Gauge("process_max_fds", "File descriptors that may be open at most.").Add(float64(limit.Cur))
	}
}

// readStat gives the numbers of /proc/self/stat behind the name of the command,
// or nil.
func readStat() []float64 {
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return nil
	}
	i := bytes.LastIndexByte(text, ')') // the name may hold anything
	fields := strings.Fields(string(text[i+1:]))
	if i < 0 || len(fields) <= fieldRss {
		return nil
	}
	numbers := make([]float64, fieldRss+1)
	for i := range numbers {
		numbers[i], _ = strconv.ParseFloat(fields[i], 64) // the first is a letter, and is 0
	}
	return numbers
}

// startTime turns ticks since boot into seconds since 1970, or 0.
func startTime(since float64) float64 {
	text, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return 0
	}
	up, _, _ := strings.Cut(string(text), " ")
	seconds, err := strconv.ParseFloat(up, 64)
	if err != nil {
		return 0
	}
	now := float64(time.Now().UnixMilli()) / 1000
	return float64(int64((now-seconds+since/ticks)*100)) / 100
}

// openFiles counts descriptors. Linux tells the number as the size of the
// directory since 6.2; before that it has to be read.
func openFiles() (int, bool) {
	const dir = "/proc/self/fd"
	if info, err := os.Stat(dir); err == nil && info.Size() > 0 {
		return int(info.Size()), true
	}
	f, err := os.Open(dir)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	return len(names) - 1, err == nil // without the one that reads
}
