package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/mflag"
)

type inspectOptions struct {
	format, kind, platform string
	size                   bool
	names                  []string
}

func newInspect(cli *CLI, flags *mflag.Set) runFunc {
	o := new(inspectOptions)
	o.declareFormat(flags)
	flags.String(&o.kind, "--type", "Only look for this type (container, image,\nnetwork or volume)")
	o.declareSize(flags)
	return o.run(cli)
}

func (o *inspectOptions) declareFormat(flags *mflag.Set) {
	flags.String(&o.format, "~-format -f --format", "Format the output by a Go template")
}

func (o *inspectOptions) declareSize(flags *mflag.Set) {
	flags.Bool(&o.size, "-s --size", "Display total file sizes of a container")
}

func (o *inspectOptions) run(cli *CLI) runFunc {
	return func(ctx context.Context, args []string) error {
		o.names = args
		return cli.inspect(ctx, *o)
	}
}

func (cli *CLI) inspect(ctx context.Context, o inspectOptions) error {
	var f *format
	if o.format != "" && o.format != "json" {
		var err error
		if f, err = parseTemplate(o.format); err != nil {
			return err
		}
	}
	kinds := []string{"container", "image"}
	switch o.kind {
	case "":
	case "container", "image", "network", "volume":
		kinds = []string{o.kind}
	default:
		return errdefs.InvalidArgument("%q is not a valid value for --type: it is container, image, network or volume", o.kind)
	}
	failed := false
	var found [][]byte
	for _, name := range o.names {
		raw, err := cli.inspectOne(ctx, name, kinds, o)
		if o.kind == "" && errdefs.IsNotFound(err) {
			raw, err = cli.inspectOne(ctx, name, []string{"network", "volume"}, o)
		}
		switch {
		case ends(err), errdefs.Is(err, errdefs.KindUnavailable):
			return err
		case errdefs.IsNotFound(err):
			fmt.Fprintf(cli.Err, "Error: No such %s: %s\n", strings.Join(reversed(kinds), " or "), name)
			failed = true
		case err != nil:
			fmt.Fprintln(cli.Err, err)
			failed = true
		case f != nil:
			if err := showDocument(cli.Out, f, raw); err != nil {
				return err
			}
		default:
			found = append(found, raw)
		}
	}
	if f == nil {
		if err := printArray(cli.Out, found, o.format != "json"); err != nil {
			return err
		}
	}
	if failed {
		return &StatusError{Code: exitFailure}
	}
	return nil
}

// reversed gives the words in the order of the classic sentence: image or
// container.
func reversed(list []string) []string {
	out := make([]string, 0, len(list))
	for i := len(list) - 1; i >= 0; i-- {
		out = append(out, list[i])
	}
	return out
}

// inspectOne fetches the document of the first kind that has the name.
func (cli *CLI) inspectOne(ctx context.Context, name string, kinds []string, o inspectOptions) ([]byte, error) {
	var err error
	for _, kind := range kinds {
		path, query := imagePath(name, "/json"), url.Values{}
		switch kind {
		case "container":
			path = containerPath(name, "/json")
			setFlag(query, "size", o.size)
		case "network":
			path = networkPath(name)
		case "volume":
			path = volumePath(name)
		case "image":
			if err := platformQuery(query, "platform", o.platform); err != nil {
				return nil, err
			}
		}
		var resp *http.Response
		resp, err = cli.http.do(ctx, request{method: http.MethodGet, path: path, query: query, newest: wholeVersion})
		if errdefs.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		raw, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			return nil, vanished("inspecting "+name, err)
		}
		return raw, nil
	}
	return nil, err
}

// printArray writes the documents as one JSON array, keys in the server's
// order; for people, or in one line.
func printArray(w io.Writer, list [][]byte, indent bool) error {
	if len(list) == 0 {
		_, err := io.WriteString(w, "[]\n")
		return err
	}
	array := append([]byte("["), bytes.Join(list, []byte(","))...)
	var out bytes.Buffer
	err := json.Compact(&out, append(array, ']'))
	if indent {
		out.Reset()
		err = json.Indent(&out, append(array, ']'), "", "    ")
	}
	if err != nil {
		return fmt.Errorf("reading the daemon's answer: %w", err)
	}
	out.WriteByte('\n')
	_, err = out.WriteTo(w)
	return err
}
