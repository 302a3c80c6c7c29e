package daemon

import (
	"context"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/logdriver"
	"github.com/enginejobs/docker/logdriver/logdrivers"
)

// logsOptions choose what to show of a log.
type logsOptions struct {
	Name           string
	Stdout, Stderr bool
	Timestamps     bool
	Details        bool
	Read           logdriver.ReadOptions
	Out, Err       io.Writer
}

// logStamp is RFC 3339 with all nine decimals.
const logStamp = "2006-01-02T15:04:05.000000000Z07:00"

func decodeLogs(job *engine.Job, now time.Time) (logsOptions, error) {
	opt := logsOptions{
		Name: job.Args[0], Stdout: job.GetenvBool("stdout"), Stderr: job.GetenvBool("stderr"),
		Timestamps: job.GetenvBool("timestamps"), Details: job.GetenvBool("details"), Out: job.Stdout, Err: job.Stderr,
		Read: logdriver.ReadOptions{Tail: -1, Follow: job.GetenvBool("follow")},
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
// Env:    tail: number of lines, or all. since, until: unix seconds, RFC 3339 or a duration.
// Env:    details: before each line what the log options labels, env and tag have chosen.
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
	spec, format, err := c.log(c.now())
	if err != nil {
		return err
	}
	if format == nil {
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
	opt.Read.Idle = w.flush
	return logdriver.Read(ctx, format, spec, opt.Read, w.entry)
}

// log is how to read the log of a container; without a format it cannot be read.
func (c *container) log(s *snapshot) (*logdriver.Spec, logdriver.Format, error) {
	spec, err := logdriver.Parse(s.host.LogConfig.Type, s.host.LogConfig.Config)
	if err != nil {
		return nil, nil, err
	}
	spec.Path = c.logFile(spec.Driver)
	format, err := logdrivers.Format(spec.Driver)
	return &spec, format, err
}

// logWriter shows entries. Neighbours of one stream are written together; the
// pieces of a long line get one time stamp.
type logWriter struct {
	*logsOptions
	inside [2]bool // the last piece of this stream did not end the line
	buf    []byte
	stderr bool // what buf is of
}

// logBatch is how much is collected before it is written.
const logBatch = 32 << 10

func (w *logWriter) entry(e *logdriver.Entry) error {
	i := 0
	if e.Stderr {
		i = 1
	}
	if i == 0 && !w.Stdout || i == 1 && !w.Stderr {
		return nil
	}
	if e.Stderr != w.stderr || len(w.buf)+len(e.Text) > logBatch {
		if err := w.flush(); err != nil {
			return err
		}
		w.stderr = e.Stderr
	}
	if !w.inside[i] {
		if w.Timestamps {
			w.buf = append(e.Time.AppendFormat(w.buf, logStamp), ' ')
		}
		if w.Details {
			w.buf = append(appendDetails(w.buf, e.Attrs), ' ')
		}
	}
	w.buf = append(w.buf, e.Text...)
	w.inside[i] = len(e.Text) > 0 && e.Text[len(e.Text)-1] != '\n'
	return nil
}

// flush writes what was collected.
func (w *logWriter) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	out := w.Out
	if w.stderr {
		out = w.Err
	}
	_, err := out.Write(w.buf)
	w.buf = w.buf[:0]
	return err
}

// appendDetails writes attributes as a query does, without quoting what needs
// none: "name=value,other=value".
func appendDetails(b []byte, attrs []logdriver.Attr) []byte {
	for i, a := range attrs {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, url.QueryEscape(a.Name)...)
		b = append(b, '=')
		b = append(b, url.QueryEscape(a.Value)...)
	}
	return b
}
