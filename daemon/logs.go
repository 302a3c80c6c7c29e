package daemon

import (
	"context"
	"io"
	"strconv"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/jsonlog"
)

// logsOptions choose what to show of a log.
type logsOptions struct {
	Name           string
	Stdout, Stderr bool
	Timestamps     bool
	Read           jsonlog.Options
	Out, Err       io.Writer
}

// logStamp is RFC 3339 with all nine decimals.
const logStamp = "2006-01-02T15:04:05.000000000Z07:00"

func decodeLogs(job *engine.Job, now time.Time) (logsOptions, error) {
	opt := logsOptions{
		Name: job.Args[0], Stdout: job.GetenvBool("stdout"), Stderr: job.GetenvBool("stderr"),
		Timestamps: job.GetenvBool("timestamps"), Out: job.Stdout, Err: job.Stderr,
		Read: jsonlog.Options{Tail: -1, Follow: job.GetenvBool("follow")},
	}
	if !opt.Stdout && !opt.Stderr {
		return opt, errdefs.InvalidArgument("Bad parameters: you must choose at least one stream")
	}
	if n, err := strconv.Atoi(job.Getenv("tail")); err == nil { // anything else is "all"
		opt.Read.Tail = n
	}
	var err error
	if opt.Read.Since, err = logTime(job.Getenv("since"), now); err != nil {
		return opt, err
	}
	opt.Read.Until, err = logTime(job.Getenv("until"), now)
	return opt, err
}

// logTime reads unix seconds with a fraction, RFC 3339, or a duration ago; 0
// and empty are no limit.
func logTime(text string, now time.Time) (time.Time, error) {
	if text == "" || text == "0" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil {
		return now.Add(-ago), nil
	}
	t, err := engine.ParseTime(text)
	if err != nil {
		return t, errdefs.InvalidArgument("invalid time %q of a log: want unix seconds, RFC 3339 or a duration", text)
	}
	return t, nil
}

// jobLogs shows what a container has written.
//
// Usage:  logs CONTAINER
// Env:    stdout, stderr: at least one. follow: until the container stops. timestamps: before each line.
// Env:    tail: number of lines, or all. since, until: unix seconds, RFC 3339 or a duration. details: ignored.
// Stdout: lines, Stderr likewise.
// Errors: NotFound, InvalidArgument, NotImplemented (the container has no log).
func (d *Daemon) jobLogs(job *engine.Job) error {
	opt, err := decodeLogs(job, d.opt.Now())
	if err != nil {
		return err
	}
	return d.Logs(job.Context(), opt)
}

// Logs reads the log file alone, so it never holds a container up.
func (d *Daemon) Logs(ctx context.Context, opt logsOptions) error {
	c, err := d.containers.find(opt.Name)
	if err != nil {
		return err
	}
	path := c.logPath(c.now())
	if path == "" {
		return errdefs.NotImplemented("configured logging driver does not support reading")
	}
	if _, err := opt.Out.Write(nil); err != nil { // the headers may go
		return err
	}
	if opt.Read.Follow {
		done := make(chan struct{})
		watch, cancel := context.WithCancel(ctx)
		over := make(chan struct{})
		defer func() { cancel(); <-over }()
		opt.Read.Done = done
		go func() {
			defer close(over)
			_, err := c.until(watch, func(s *snapshot) bool { return !s.state.alive() && s.state.Phase != starting })
			if err == nil {
				close(done)
			}
		}()
	}
	w := logWriter{logsOptions: &opt}
	return jsonlog.Read(ctx, path, opt.Read, w.entry)
}

// logWriter shows entries. The pieces of a long line get one time stamp.
type logWriter struct {
	*logsOptions
	inside [2]bool // the last piece of this stream did not end the line
	buf    []byte
}

func (w *logWriter) entry(e *jsonlog.Entry) error {
	out, i := w.Out, 0
	if e.Stream == "stderr" {
		out, i = w.Err, 1
	}
	if i == 0 && !w.Stdout || i == 1 && !w.Stderr {
		return nil
	}
	w.buf = w.buf[:0]
	if w.Timestamps && !w.inside[i] {
		w.buf = append(e.Time.AppendFormat(w.buf, logStamp), ' ')
	}
	w.buf = append(w.buf, e.Log...)
	w.inside[i] = len(e.Log) > 0 && e.Log[len(e.Log)-1] != '\n'
	_, err := out.Write(w.buf)
	return err
}
