package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/mflag"
)

type startOptions struct {
	attach, interactive bool
	detachKeys          string
	containers          []string
}

func newStart(cli *CLI, flags *mflag.Set) runFunc {
	var o startOptions
	flags.Bool(&o.attach, "-a --attach", "Attach STDOUT and STDERR and forward signals")
	flags.Bool(&o.interactive, "-i --interactive", "Attach the container's STDIN")
	flags.String(&o.detachKeys, "--detach-keys", "Key sequence that detaches from the container")
	for _, name := range []string{"--checkpoint", "--checkpoint-dir"} { // see checkPossible
		flags.String(new(string), name, "Refused: the engine restores no checkpoints")
	}
	return func(ctx context.Context, args []string) error {
		o.containers, o.detachKeys = args, cli.detachKeysOr(o.detachKeys)
		return cli.start(ctx, o)
	}
}

func (cli *CLI) start(ctx context.Context, o startOptions) error {
	if o.attach || o.interactive {
		if len(o.containers) > 1 {
			return errors.New("You cannot start and attach multiple containers at once.")
		}
		return cli.startAttached(ctx, o)
	}
	return cli.each(o.containers, "start", "containers", func(name string) error {
		if err := cli.startContainer(ctx, name, ""); err != nil {
			return err
		}
		fmt.Fprintln(cli.Out, name)
		return nil
	})
}

func (cli *CLI) startAttached(ctx context.Context, o startOptions) error {
	name := o.containers[0]
	var c api.ContainerInspect
	if err := cli.http.getJSON(ctx, containerPath(name, "/json"), nil, &c); err != nil {
		return err
	}
	if c.Config == nil || c.HostConfig == nil {
		return errors.New("the daemon's description of " + name + " is incomplete")
	}
	stdin := o.interactive && c.Config.OpenStdin
	if err := cli.checkTTY(stdin, c.Config.Tty); err != nil {
		return err
	}
	s := &session{
		cli: cli, id: c.Id, tty: c.Config.Tty, stdin: stdin, stdout: true, stderr: true,
		detachKeys: o.detachKeys, sigProxy: true, condition: "next-exit",
		start: func(ctx context.Context) error {
			err := cli.startContainer(ctx, c.Id, "")
			if err != nil {
				return &StatusError{Code: startStatus(err), Text: err.Error()}
			}
			return nil
		},
	}
	switch {
	case c.State != nil && c.State.Running:
		s.condition = "not-running"
	case c.HostConfig.AutoRemove:
		s.condition = "removed"
	}
	code, err := s.run(ctx)
	if err != nil {
		return err
	}
	return exitStatus(code)
}

// startStatus is the status of start -a when the workload cannot be started.
func startStatus(err error) int {
	if code := startExitCode(err); code != exitDocker {
		return code
	}
	return exitFailure
}

// each runs do for every name; a failure is printed and does not stop the
// others, but makes the command fail with a summary. A refusal
// ends the command.
func (cli *CLI) each(names []string, verb, things string, do func(name string) error) error {
	failed := false
	for _, name := range names {
		err := do(name)
		if ends(err) {
			return err
		}
		if err != nil {
			fmt.Fprintln(cli.Err, err)
			failed = true
		}
	}
	if failed {
		return fmt.Errorf("Error: failed to %s one or more %s", verb, things)
	}
	return nil
}
