// Package embed is a small program that drives Docker with the official SDK, as
// an example of code that is tested without Docker.
package embed

import (
	"context"
	"errors"
	"fmt"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// Deploy starts n containers of an image, called name-1 to name-n. When one of
// them does not start it removes all of them again.
func Deploy(ctx context.Context, cli *client.Client, name, image string, n int, cmd ...string) error {
	var made []string
	undo := func(err error) error {
		for _, id := range made {
			_, rmErr := cli.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true})
			err = errors.Join(err, rmErr)
		}
		return err
	}
	for i := range n {
		created, err := cli.ContainerCreate(ctx, client.ContainerCreateOptions{
			Name:   fmt.Sprintf("%s-%d", name, i+1),
			Config: &container.Config{Image: image, Cmd: cmd},
		})
		if err != nil {
			return undo(err)
		}
		made = append(made, created.ID)
		if _, err := cli.ContainerStart(ctx, created.ID, client.ContainerStartOptions{}); err != nil {
			return undo(fmt.Errorf("starting %s-%d: %w", name, i+1, err))
		}
	}
	return nil
}
