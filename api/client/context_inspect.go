package client

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/enginejobs/docker/pkg/clicontext"
	"github.com/enginejobs/docker/pkg/mflag"
)

func newContextInspect(cli *CLI, flags *mflag.Set) runFunc {
	var format string
	flags.String(&format, "-f --format", "Format the output: json or a Go template")
	return func(_ context.Context, args []string) error {
		if len(args) == 0 {
			args = []string{cli.context}
		}
		return cli.contextInspect(args, format)
	}
}

// inspectedContext is a context as context inspect shows it.
type inspectedContext struct {
	Name        string
	Metadata    map[string]any
	Endpoints   map[string]inspectedEndpoint
	TLSMaterial map[string][]string // endpoint → files
	Storage     struct{ MetadataPath, TLSPath string }
}

type inspectedEndpoint struct {
	Host          string
	SkipTLSVerify bool
}

func (cli *CLI) contextInspect(names []string, text string) error {
	var f *format
	if text != "" && text != "json" {
		var err error
		if f, err = parseTemplate(text); err != nil {
			return err
		}
	}
	var list [][]byte
	var failed error
	for _, name := range names {
		raw, err := cli.inspectContext(name)
		if err != nil {
			fmt.Fprintln(cli.Err, err)
			failed = &StatusError{Code: exitFailure}
			continue
		}
		if f == nil {
			list = append(list, raw)
		} else if err := showDocument(cli.Out, f, raw); err != nil {
			return err
		}
	}
	if f == nil {
		if err := printArray(cli.Out, list, text != "json"); err != nil {
			return err
		}
	}
	return failed
}

func (cli *CLI) inspectContext(name string) ([]byte, error) {
	c, err := cli.stored(name)
	if err != nil {
		return nil, err
	}
	shown := inspectedContext{
		Name: name, Metadata: map[string]any{}, TLSMaterial: map[string][]string{},
		Endpoints: map[string]inspectedEndpoint{"docker": {Host: c.Host, SkipTLSVerify: c.SkipVerify}},
	}
	if name == clicontext.Default {
		shown.Storage.MetadataPath, shown.Storage.TLSPath = "<IN MEMORY>", "<IN MEMORY>"
		return json.Marshal(shown)
	}
	store := cli.contexts()
	shown.Storage.MetadataPath, shown.Storage.TLSPath = store.MetadataPath(name), store.TLSPath(name)
	if c.Description != "" {
		shown.Metadata["Description"] = c.Description
	}
	keys, err := store.TLS(name)
	if err != nil {
		return nil, err
	}
	if files := keys.Names(); len(files) > 0 {
		shown.TLSMaterial["docker"] = files
	}
	return json.Marshal(shown)
}
