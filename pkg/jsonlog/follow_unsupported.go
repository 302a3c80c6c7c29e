//go:build !linux

package jsonlog

import (
	"context"
	"errors"
)

func (r *reader) follow(context.Context) error {
	return errors.New("following a log is supported on Linux only")
}
