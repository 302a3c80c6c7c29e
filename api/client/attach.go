package client

import (
	"context"
	"errors"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/mflag"
)

type attachOptions struct {
	container, detachKeys string
	noStdin, sigProxy     bool
}

func newAttach(cli *CLI, flags *mflag.Set) runFunc {
	o := attachOptions{sigProxy: true}
	flags.Bool(&o.noStdin, "~-nostdin --no-stdin", "Do not attach STDIN")
	flags.Bool(&o.sigProxy, "~-sig-proxy --sig-proxy", "Proxy received signals to the process")
	flags.String(&o.detachKeys, "--detach-keys", "Key sequence that detaches from the container")
	return func(ctx context.Context, args []string) error {
		o.container, o.detachKeys = args[0], cli.detachKeysOr(o.detachKeys)
		return cli.attach(ctx, o)
	}
}

func (cli *CLI) attach(ctx context.Context, o attachOptions) error {
	var c api.ContainerInspect
	if err := cli.http.getJSON(ctx, containerPath(o.container, "/json"), nil, &c); err != nil {
		return err
	}
	switch {
	case c.State == nil || c.Config == nil:
		return errors.New("the daemon's description of " + o.container + " is incomplete")
	case !c.State.Running:
		return errors.New("You cannot attach to a stopped container, start it first")
	case c.State.Paused:
		return errors.New("You cannot attach to a paused container, unpause it first")
	case c.State.Restarting:
		return errors.New("You cannot attach to a restarting container, wait until it is running")
	}
	stdin := c.Config.OpenStdin && !o.noStdin
	if err := cli.checkTTY(stdin, c.Config.Tty); err != nil {
		return err
	}
	s := &session{
		cli: cli, id: c.Id, tty: c.Config.Tty, stdin: stdin, stdout: true, stderr: true,
		detachKeys: o.detachKeys, sigProxy: o.sigProxy, condition: "not-running",
	}
	code, err := s.run(ctx)
	if err != nil {
		return err
	}
	return exitStatus(code)
}
