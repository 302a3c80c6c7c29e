package client

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/docker/go-units"

	"github.com/enginejobs/docker/api"
)

// statsListing is stats for --format.
func statsListing() listing {
	return listing{
		table: `{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}`,
		header: header{
			"Container": "CONTAINER", "Name": "NAME", "ID": "CONTAINER ID", "CPUPerc": "CPU %", "MemUsage": "MEM USAGE / LIMIT",
			"MemPerc": "MEM %", "NetIO": "NET I/O", "BlockIO": "BLOCK I/O", "PIDs": "PIDS",
		},
	}
}

// statsRow is a container as stats shows it; its methods are the fields of a
// template. Before the first sample everything is "--".
type statsRow struct {
	typed string
	o     statsOptions
	s     *api.Stats
	stale bool // there is no news of it
	// classic tells that it is for the table of the command and not for --format.
	classic bool
}

// Container is the name as typed, or the id.
func (r statsRow) Container() string {
	if len(r.o.names) == 0 && !r.o.noTrunc {
		return shortID(r.typed)
	}
	return r.typed
}

// Name is the container's own name.
func (r statsRow) Name() string {
	if r.s == nil {
		return "--"
	}
	return strings.TrimPrefix(r.s.Name, "/")
}

// ID is the short id, or the whole one with --no-trunc.
func (r statsRow) ID() string {
	switch {
	case r.s == nil:
		return "--"
	case r.o.noTrunc:
		return r.s.Id
	}
	return shortID(r.s.Id)
}

// CPUPerc is the share of one processor between the last two samples: 200% are
// two of them.
func (r statsRow) CPUPerc() string {
	if r.s == nil {
		return "--"
	}
	now, before := &r.s.CPUStats, &r.s.PreCPUStats
	used := float64(now.CPUUsage.Total) - float64(before.CPUUsage.Total)
	system := float64(now.SystemUsage) - float64(before.SystemUsage)
	if r.stale || before.SystemUsage == 0 || used < 0 || system <= 0 {
		return percent(0)
	}
	processors := float64(now.OnlineCPUs)
	if processors == 0 {
		processors = float64(len(now.CPUUsage.PerCPU))
	}
	return percent(used / system * processors * 100)
}

func percent(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) + "%" }

// memory is what is used, without what the kernel would give back first: files
// that it keeps and nobody has used for long.
func (r statsRow) memory() float64 {
	if r.stale {
		return 0
	}
	m := &r.s.MemoryStats
	idle, v1 := m.Stats["total_inactive_file"]
	if !v1 {
		idle = m.Stats["inactive_file"]
	}
	if idle < m.Usage {
		return float64(m.Usage - idle)
	}
	return float64(m.Usage)
}

// MemUsage is memory used and allowed.
func (r statsRow) MemUsage() string {
	if r.s == nil {
		return "-- / --"
	}
	return r.pair(r.memory(), float64(r.s.MemoryStats.Limit), units.BytesSize)
}

// pair is two sizes. Tables have a blank before the units, as they always had.
func (r statsRow) pair(a, b float64, text func(float64) string) string {
	if r.classic {
		blank := func(f float64) string {
			t := text(f)
			unit := strings.IndexFunc(t, unicode.IsLetter)
			return t[:unit] + " " + t[unit:]
		}
		return blank(a) + " / " + blank(b)
	}
	return text(a) + " / " + text(b)
}

// digits is a size of traffic: with three digits, or four in the table.
func (r statsRow) digits(f float64) string {
	if r.classic {
		return units.HumanSize(f)
	}
	return units.HumanSizeWithPrecision(f, 3)
}

// MemPerc is memory used of what is allowed.
func (r statsRow) MemPerc() string {
	switch {
	case r.s == nil:
		return "--"
	case r.s.MemoryStats.Limit == 0:
		return percent(0)
	}
	return percent(r.memory() / float64(r.s.MemoryStats.Limit) * 100)
}

// NetIO is bytes received and sent on all interfaces.
func (r statsRow) NetIO() string {
	if r.s == nil {
		return "--"
	}
	var rx, tx uint64
	for _, n := range r.s.Networks {
		rx, tx = rx+n.RxBytes, tx+n.TxBytes
	}
	return r.pair(float64(rx), float64(tx), r.digits)
}

// BlockIO is bytes read from and written to block devices.
func (r statsRow) BlockIO() string {
	if r.s == nil {
		return "--"
	}
	var read, written uint64
	for _, e := range r.s.BlkioStats.ServiceBytes {
		switch strings.ToLower(e.Op) {
		case "read":
			read += e.Value
		case "write":
			written += e.Value
		}
	}
	return r.pair(float64(read), float64(written), r.digits)
}

// PIDs is the number of processes and threads.
func (r statsRow) PIDs() string {
	if r.s == nil {
		return "--"
	}
	return fmt.Sprint(r.s.PidsStats.Current)
}

// MarshalJSON makes {{json .}} show the row and not its source.
func (r statsRow) MarshalJSON() ([]byte, error) {
	return rowJSON(map[string]any{
		"Container": r.Container(), "Name": r.Name(), "ID": r.ID(), "CPUPerc": r.CPUPerc(), "MemUsage": r.MemUsage(),
		"MemPerc": r.MemPerc(), "NetIO": r.NetIO(), "BlockIO": r.BlockIO(), "PIDs": r.PIDs(),
	})
}
