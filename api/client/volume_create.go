package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/mflag"
)

func newVolumeCreate(cli *CLI, flags *mflag.Set) runFunc {
	var name string
	var options, labels []string
	driver := "local"
	flags.String(&driver, "-d --driver", "Volume driver")
	flags.List(&options, "-o --opt", "Options of the driver (type=T, o=OPTIONS, device=D)", nil)
	flags.List(&labels, "--label", "Set metadata on the volume", nil)
	flags.String(&name, "!--name", "Name of the volume")
	return func(ctx context.Context, args []string) error {
		if len(args) > 0 {
			if name != "" {
				return errors.New("conflicting options: cannot specify a volume-name through both --name and as a positional arg")
			}
			name = args[0]
		}
		body := struct {
			Name, Driver       string
			DriverOpts, Labels map[string]string
		}{name, driver, pairs(options), pairs(labels)}
		var v api.Volume
		if err := cli.http.callJSON(ctx, request{method: http.MethodPost, path: "/volumes/create", body: body}, &v); err != nil {
			return err
		}
		fmt.Fprintln(cli.Out, v.Name)
		return nil
	}
}

// pairs reads NAME=VALUE; a name alone has an empty value.
func pairs(list []string) map[string]string {
	out := map[string]string{}
	for _, text := range list {
		name, value, _ := strings.Cut(text, "=")
		out[name] = value
	}
	return out
}
