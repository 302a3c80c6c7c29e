package client

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/mflag"
)

// The exit statuses of the program, when they are not those of a container.
// This file is the only place where an error becomes one.
const (
	exitFailure       = 1   // the command failed
	exitTemplate      = 64  // a template cannot be parsed
	exitDocker        = 125 // the command line or the daemon failed, not the workload
	exitNotExecutable = 126 // the workload's program cannot be run
	exitNotFound      = 127 // the workload's program does not exist
	exitInterrupted   = 130
)

// StatusError ends the program with a status that is not the usual 1. An empty
// Text prints nothing.
type StatusError struct {
	Code int
	Text string
}

// Error returns the text that is printed.
func (e *StatusError) Error() string { return e.Text }

func statusErrorf(code int, format string, args ...any) error {
	return &StatusError{Code: code, Text: fmt.Sprintf(format, args...)}
}

// exitStatus is the status of a workload; 0 is success and no error.
func exitStatus(code int) error {
	if code == 0 {
		return nil
	}
	return &StatusError{Code: code & 0xff}
}

// flagError is a command line that the flag grammar refused.
type flagError struct {
	command string
	err     error
	flags   []string // those that there are
}

// hint is a flag that may have been meant.
func (e *flagError) hint() string {
	var wrong *mflag.ParseError
	if !errors.As(e.err, &wrong) || wrong.Unknown == "" {
		return ""
	}
	return suggestFlag(wrong.Unknown, e.flags)
}

func (e *flagError) Error() string { return e.err.Error() }
func (e *flagError) Unwrap() error { return e.err }

// runError is a failure of run or create before the workload started.
type runError struct {
	command string
	code    int
	hint    bool // point to the help of the command
	err     error
}

func (e *runError) Error() string { return e.err.Error() }
func (e *runError) Unwrap() error { return e.err }

// report prints err for the user and returns the exit status.
func (cli *CLI) report(err error) int {
	var status *StatusError
	var flag *flagError
	var run *runError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		if status.Text != "" {
			fmt.Fprintln(cli.Err, status.Text)
		}
		return status.Code
	case errors.As(err, &flag):
		fmt.Fprintf(cli.Err, "%v\nSee 'docker%s --help'.\n", err, leadingBlank(flag.command))
		if hint := flag.hint(); hint != "" {
			fmt.Fprintln(cli.Err, hint)
		}
		return exitDocker
	case errors.As(err, &run):
		fmt.Fprintf(cli.Err, "docker: %s.\n", strings.TrimSuffix(err.Error(), "."))
		if run.hint {
			fmt.Fprintf(cli.Err, "See 'docker %s --help'.\n", run.command)
		}
		return run.code
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	fmt.Fprintln(cli.Err, err)
	return exitFailure
}

func leadingBlank(name string) string {
	if name == "" {
		return ""
	}
	return " " + name
}

// startExitCode says with which status run ends when the engine could not
// start the workload. Our engine sends the status; of others only the text is
// known.
func startExitCode(err error) int {
	var e *errdefs.Error
	if errors.As(err, &e) && (e.Code == exitNotExecutable || e.Code == exitNotFound) {
		return e.Code
	}
	var remote *responseError
	if !errors.As(err, &remote) {
		return exitDocker
	}
	switch text := strings.ToLower(remote.message); {
	case strings.Contains(text, "executable file not found"), strings.Contains(text, "no such file or directory"):
		return exitNotFound
	case strings.Contains(text, "permission denied"), strings.Contains(text, "is a directory"):
		return exitNotExecutable
	}
	return exitDocker
}
