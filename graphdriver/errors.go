package graphdriver

import (
	"errors"
	"fmt"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/archive"
	"github.com/enginejobs/docker/pkg/names"
)

// ErrNotSupported says that this host cannot run a driver; another one may do.
var ErrNotSupported = errors.New("driver not supported")

// NotSupported makes an error that says why a driver cannot run here.
func NotSupported(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrNotSupported, fmt.Sprintf(format, args...))
}

// CheckID refuses ids that cannot name a layer; they become names of files.
func CheckID(id string) error {
	if len(id) > 128 || !names.Only(id, "_-") {
		return errdefs.InvalidArgument("invalid layer id %q", id)
	}
	return nil
}

// NoSuchLayer is the answer to an unknown id.
func NoSuchLayer(id string) error { return errdefs.NotFound("no such layer: %s", id) }

// ArchiveError gives faults of an archive their kind.
func ArchiveError(err error) error {
	if archive.IsInvalid(err) {
		return errdefs.As(errdefs.KindInvalidArgument, err)
	}
	return err
}
