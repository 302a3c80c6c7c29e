package client

import (
	"context"
	"fmt"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/clicontext"
	"github.com/enginejobs/docker/pkg/mflag"
)

func newContextCreate(cli *CLI, flags *mflag.Set) runFunc {
	var description, from string
	var docker dockerEndpoint
	flags.String(&description, "--description", "Description of the context")
	flags.Func(func(s string) error { return checkPairs(s, &docker.given) }, "--docker", dockerFlag)
	flags.String(&from, "--from", "Create it from a context of that name")
	return func(_ context.Context, args []string) error {
		c, keys, err := cli.copyContext(args[0], from, len(docker.given) == 0)
		if err != nil {
			return err
		}
		if given, err := docker.apply(cli, &c); err != nil {
			return err
		} else if given != nil {
			keys = given
		}
		if flags.IsSet("--description") || len(docker.given) > 0 {
			c.Description = description
		}
		if err := cli.contexts().Save(c, keys); err != nil {
			return err
		}
		fmt.Fprintln(cli.Out, c.Name)
		fmt.Fprintf(cli.Err, "Successfully created context %q\n", c.Name)
		return nil
	}
}

// copyContext begins a new context, as the copy of another one: the one named, or the
// one in use when nothing else says where the daemon is.
func (cli *CLI) copyContext(name, from string, needed bool) (c clicontext.Context, keys *clicontext.TLS, err error) {
	if err := clicontext.CheckName(name); err != nil {
		return c, nil, err
	}
	if _, err := cli.contexts().Get(name); err == nil {
		return c, nil, errdefs.Conflict("context %q already exists", name)
	}
	if from == "" && needed {
		from = cli.context
	}
	if from != "" {
		if c, err = cli.stored(from); err != nil {
			return c, nil, err
		}
		its, err := cli.contexts().TLS(from)
		if err != nil {
			return c, nil, err
		}
		keys = &its
	}
	c.Name = name
	return c, keys, nil
}
