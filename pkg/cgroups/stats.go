package cgroups

import "time"

// Stats is one sample of what a group uses, in the kernel's own numbers. Times
// are nanoseconds, sizes bytes. What the host does not count is zero or nil.
type Stats struct {
	Read time.Time
	// V2 says that the numbers come from the unified hierarchy, which has no
	// PerCPU and no MaxUsage, one table of Blkio, and other names in
	// MemoryStats.Stats.
	V2     bool
	CPU    CPUStats
	Memory MemoryStats
	Blkio  BlkioStats
	Pids   PidsStats
}

// CPUStats is processor time used since the group was made.
type CPUStats struct {
	Total, User, Kernel uint64
	PerCPU              []uint64 // Total by processor

	// Of the quota: how many periods went by while something wanted to run, in how
	// many of them it was held back, and for how long in all.
	Periods, Throttled, ThrottledTime uint64
}

// MemoryStats is memory, with what the kernel keeps in it for its own sake.
type MemoryStats struct {
	Usage, MaxUsage uint64
	Failcnt         uint64 // how often the limit was hit; v2: how often the group was out of memory
	Limit           uint64 // a number above all memory when there is none
	Stats           []Counter
}

// Counter is a line of memory.stat.
type Counter struct {
	Name  string
	Value uint64
}

// BlkioStats has the tables of block input and output, one entry a device and
// kind of operation.
type BlkioStats struct {
	ServiceBytes, Serviced, Queued, ServiceTime, WaitTime, Merged, Time, Sectors []BlkioEntry
}

// BlkioEntry is one number of such a table. Op is "Read", "Write", "Sync",
// "Async", "Discard", "Total", or "" where the table has one number a device; on
// the unified hierarchy it is "read" or "write".
type BlkioEntry struct {
	Major, Minor uint64
	Op           string
	Value        uint64
}

// PidsStats counts processes and threads.
type PidsStats struct {
	Current uint64
	Limit   uint64 // 0: none
}

// WeightDevice is the share of a device, 10 to 1000.
type WeightDevice struct {
	Major  int64  `json:"major"`
	Minor  int64  `json:"minor"`
	Weight uint16 `json:"weight"`
}

// ThrottleDevice is a rate of a device: bytes or operations a second. 0 takes a
// limit away.
type ThrottleDevice struct {
	Major int64  `json:"major"`
	Minor int64  `json:"minor"`
	Rate  uint64 `json:"rate"`
}
