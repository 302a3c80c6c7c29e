package client

import (
	"bytes"
	"context"
	"fmt"
	"runtime"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/dockerversion"
	"github.com/enginejobs/docker/pkg/mflag"
)

// clientVersion is the half of version that needs no daemon.
type clientVersion struct {
	Version           string
	ApiVersion        string `json:"ApiVersion"` //nolint:revive // as templates spell it
	DefaultAPIVersion string
	GitCommit         string
	GoVersion         string
	Os, Arch          string
	BuildTime         string
	Context           string
}

func newVersion(cli *CLI, flags *mflag.Set) runFunc {
	var format string
	var clientOnly bool
	flags.String(&format, "-f --format", "Format the output by a Go template")
	flags.Bool(&clientOnly, "!--client", "")
	return func(ctx context.Context, _ []string) error { return cli.version(ctx, format, clientOnly) }
}

func (cli *CLI) version(ctx context.Context, text string, clientOnly bool) error {
	client := cli.clientVersion()
	if text != "" {
		return cli.versionBy(ctx, text, client, clientOnly)
	}
	cli.field("Client version", client.Version)
	cli.field("Client API version", client.ApiVersion)
	cli.field("Go version (client)", client.GoVersion)
	cli.field("Git commit (client)", client.GitCommit)
	cli.field("OS/Arch (client)", client.Os+"/"+client.Arch)
	if clientOnly {
		return nil
	}
	var server api.SystemVersion
	if err := cli.http.getJSON(ctx, "/version", nil, &server); err != nil {
		return err
	}
	cli.field("Server version", server.Version)
	cli.field("Server API version", server.ApiVersion)
	cli.field("Go version (server)", server.GoVersion)
	cli.field("Git commit (server)", server.GitCommit)
	if server.Os != "" {
		cli.field("OS/Arch (server)", server.Os+"/"+server.Arch)
	}
	return nil
}

func (cli *CLI) clientVersion() clientVersion {
	version, _ := cli.http.currentVersion()
	return clientVersion{
		Version: dockerversion.Version, ApiVersion: version, DefaultAPIVersion: api.Version, GoVersion: runtime.Version(),
		GitCommit: dockerversion.GitCommit, BuildTime: dockerversion.BuildTime, Os: runtime.GOOS, Arch: runtime.GOARCH, Context: "default",
	}
}

// versionBy is version with --format. What needs no server is shown without.
func (cli *CLI) versionBy(ctx context.Context, text string, client clientVersion, clientOnly bool) error {
	f, err := parseTemplate(text)
	if err != nil {
		return err
	}
	var server *api.SystemVersion
	if !clientOnly {
		var answer api.SystemVersion
		if err = cli.http.getJSON(ctx, "/version", nil, &answer); err == nil {
			server = &answer
			client.ApiVersion, _ = cli.http.currentVersion()
		}
	}
	var b bytes.Buffer
	shown := f.line(&b, struct {
		Client clientVersion
		Server *api.SystemVersion
	}{client, server})
	if shown == nil {
		_, shown = b.WriteTo(cli.Out)
	}
	if err != nil {
		return err
	}
	return shown
}

// field prints a line unless there is nothing to say.
func (cli *CLI) field(name, value string) {
	if value != "" {
		fmt.Fprintf(cli.Out, "%s: %s\n", name, value)
	}
}

func (cli *CLI) printVersionLine() error {
	_, err := fmt.Fprintf(cli.Out, "Docker version %s, build %s\n", dockerversion.Version, dockerversion.GitCommit)
	return err
}
