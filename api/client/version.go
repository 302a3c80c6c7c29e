package client

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/dockerversion"
	"github.com/enginejobs/docker/pkg/mflag"
)

// clientVersion is the half of version that needs no daemon.
type clientVersion struct {
	Version           string
	APIVersion        string `json:"ApiVersion"`
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
	var server api.SystemVersion
	var err error
	if !clientOnly {
		if err = cli.http.getJSON(ctx, "/version", nil, &server); err == nil {
			client.APIVersion, _ = cli.http.currentVersion()
		}
	}
	cli.printClientVersion(client)
	if clientOnly || err != nil {
		return err
	}
	cli.printServerVersion(&server)
	return nil
}

// versionLine is a line of a block, its values below each other.
func (cli *CLI) versionLine(indent int, name, value string) {
	fmt.Fprintf(cli.Out, "%-20s%s\n", strings.Repeat(" ", indent)+name+":", value)
}

func (cli *CLI) printClientVersion(v clientVersion) {
	fmt.Fprintln(cli.Out, "Client:")
	cli.versionLine(1, "Version", v.Version)
	spoken := v.APIVersion
	if spoken != v.DefaultAPIVersion {
		spoken += " (downgraded from " + v.DefaultAPIVersion + ")"
	}
	cli.versionLine(1, "API version", spoken)
	cli.versionLine(1, "Go version", v.GoVersion)
	cli.versionLine(1, "Git commit", v.GitCommit)
	cli.versionLine(1, "Built", builtAt(v.BuildTime))
	cli.versionLine(1, "OS/Arch", v.Os+"/"+v.Arch)
	cli.versionLine(1, "Context", v.Context)
}

// printServerVersion shows the parts of a server. One that tells of none, as those
// older than API 1.35, is a part itself.
func (cli *CLI) printServerVersion(v *api.SystemVersion) {
	fmt.Fprintln(cli.Out, strings.TrimRight("\nServer: "+v.Platform.Name, " "))
	parts := v.Components
	if len(parts) == 0 {
		parts = []api.VersionComponent{{Name: engineComponent, Version: v.Version}}
	}
	for _, part := range parts {
		fmt.Fprintf(cli.Out, " %s:\n", part.Name)
		cli.versionLine(2, "Version", part.Version)
		if part.Name != engineComponent {
			for _, name := range slices.Sorted(maps.Keys(part.Details)) {
				cli.versionLine(2, name, part.Details[name])
			}
			continue
		}
		spoken := v.ApiVersion
		if v.MinAPIVersion != "" {
			spoken += " (minimum version " + v.MinAPIVersion + ")"
		}
		cli.versionLine(2, "API version", spoken)
		cli.versionLine(2, "Go version", v.GoVersion)
		cli.versionLine(2, "Git commit", v.GitCommit)
		cli.versionLine(2, "Built", builtAt(v.BuildTime))
		cli.versionLine(2, "OS/Arch", v.Os+"/"+v.Arch)
		cli.versionLine(2, "Experimental", cmp.Or(part.Details["Experimental"], "false"))
	}
}

// engineComponent is the part of a server whose lines have names for people.
const engineComponent = "Engine"

// builtAt is a time of building for people.
func builtAt(text string) string {
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t.Format(time.ANSIC)
	}
	return text
}

// ApiVersion is how templates of long ago spell it.
func (v clientVersion) ApiVersion() string { return v.APIVersion } //nolint:revive // as they do

func (cli *CLI) clientVersion() clientVersion {
	version, _ := cli.http.currentVersion()
	return clientVersion{
		Version: dockerversion.Version, APIVersion: version, DefaultAPIVersion: api.Version, GoVersion: runtime.Version(),
		GitCommit: dockerversion.GitCommit, BuildTime: dockerversion.BuildTime, Os: runtime.GOOS, Arch: runtime.GOARCH, Context: "default",
	}
}

// serverVersion is what templates see of the server.
type serverVersion struct{ api.SystemVersion }

// APIVersion is how templates of today spell it.
func (v serverVersion) APIVersion() string { return v.SystemVersion.ApiVersion }

// versionBy is version with --format. What needs no server is shown without.
func (cli *CLI) versionBy(ctx context.Context, text string, client clientVersion, clientOnly bool) error {
	f, err := parseTemplate(text)
	if err != nil {
		return err
	}
	var server *serverVersion
	if !clientOnly {
		var answer api.SystemVersion
		if err = cli.http.getJSON(ctx, "/version", nil, &answer); err == nil {
			server = &serverVersion{answer}
			client.APIVersion, _ = cli.http.currentVersion()
		}
	}
	var b bytes.Buffer
	shown := f.line(&b, struct {
		Client clientVersion
		Server *serverVersion
	}{client, server})
	if shown == nil {
		_, shown = b.WriteTo(cli.Out)
	}
	if err != nil {
		return err
	}
	return shown
}

func (cli *CLI) printVersionLine() error {
	_, err := fmt.Fprintf(cli.Out, "Docker version %s, build %s\n", dockerversion.Version, dockerversion.GitCommit)
	return err
}
