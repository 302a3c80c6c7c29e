package client

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/enginejobs/docker/pkg/mflag"
)

// newSystemDialStdio is what ssh runs on the host of a daemon: its own input and
// output become a connection to the daemon.
func newSystemDialStdio(cli *CLI, _ *mflag.Set) runFunc {
	return func(ctx context.Context, _ []string) error { return cli.dialStdio(ctx) }
}

func (cli *CLI) dialStdio(ctx context.Context) error {
	cn, err := cli.http.connect(ctx)
	if err != nil {
		return err
	}
	defer cn.Close()
	defer context.AfterFunc(ctx, func() { _ = cn.Close() })()
	sent := make(chan error, 1)
	go func() { // ends with its input, or with the process
		_, err := io.Copy(cn, cli.In)
		if half, ok := cn.Conn.(interface{ CloseWrite() error }); ok && err == nil {
			err = half.CloseWrite()
		}
		sent <- err
	}()
	if _, err := io.Copy(cli.Out, cn.br); err != nil && ctx.Err() == nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case err := <-sent:
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		return err
	default:
		return nil // the daemon has ended it, whatever else would have come
	}
}
