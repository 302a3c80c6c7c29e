package execengine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/execdriver/native/execproto"
)

// Records are the files <dir>/<id>.json. One is written when a container has
// started, and its exit is appended as a second document when it has ended,
// before anybody is told. They are not fsynced: they have to outlive this
// process, not the host; after a crash of the host no container runs any more
// and an unreadable record is dropped. To replace the file would make file
// systems write it to the disk at once, which takes longer than all the rest.

func recordPath(dir, id string) string { return filepath.Join(dir, id+".json") }

func writeRecord(dir string, r *execproto.Record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	path := recordPath(dir, r.ID)
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return fmt.Errorf("writing record of %s: %w", r.ID, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("writing record of %s: %w", r.ID, err)
	}
	return nil
}

// appendExit adds the exit to a record. It is one write of less than a page: a
// kill finds all of it or nothing.
func appendExit(dir string, x *execproto.Exit) error {
	b, err := json.Marshal(x)
	if err != nil {
		return err
	}
	path := recordPath(dir, x.ID)
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_APPEND|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("recording exit of %s: %w", x.ID, err)
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, append([]byte("\n"), b...)); err != nil {
		return fmt.Errorf("recording exit of %s: %w", x.ID, err)
	}
	return nil
}

// readRecords reads what an earlier exec engine left.
func readRecords(dir string) ([]*execproto.Record, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var list []*execproto.Record
	for _, path := range paths {
		r, err := readRecord(path)
		if err != nil || r.ID+".json" != filepath.Base(path) {
			_ = os.Remove(path) // damaged by a crash of the host
			continue
		}
		list = append(list, r)
	}
	return list, nil
}

func readRecord(path string) (*execproto.Record, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := new(execproto.Record)
	in := json.NewDecoder(bytes.NewReader(b))
	if err := in.Decode(r); err != nil {
		return nil, err
	}
	x := new(execproto.Exit)
	switch err := in.Decode(x); {
	case err == nil && x.ID == r.ID:
		r.Exit = x
	case err != nil && err != io.EOF:
		return nil, err
	}
	return r, nil
}

// startTime reads when a process was started, in ticks since boot. Together with
// the pid it names a process for good.
func startTime(pid int) (uint64, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, err
	}
	// The name in parentheses may hold anything; the fields follow the last one.
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	const startTimeField = 19
	if len(f) <= startTimeField {
		return 0, fmt.Errorf("reading /proc/%d/stat: it is too short", pid)
	}
	return strconv.ParseUint(f[startTimeField], 10, 64)
}
