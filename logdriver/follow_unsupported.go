//go:build !linux

package logdriver

import (
	"context"
	"errors"
)

func (r *reader) follow(context.Context) error {
	return errors.New("following a log is supported on Linux only")
}
