package api

import "time"

// Stats is one sample of what a container uses; times are nanoseconds, sizes
// bytes. Of one that does not run only Name and Id are set. What the host does
// not count is absent, or zero.
type Stats struct {
	Name         string                  `json:"name"`
	Id           string                  `json:"id"` //nolint:revive // wire name
	Read         time.Time               `json:"read"`
	PreRead      time.Time               `json:"preread"` // of PreCPUStats
	NumProcs     uint32                  `json:"num_procs"`
	PidsStats    PidsStats               `json:"pids_stats"`
	CPUStats     CPUStats                `json:"cpu_stats"`
	PreCPUStats  CPUStats                `json:"precpu_stats"` // of the sample before, zero when there was none
	MemoryStats  MemoryStats             `json:"memory_stats"`
	BlkioStats   BlkioStats              `json:"blkio_stats"`
	StorageStats struct{}                `json:"storage_stats"`
	Networks     map[string]NetworkStats `json:"networks,omitempty"` // by interface in the container
}

// PidsStats counts processes and threads. No limit is 0.
type PidsStats struct {
	Current uint64 `json:"current,omitempty"`
	Limit   uint64 `json:"limit,omitempty"`
}

// CPUStats is processor time since the start, the container's and the host's.
type CPUStats struct {
	CPUUsage       CPUUsage       `json:"cpu_usage"`
	SystemUsage    uint64         `json:"system_cpu_usage,omitempty"` // of all processors, idle time too
	OnlineCPUs     uint32         `json:"online_cpus,omitempty"`
	ThrottlingData ThrottlingData `json:"throttling_data"`
}

// CPUUsage is processor time.
type CPUUsage struct {
	Total  uint64   `json:"total_usage"`
	PerCPU []uint64 `json:"percpu_usage,omitempty"`
	Kernel uint64   `json:"usage_in_kernelmode"`
	User   uint64   `json:"usage_in_usermode"`
}

// ThrottlingData tells how often and how long a quota held the container back.
type ThrottlingData struct {
	Periods          uint64 `json:"periods"`
	ThrottledPeriods uint64 `json:"throttled_periods"`
	ThrottledTime    uint64 `json:"throttled_time"`
}

// MemoryStats is memory. Limit is the host's memory where there is none.
type MemoryStats struct {
	Usage    uint64            `json:"usage,omitempty"`
	MaxUsage uint64            `json:"max_usage,omitempty"`
	Stats    map[string]uint64 `json:"stats,omitempty"` // the kernel's memory.stat
	Failcnt  uint64            `json:"failcnt,omitempty"`
	Limit    uint64            `json:"limit,omitempty"`
}

// BlkioStats has the tables of block input and output.
type BlkioStats struct {
	ServiceBytes []BlkioEntry `json:"io_service_bytes_recursive"`
	Serviced     []BlkioEntry `json:"io_serviced_recursive"`
	Queued       []BlkioEntry `json:"io_queue_recursive"`
	ServiceTime  []BlkioEntry `json:"io_service_time_recursive"`
	WaitTime     []BlkioEntry `json:"io_wait_time_recursive"`
	Merged       []BlkioEntry `json:"io_merged_recursive"`
	Time         []BlkioEntry `json:"io_time_recursive"`
	Sectors      []BlkioEntry `json:"sectors_recursive"`
}

// BlkioEntry is one number of a device.
type BlkioEntry struct {
	Major uint64 `json:"major"`
	Minor uint64 `json:"minor"`
	Op    string `json:"op"`
	Value uint64 `json:"value"`
}

// NetworkStats are the counters of an interface, or of all of them together.
type NetworkStats struct {
	RxBytes   uint64 `json:"rx_bytes"`
	RxPackets uint64 `json:"rx_packets"`
	RxErrors  uint64 `json:"rx_errors"`
	RxDropped uint64 `json:"rx_dropped"`
	TxBytes   uint64 `json:"tx_bytes"`
	TxPackets uint64 `json:"tx_packets"`
	TxErrors  uint64 `json:"tx_errors"`
	TxDropped uint64 `json:"tx_dropped"`
}

// ContainerUpdated is the answer of an update.
type ContainerUpdated struct {
	Warnings []string
}
