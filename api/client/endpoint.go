package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/clicontext"
	"github.com/enginejobs/docker/pkg/mflag"
)

// endpoint is where a daemon is, and how one connects.
type endpoint struct {
	proto, addr string
	tls         *tls.Config                                 // nil: none
	dial        func(ctx context.Context) (net.Conn, error) // nil: by proto and addr
}

// contextName finds the context that flags, environment or configuration name.
// A place that is named itself comes before a context that is only configured.
func (cli *CLI) contextName(g *globals) (string, error) {
	switch {
	case g.context != "" && len(g.hosts) > 0:
		return "", errors.New("conflicting options: cannot specify both --host and --context")
	case g.context != "":
		return g.context, nil
	case len(g.hosts) > 0, cli.env.get("DOCKER_HOST") != "":
		return clicontext.Default, nil
	}
	if name := cli.env.get("DOCKER_CONTEXT"); name != "" {
		return name, nil
	}
	file, err := cli.configFile()
	if err != nil {
		return "", err
	}
	if name := file.Text("currentContext"); name != "" {
		return name, nil
	}
	return clicontext.Default, nil
}

// find reads where the daemon of the context is.
func (cli *CLI) find(name string, g *globals, set *mflag.Set) (p endpoint, err error) {
	if name != clicontext.Default {
		return cli.findStored(name)
	}
	host := cli.env.get("DOCKER_HOST")
	if len(g.hosts) == 1 {
		host = g.hosts[0]
	}
	if p.proto, p.addr, err = parseHost(host); err != nil {
		return p, err
	}
	if p.proto == "tcp" && (g.tls || g.tlsVerify || set.IsSet("--tlsverify")) {
		p.tls, err = tlsConfig(g.tlsVerify, g.ca, g.cert, g.key, set.IsSet("--tlscert") || set.IsSet("--tlskey"))
	}
	return cli.reach(p), err
}

func (cli *CLI) findStored(name string) (p endpoint, err error) {
	store := cli.contexts()
	c, err := store.Get(name)
	if err != nil {
		return p, err
	}
	if p.proto, p.addr, err = parseHost(c.Host); err != nil {
		return p, err
	}
	keys, err := store.TLS(name)
	if err == nil && p.proto == "tcp" && (!keys.IsZero() || c.SkipVerify) {
		p.tls, err = keptTLS(name, keys, c.SkipVerify)
	}
	return cli.reach(p), err
}

// keptTLS makes the configuration of certificates that are kept with a context.
func keptTLS(name string, keys clicontext.TLS, skipVerify bool) (*tls.Config, error) {
	config := &tls.Config{InsecureSkipVerify: skipVerify} //nolint:gosec // the context says so
	if len(keys.CA) > 0 {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(keys.CA) {
			return nil, errdefs.InvalidArgument("the ca.pem of context %q holds no PEM certificate", name)
		}
	}
	if len(keys.Cert) > 0 || len(keys.Key) > 0 {
		pair, err := tls.X509KeyPair(keys.Cert, keys.Key)
		if err != nil {
			return nil, errdefs.InvalidArgument("the certificate of context %q: %w", name, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// reach adds how a place is reached that is no address.
func (cli *CLI) reach(p endpoint) endpoint {
	if p.proto == "ssh" {
		addr := p.addr
		p.dial = func(ctx context.Context) (net.Conn, error) { return cli.dialSSH(ctx, addr) }
	}
	return p
}

// nowhere is a place that was not found. What needs no daemon works all the same.
func nowhere(err error) endpoint {
	err = fmt.Errorf("Failed to initialize: unable to resolve docker endpoint: %w", err)
	return endpoint{proto: "unix", addr: defaultSocket, dial: func(context.Context) (net.Conn, error) { return nil, err }}
}

// contexts are those of the user.
func (cli *CLI) contexts() *clicontext.Store { return clicontext.New(cli.configDir()) }
