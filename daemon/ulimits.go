package daemon

import (
	"os"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/runconfig"
)

// parseUlimit reads "nofile=1024:2048" or "nofile=1024".
func parseUlimit(text string) (runconfig.Ulimit, error) {
	u, err := units.ParseUlimit(text)
	if err != nil {
		return runconfig.Ulimit{}, errdefs.InvalidArgument("invalid ulimit %q: want NAME=SOFT[:HARD]: %w", text, err)
	}
	return runconfig.Ulimit{Name: u.Name, Soft: u.Soft, Hard: u.Hard}, nil
}

func checkUlimits(h *runconfig.HostConfig) error {
	for _, u := range h.Ulimits {
		if _, known := rlimits[u.Name]; !known {
			return errdefs.InvalidArgument("invalid ulimit type: %s", u.Name)
		}
		if u.Hard >= 0 && (u.Soft > u.Hard || u.Soft < 0) {
			return errdefs.InvalidArgument("ulimit soft limit must be less than or equal to hard limit: %d > %d", u.Soft, u.Hard)
		}
	}
	return nil
}

// rlimits are the numbers of the names.
var rlimits = map[string]int{
	"as": unix.RLIMIT_AS, "core": unix.RLIMIT_CORE, "cpu": unix.RLIMIT_CPU, "data": unix.RLIMIT_DATA,
	"fsize": unix.RLIMIT_FSIZE, "locks": unix.RLIMIT_LOCKS, "memlock": unix.RLIMIT_MEMLOCK,
	"msgqueue": unix.RLIMIT_MSGQUEUE, "nice": unix.RLIMIT_NICE, "nofile": unix.RLIMIT_NOFILE,
	"nproc": unix.RLIMIT_NPROC, "rss": unix.RLIMIT_RSS, "rtprio": unix.RLIMIT_RTPRIO, "rttime": unix.RLIMIT_RTTIME,
	"sigpending": unix.RLIMIT_SIGPENDING, "stack": unix.RLIMIT_STACK,
}

// clamp turns a ulimit into what this process can give: without
// CAP_SYS_RESOURCE no hard limit can be raised.
func clamp(u runconfig.Ulimit) (r execdriver.Rlimit, clamped bool) {
	r = execdriver.Rlimit{Name: u.Name, Soft: uint64(u.Soft), Hard: uint64(u.Hard)} // -1 is unlimited in both
	var have unix.Rlimit
	if canRaise() || unix.Getrlimit(rlimits[u.Name], &have) != nil || r.Hard <= have.Max {
		return r, false
	}
	r.Hard = have.Max
	r.Soft = min(r.Soft, r.Hard)
	return r, true
}

// canRaise tells whether the process has CAP_SYS_RESOURCE (number 24).
func canRaise() bool {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(b), "CapEff:\t")
	text, _, _ := strings.Cut(rest, "\n")
	caps, _ := strconv.ParseUint(text, 16, 64)
	return caps&(1<<24) != 0
}

// rlimits are the ulimits of a container and the daemon's defaults.
func (d *Daemon) rlimits(h *runconfig.HostConfig) (list []execdriver.Rlimit) {
	have := map[string]bool{}
	for _, u := range h.Ulimits {
		limit, _ := clamp(u)
		list = append(list, limit)
		have[u.Name] = true
	}
	for _, u := range d.ulimits {
		if !have[u.Name] {
			limit, _ := clamp(u)
			list = append(list, limit)
		}
	}
	return list
}
