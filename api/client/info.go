package client

import (
	"context"
	"encoding/json"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/pkg/mflag"
)

// clientInfo is what a template of info sees of the client.
type clientInfo struct {
	Debug bool
	clientVersion
	Plugins  []string
	Warnings []string
}

// serverInfo is what a template of info sees.
type serverInfo struct {
	api.SystemInfo
	ClientInfo clientInfo
}

// Names of members as templates of today spell them.
func (i serverInfo) CPUCfsPeriod() bool { return i.CpuCfsPeriod } //nolint:revive // as they do
func (i serverInfo) CPUCfsQuota() bool  { return i.CpuCfsQuota }  //nolint:revive // as they do
func (i serverInfo) HTTPProxy() string  { return i.HttpProxy }    //nolint:revive // as they do
func (i serverInfo) HTTPSProxy() string { return i.HttpsProxy }   //nolint:revive // as they do

func newInfo(cli *CLI, flags *mflag.Set) runFunc {
	var format string
	flags.String(&format, "-f --format", "Format the output by a Go template")
	return func(ctx context.Context, _ []string) error { return cli.info(ctx, format) }
}

func (cli *CLI) info(ctx context.Context, text string) error {
	var i api.SystemInfo
	if text != "" {
		f, err := parseTemplate(text)
		if err != nil {
			return err
		}
		if err := cli.getInfo(ctx, &i); err != nil {
			return err
		}
		return f.line(cli.Out, serverInfo{i, clientInfo{Debug: cli.debug, clientVersion: cli.clientVersion(), Plugins: []string{}}})
	}
	err := cli.getInfo(ctx, &i)
	cli.printClientInfo()
	if err != nil {
		return err
	}
	cli.printInfo(&i)
	return nil
}

// getInfo asks for what the server says of itself. Below API 1.19 what is true was
// the number 1.
func (cli *CLI) getInfo(ctx context.Context, i *api.SystemInfo) error {
	var text json.RawMessage
	if err := cli.http.getJSON(ctx, "/info", nil, &text); err != nil {
		return err
	}
	if !cli.http.atLeast("1.19") {
		var members map[string]json.RawMessage
		if err := json.Unmarshal(text, &members); err != nil {
			return vanished("reading the answer to GET /info", err)
		}
		for _, name := range []string{"Debug", "IPv4Forwarding", "MemoryLimit", "SwapLimit"} {
			switch string(members[name]) {
			case "0":
				members[name] = json.RawMessage("false")
			case "1":
				members[name] = json.RawMessage("true")
			}
		}
		var err error
		if text, err = json.Marshal(members); err != nil {
			return err
		}
	}
	if err := json.Unmarshal(text, i); err != nil {
		return vanished("reading the answer to GET /info", err)
	}
	return nil
}
