//go:build !linux

package archive

import (
	"context"
	"errors"
	"io"
)

// Options of Unpack.
type Options struct {
	Whiteouts Whiteouts
	Below     Below
	NoOwner   bool
}

var errPlatform = errors.New("unpacking archives safely needs Linux")

// Unpack is for Linux only.
func Unpack(context.Context, string, io.Reader, Options) (int64, error) { return 0, errPlatform }
