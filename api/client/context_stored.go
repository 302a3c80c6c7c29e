package client

import (
	"fmt"
	"os"
	"strings"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/clicontext"
)

// aboutDefault is the description of the context that nobody has made.
const aboutDefault = "Current DOCKER_HOST based configuration"

// stored is a context, or what flags and environment say when it is the default one.
func (cli *CLI) stored(name string) (clicontext.Context, error) {
	if name != clicontext.Default {
		return cli.contexts().Get(name)
	}
	host := cli.env.get("DOCKER_HOST")
	if host == "" {
		host = "unix://" + defaultSocket
	}
	return clicontext.Context{Name: name, Description: aboutDefault, Host: host}, nil
}

// dockerEndpoint is what --docker says: KEY=VALUE with commas.
type dockerEndpoint struct{ given []string }

// apply changes the place of a context, and gives its certificates: nil leaves them.
func (d dockerEndpoint) apply(cli *CLI, c *clicontext.Context) (keys *clicontext.TLS, err error) {
	if len(d.given) == 0 {
		return nil, nil
	}
	wrong := func(err error) error {
		return errdefs.As(errdefs.KindInvalidArgument, fmt.Errorf("unable to create docker endpoint config: %w", err))
	}
	keys, from := &clicontext.TLS{}, clicontext.Context{}
	for _, pair := range d.given {
		key, value, _ := strings.Cut(pair, "=")
		switch key {
		case "from":
			if from, err = cli.stored(value); err == nil {
				c.Host, c.SkipVerify = from.Host, from.SkipVerify
				*keys, err = cli.contexts().TLS(value)
			}
		case "host":
			_, _, err = parseHost(value)
			c.Host = value
		case "skip-tls-verify":
			c.SkipVerify, err = parseBool(value)
		case "ca":
			keys.CA, err = os.ReadFile(value)
		case "cert":
			keys.Cert, err = os.ReadFile(value)
		case "key":
			keys.Key, err = os.ReadFile(value)
		default:
			err = errdefs.InvalidArgument("unrecognized config key: %s", key)
		}
		if err != nil {
			return nil, wrong(err)
		}
	}
	if !keys.IsZero() {
		if _, err := keptTLS(c.Name, *keys, c.SkipVerify); err != nil {
			return nil, wrong(err)
		}
	}
	return keys, nil
}

func parseBool(text string) (bool, error) {
	switch text {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, errdefs.InvalidArgument("%q is neither true nor false", text)
}

// checkPairs reads a value of --docker.
func checkPairs(text string, list *[]string) error {
	for pair := range strings.SplitSeq(text, ",") {
		if !strings.Contains(pair, "=") {
			return errdefs.InvalidArgument("%s must be formatted as key=value", pair)
		}
		*list = append(*list, pair)
	}
	return nil
}

const dockerFlag = "Where the daemon is, as KEY=VALUE with commas:\nhost, ca, cert, key (files), skip-tls-verify,\nfrom (a context to copy it of)"
