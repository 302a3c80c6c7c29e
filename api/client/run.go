package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/mflag"
	"github.com/enginejobs/docker/runconfig"
)

// runOptions is the command line of run.
type runOptions struct {
	createOptions
	detach     bool
	sigProxy   bool
	detachKeys string
}

func newRun(cli *CLI, flags *mflag.Set) runFunc {
	o := &runOptions{sigProxy: true}
	o.command = "run"
	o.declare(flags)
	flags.Bool(&o.detach, "-d --detach", "Run in the background, print the container ID")
	flags.Bool(&o.sigProxy, "~-sig-proxy --sig-proxy", "Proxy received signals to the process")
	flags.String(&o.detachKeys, "--detach-keys", "Key sequence that detaches from the container")
	return func(ctx context.Context, args []string) error {
		if err := o.parse(cli, args); err != nil {
			return err
		}
		o.detachKeys = cli.detachKeysOr(o.detachKeys)
		return cli.run(ctx, o)
	}
}

// Combinations that say two things at once; the second only to daemons that
// leave the removal to the client.
var (
	errDetachAttach = errors.New("Conflicting options: -a and -d")
	errDetachRemove = errors.New("Conflicting options: --rm and -d")
)

// removeVersion is the first API whose daemon removes by itself.
const removeVersion = "1.25"

// run is create, attach, wait, start: one request after the other where the
// answer is needed, and nothing else. In the background it is create and start
// on one connection.
func (cli *CLI) run(ctx context.Context, o *runOptions) error {
	fail := func(err error) error { return &runError{command: "run", code: exitDocker, hint: true, err: err} }
	p := o.parsed
	if o.detach {
		if p.Attached {
			return fail(errDetachAttach)
		}
		p.Detach()
	} else if err := cli.checkTTY(p.Config.AttachStdin, p.Config.Tty); err != nil {
		return &runError{command: "run", code: exitFailure, err: err}
	}
	remove := p.HostConfig.AutoRemove
	if p.Config.Tty {
		h, w := windowSize(cli.Out)
		p.HostConfig.ConsoleSize = [2]uint{h, w}
	}
	id, err := cli.create(ctx, &o.createOptions)
	if err != nil {
		return err
	}
	byServer := cli.http.atLeast(waitVersion)
	if remove && o.detach && !cli.http.atLeast(removeVersion) {
		cli.discard(ctx, id)
		return fail(errDetachRemove)
	}
	if !p.Config.AttachStdout && !p.Config.AttachStderr {
		fmt.Fprintln(cli.Out, id)
	}
	start := func(ctx context.Context) error {
		err := cli.startContainer(ctx, id, "")
		if err == nil {
			return nil
		}
		if remove {
			cli.discard(ctx, id)
		}
		return &runError{command: "run", code: startExitCode(err), err: err}
	}
	if !p.Config.AttachStdin && !p.Config.AttachStdout && !p.Config.AttachStderr {
		return start(ctx)
	}
	s := &session{
		cli: cli, id: id, tty: p.Config.Tty, detachKeys: o.detachKeys, sigProxy: o.sigProxy,
		stdin: p.Config.AttachStdin, stdout: p.Config.AttachStdout, stderr: p.Config.AttachStderr,
		condition: "next-exit", start: start,
	}
	if remove {
		s.condition = "removed"
	}
	code, err := s.run(ctx)
	if remove && !byServer && err == nil {
		err = cli.removeAfter(ctx, id)
	}
	if err != nil {
		return cli.runFailure(err)
	}
	return exitStatus(code)
}

// runFailure gives an error of the foreground the status of a failed run,
// unless it has one.
func (cli *CLI) runFailure(err error) error {
	var run *runError
	var status *StatusError
	if errors.As(err, &run) || errors.As(err, &status) || ends(err) {
		return err
	}
	return &runError{command: "run", code: exitDocker, err: err}
}

// removeAfter removes an ended container for servers that cannot.
func (cli *CLI) removeAfter(ctx context.Context, id string) error {
	err := cli.http.call(ctx, http.MethodDelete, containerPath(id, ""), url.Values{"v": {"1"}})
	if errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// discard removes what never started. Its failure adds nothing to that of the
// start.
func (cli *CLI) discard(ctx context.Context, id string) {
	_ = cli.http.call(ctx, http.MethodDelete, containerPath(id, ""), url.Values{"v": {"1"}, "force": {"1"}})
}

// startContainer asks for the start; an already started container is success.
func (cli *CLI) startContainer(ctx context.Context, name, detachKeys string) error {
	var query url.Values
	if detachKeys != "" {
		query = url.Values{"detachKeys": {detachKeys}}
	}
	return cli.http.call(ctx, http.MethodPost, containerPath(name, "/start"), query)
}

// bodyFor makes the create request for an API version: where the client waits,
// a daemon that cannot be waited for removal must not remove by itself.
func bodyFor(p *runconfig.Parsed) versioned {
	attached := p.Config.AttachStdin || p.Config.AttachStdout || p.Config.AttachStderr
	return func(version string) any {
		host := *p.HostConfig
		if attached && !versionAtLeast(version, waitVersion) {
			host.AutoRemove = false
		}
		return struct {
			*runconfig.Config
			HostConfig       *runconfig.HostConfig
			NetworkingConfig *runconfig.NetworkingConfig `json:",omitempty"`
		}{p.Config, &host, p.Networking}
	}
}
