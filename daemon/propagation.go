package daemon

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/enginejobs/docker/errdefs"
)

// checkPropagation refuses a bind that is to pass mounts on when the host keeps
// them to itself: the kernel would mount it, and nothing would ever arrive.
func checkPropagation(source, propagation string) error {
	kind := strings.TrimPrefix(propagation, "r")
	if kind != "shared" && kind != "slave" {
		return nil
	}
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("reading the mounts of the host: %w", err)
	}
	real, err := filepath.EvalSymlinks(source)
	if err != nil {
		return errdefs.InvalidArgument("bind source %s: %w", source, err)
	}
	at, shared, slave := mountOf(table, real)
	switch {
	case kind == "shared" && !shared:
		return errdefs.InvalidArgument("path %s is mounted on %s but it is not a shared mount", source, at)
	case kind == "slave" && !shared && !slave:
		return errdefs.InvalidArgument("path %s is mounted on %s but it is not a shared or slave mount", source, at)
	}
	return nil
}

// mountOf finds the mount that a path is on, the last and deepest of those above
// it, in a table as proc_pid_mountinfo(5) describes it.
func mountOf(table []byte, path string) (at string, shared, slave bool) {
	for line := range bytes.Lines(table) {
		fields := strings.Fields(string(line))
		if len(fields) < 7 {
			continue
		}
		point := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(fields[4])
		inside := point == "/" || path == point || strings.HasPrefix(path, point+"/")
		if !inside || len(point) < len(at) {
			continue
		}
		at, shared, slave = point, false, false
		for _, f := range fields[6:] {
			if f == "-" {
				break
			}
			shared = shared || strings.HasPrefix(f, "shared:")
			slave = slave || strings.HasPrefix(f, "master:")
		}
	}
	return at, shared, slave
}
