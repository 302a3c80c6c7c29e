package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/enginejobs/docker/pkg/mflag"
)

func newExport(cli *CLI, flags *mflag.Set) runFunc {
	var output string
	flags.String(&output, "-o --output", "Write to a file instead of STDOUT")
	return func(ctx context.Context, args []string) error {
		if _, terminal := terminalOf(cli.Out); terminal && output == "" {
			return errors.New("Cowardly refusing to save to a terminal. Use the -o flag or redirect.")
		}
		resp, err := cli.http.do(ctx, request{method: http.MethodGet, path: containerPath(args[0], "/export")})
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if output == "" {
			if _, err = io.Copy(cli.Out, resp.Body); err != nil {
				return vanished("exporting "+args[0], err)
			}
			return nil
		}
		return writeFile(output, resp.Body)
	}
}

// writeFile saves r; half a file is not left behind.
func writeFile(name string, r io.Reader) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, r)
	if cerr := file.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		_ = os.Remove(name)
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}
