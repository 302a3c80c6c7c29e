package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/remote"
	"github.com/enginejobs/docker/errdefs"
)

// What the commands of `docker job` share. They are the only ones that run jobs
// by name instead of asking a route of the API: this program is then a caller on
// the bus of the daemon, and job_*.go the only files that know the bus.

// jobEngine is the daemon as its jobs see it.
type jobEngine interface {
	Job(name string, args ...string) *engine.Job
	Close() error
}

// dialJobs connects to the engine of the daemon that the global flags name.
func (cli *CLI) dialJobs(ctx context.Context) (jobEngine, error) {
	var options []remote.DialOption
	if cli.http.tls != nil {
		options = append(options, remote.WithTLS(cli.http.tls))
	}
	at := cli.http.proto + "://" + cli.http.addr
	if dial := cli.http.dial; dial != nil {
		at = "tcp://docker:2375" // any: nobody looks it up
		options = append(options, remote.WithDialer(func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }))
	}
	eng, err := remote.Dial(ctx, at, options...)
	if err != nil {
		return nil, cli.jobsDialError(ctx, err)
	}
	return eng, nil
}

// withJobs opens the door to the jobs of the daemon for the time of do.
func (cli *CLI) withJobs(ctx context.Context, do func(eng jobEngine) error) error {
	eng, err := cli.jobs(ctx)
	if err != nil {
		return err
	}
	err = do(eng)
	if cerr := eng.Close(); err == nil && cerr != nil {
		return fmt.Errorf("closing the connection to the daemon: %w", cerr)
	}
	return err
}

// jobJSON runs a job and decodes what it answers.
func jobJSON(ctx context.Context, eng jobEngine, v any, name string, args ...string) error {
	return jobFailure(ctx, eng.Job(name, args...).SetContext(ctx).OutputJSON(v))
}

// jobFailure makes the error of a job one of this program: with the exit status
// of the job, and with words that say who speaks.
func jobFailure(ctx context.Context, err error) error {
	var status *StatusError
	switch {
	case err == nil, errors.As(err, &status):
		return err
	case ctx.Err() != nil && errors.Is(context.Cause(ctx), context.Canceled):
		return context.Cause(ctx)
	}
	return &StatusError{
		Code: int(engine.StatusOf(err)),
		Text: (&responseError{strings.TrimSpace(err.Error())}).Error(),
	}
}

// describeJob asks how a job is declared. Nil: nobody says; then it may be
// anything.
func describeJob(ctx context.Context, eng jobEngine, name string) *engine.JobDescription {
	var list []engine.JobDescription
	if jobJSON(ctx, eng, &list, "job_list", name) != nil || len(list) != 1 || !list[0].Declared {
		return nil
	}
	return &list[0]
}

// callText is a call as it could be typed again: the name and quoted arguments,
// at most width characters of it; width 0 is no limit.
func callText(name string, args []string, width int) string {
	var b strings.Builder
	b.WriteString(name)
	for _, arg := range args {
		b.WriteString(" " + quoteArg(arg))
		if width > 0 && b.Len() > 4*width {
			break // the rest is cut anyway
		}
	}
	return ellipsis(b.String(), width)
}

// shortArgs shortens the ids among the arguments, as all lists do.
func shortArgs(args []string) []string {
	short := make([]string, len(args))
	for i, arg := range args {
		short[i] = arg
		if id := strings.TrimPrefix(arg, "sha256:"); len(id) == 64 && strings.Trim(id, "0123456789abcdef") == "" {
			short[i] = shortID(arg)
		}
	}
	return short
}

// quoteArg leaves plain words alone.
func quoteArg(arg string) string {
	plain := arg != ""
	for _, r := range arg {
		if r <= ' ' || r == '"' || r == '\'' || r == '\\' || !strconv.IsPrint(r) {
			plain = false
		}
	}
	if plain {
		return arg
	}
	return strconv.Quote(arg)
}

// ellipsis keeps the first characters of a long text; width 0 is no limit.
func ellipsis(text string, width int) string {
	runes := []rune(text)
	if width <= 3 || len(runes) <= width {
		return text
	}
	return string(runes[:width-3]) + "..."
}

// shortDuration is a span with three digits or so and a unit.
func shortDuration(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case d < 10*time.Millisecond:
		return strconv.FormatFloat(ms, 'f', 2, 64) + "ms"
	case d < time.Second:
		return strconv.FormatFloat(ms, 'f', 1, 64) + "ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 2, 64) + "s"
	}
	return d.Round(time.Second).String()
}

// jsonLines writes one JSON document per line.
func jsonLines[T any](w io.Writer, list []T) error {
	for _, v := range list {
		text, err := jsonNoEscape(v)
		if err != nil {
			return err
		}
		if _, err := w.Write(append(text, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// jobsDialError explains why no engine answers behind the host.
func (cli *CLI) jobsDialError(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errdefs.Is(err, errdefs.KindForbidden), errdefs.Is(err, errdefs.KindUnauthorized):
		return jobFailure(ctx, err)
	case errdefs.IsNotFound(err):
		return errdefs.NotFound("The daemon does not let its jobs be run: it is another one, or an older one. (%w)", err)
	}
	return dialError(cli.http, err)
}
