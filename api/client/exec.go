package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/mflag"
	"github.com/enginejobs/docker/runconfig"
)

// execOptions is the command line of exec.
type execOptions struct {
	detach, interactive, tty, privileged bool
	user, workdir, detachKeys            string
	env, envFile                         []string
}

func newExec(cli *CLI, flags *mflag.Set) runFunc {
	o := &execOptions{}
	flags.Bool(&o.detach, "-d --detach", "Run the command in the background")
	flags.Bool(&o.interactive, "-i --interactive", "Keep STDIN open even if not attached")
	flags.Bool(&o.tty, "-t --tty", "Allocate a pseudo-TTY")
	flags.Bool(&o.privileged, "--privileged", "Give extended privileges to the command")
	flags.String(&o.user, "-u --user", "User name or UID (<name|uid>[:<group|gid>])")
	flags.String(&o.workdir, "-w --workdir", "Working directory inside the container")
	flags.String(&o.detachKeys, "--detach-keys", "Key sequence that detaches from the command")
	flags.List(&o.env, "-e --env", "Set environment variables", nil)
	flags.List(&o.envFile, "--env-file", "Read environment variables from a file", nil)
	return func(ctx context.Context, args []string) error {
		env, err := runconfig.Environment(o.envFile, o.env, runconfig.Lookup(cli.env))
		if err != nil {
			return err
		}
		o.detachKeys = cli.detachKeysOr(o.detachKeys)
		return cli.exec(ctx, o, args[0], api.ExecCreate{
			User: o.user, Privileged: o.privileged, Tty: o.tty, DetachKeys: o.detachKeys, Env: env, WorkingDir: o.workdir, Cmd: args[1:],
			AttachStdin: o.interactive && !o.detach, AttachStdout: !o.detach, AttachStderr: !o.detach && !o.tty,
		})
	}
}

// exec is create, start, inspect: what the process said is copied as it comes,
// and its exit code is that of the command.
func (cli *CLI) exec(ctx context.Context, o *execOptions, container string, create api.ExecCreate) error {
	if err := cli.checkTTY(create.AttachStdin, create.Tty); err != nil {
		return err
	}
	if create.Tty {
		if h, w := windowSize(cli.Out); h != 0 && w != 0 {
			create.ConsoleSize = &[2]uint{h, w}
		}
	}
	id, err := cli.execCreate(ctx, container, create)
	if err != nil {
		return err
	}
	start := api.ExecStart{Detach: o.detach, Tty: o.tty, ConsoleSize: create.ConsoleSize}
	path := "/exec/" + url.PathEscape(id)
	if o.detach {
		resp, err := cli.http.do(ctx, request{method: http.MethodPost, path: path + "/start", body: start})
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
	link, err := cli.http.hijack(ctx, request{method: http.MethodPost, path: path + "/start", body: start})
	if err != nil {
		return err
	}
	defer func() { _ = link.Close() }()
	s := &session{
		cli: cli, id: id, tty: o.tty, stdin: create.AttachStdin, stdout: true, stderr: true, detachKeys: o.detachKeys,
		resizePath: path + "/resize",
	}
	if err := s.converse(ctx, link); err != nil {
		return err
	}
	var inspect api.ExecInspect
	if err := cli.http.getJSON(ctx, path+"/json", nil, &inspect); err != nil {
		return fmt.Errorf("asking how the command ended: %w", err)
	}
	if inspect.ExitCode == nil {
		return nil // detached by keys: it runs on
	}
	return exitStatus(*inspect.ExitCode)
}

func (cli *CLI) execCreate(ctx context.Context, container string, create api.ExecCreate) (string, error) {
	var created struct{ Id string }
	err := cli.http.callJSON(ctx, request{method: http.MethodPost, path: containerPath(container, "/exec"), body: create}, &created)
	return created.Id, err
}

// converse copies the streams of a process that has no life of its own to wait
// for: it ends with them.
func (s *session) converse(ctx context.Context, link *hijacked) error {
	keys, err := detachBytes(s.detachKeys)
	if err != nil {
		return err
	}
	watch := &detachWatch{w: link}
	if s.tty && s.stdin {
		watch.keys = keys
		var restore func()
		if ctx, restore, err = s.cli.rawMode(ctx); err != nil {
			return err
		}
		defer restore()
	}
	if s.tty {
		defer s.watchSize(ctx)()
	}
	s.copyInput(link, watch)
	received := make(chan error, 1)
	go func() { received <- s.copyOutput(link) }()
	select {
	case err := <-received:
		if err != nil && ctx.Err() == nil {
			return vanished("running "+strconv.Quote(s.id), err)
		}
		return nil
	case <-ctx.Done():
		_, err := s.interrupted(ctx)
		return err
	}
}
