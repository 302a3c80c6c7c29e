package daemon

import (
	"bytes"
	"context"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// topOptions name a container and the arguments of ps.
type topOptions struct {
	Name string
	Args []string
}

// topResult is the answer of the job top.
type topResult struct {
	Titles    []string
	Processes [][]string
}

func decodeTop(job *engine.Job) topOptions {
	opt := topOptions{Name: job.Args[0], Args: []string{"-ef"}}
	if len(job.Args) > 1 && strings.TrimSpace(job.Args[1]) != "" {
		opt.Args = strings.Fields(job.Args[1])
	}
	return opt
}

// jobTop shows the processes of a container as the host's ps does.
//
// Usage:  top CONTAINER [PS_ARGS]
// Args:   PS_ARGS: split at spaces; default -ef. The output must have a column PID.
// Stdout: one object with Titles and Processes.
// Errors: NotFound, Conflict (does not run), InvalidArgument (ps refuses its arguments).
// Events: top.
func (d *Daemon) jobTop(job *engine.Job) error {
	opt := decodeTop(job)
	result, err := d.Top(job.Context(), opt)
	if err != nil {
		return err
	}
	return job.WriteJSON(result)
}

// Top runs ps on the host and keeps the rows of the container.
func (d *Daemon) Top(ctx context.Context, opt topOptions) (*topResult, error) {
	c, err := d.containers.find(opt.Name)
	if err != nil {
		return nil, err
	}
	s := c.now()
	if !s.state.active() {
		return nil, errdefs.Conflict("Container %s is not running", opt.Name)
	}
	pids, err := d.opt.Exec.Pids(ctx, c.id)
	if err != nil {
		return nil, err
	}
	var errs bytes.Buffer
	ps := exec.CommandContext(ctx, "ps", opt.Args...)
	ps.Stderr = &errs
	out, err := ps.Output()
	if err != nil {
		return nil, errdefs.InvalidArgument("Error running ps: %w: %s", err, firstLine(errs.Bytes()))
	}
	result, err := parsePS(out, pids)
	if err != nil {
		return nil, err
	}
	d.event(ctx, s, "top", nil)
	return result, nil
}

func firstLine(b []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	return line
}

// parsePS keeps the rows of the given processes. What is more than the titles
// stays in the last column.
func parsePS(out []byte, pids []int) (*topResult, error) {
	lines := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	result := &topResult{Titles: strings.Fields(lines[0]), Processes: [][]string{}}
	column := slices.Index(result.Titles, "PID")
	if column < 0 {
		return nil, errdefs.InvalidArgument("Couldn't find PID field in ps output")
	}
	for _, line := range lines[1:] {
		fields := strings.Fields(line)
		if len(fields) <= column {
			continue
		}
		pid, err := strconv.Atoi(fields[column])
		if err != nil {
			return nil, errdefs.Internal("Unexpected pid '%s': %w", fields[column], err)
		}
		if !slices.Contains(pids, pid) {
			continue
		}
		if last := len(result.Titles) - 1; len(fields) > last+1 {
			fields = append(fields[:last:last], strings.Join(fields[last:], " "))
		}
		result.Processes = append(result.Processes, fields)
	}
	return result, nil
}
