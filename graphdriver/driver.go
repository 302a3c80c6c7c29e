// Package graphdriver owns the contract of storage drivers: who keeps layers
// and says how to mount them. It has no state of its own; implementations are
// the sub-packages, chosen by graphdriver/graphdrivers, and every one of them
// passes the suite in graphdriver/graphtest. Start reading at Driver; Table and
// Trash are what several implementations share. It must import nothing above
// errdefs and pkg.
package graphdriver

import (
	"context"
	"io"

	"github.com/enginejobs/docker/pkg/mount"
)

// ChangeKind says what happened to a path.
type ChangeKind int

// Kinds of change; the numbers are those of the API.
const (
	ChangeModify ChangeKind = iota
	ChangeAdd
	ChangeDelete
)

// Change is one path that differs between a layer and its parent.
type Change struct {
	Path string
	Kind ChangeKind
}

// Layer is what a driver knows of one layer.
type Layer struct {
	ID        string
	Parent    string // "" for none
	ReadWrite bool   // a container's
}

// Driver keeps layers. A layer is a set of files over at most one parent
// layer. Ids are chosen by the caller and match [a-zA-Z0-9_-]+ (at most 128 bytes).
// Implementations are safe for concurrent use; calls on different ids do not
// wait for each other. Unknown ids fail with NotFound. Every method leaves a
// consistent store when the process is killed inside it; New cleans up what an
// earlier process left half-made.
type Driver interface {
	// Name is the word that selects the driver: "overlay".
	Name() string
	// Create makes an empty layer over parent ("" for none). readWrite layers
	// are for containers: they are mounted writable and have no children.
	Create(id, parent string, readWrite bool) error
	// Remove forgets a layer and its files. Removing one that does not exist is
	// not an error; removing one that has children is a Conflict.
	Remove(id string) error
	// List names the layers that are known, in no order.
	List() []Layer
	// Exists tells whether the layer is known.
	Exists(id string) bool
	// Mounts says how to mount the root of a layer, without mounting it: the
	// exec driver does that inside the container's mount namespace.
	Mounts(id string) ([]mount.Mount, error)
	// Get mounts the layer on the host and returns the path; calls nest and each
	// needs its Put. Used for copying in and out, never on the run path.
	Get(id string) (path string, err error)
	// Put undoes one Get.
	Put(id string) error
	// ApplyDiff unpacks an uncompressed layer archive (with whiteouts) into the
	// layer. It never writes outside of the layer, whatever the archive says.
	// It returns the sum of the sizes of the regular files unpacked.
	ApplyDiff(ctx context.Context, id string, diff io.Reader) (size int64, err error)
	// Diff gives the layer as an uncompressed archive relative to its parent.
	Diff(ctx context.Context, id string) (io.ReadCloser, error)
	// Changes lists what differs from the parent, sorted by path.
	Changes(ctx context.Context, id string) ([]Change, error)
	// DiffSize is the sum of the sizes of the files that the layer adds or changes.
	DiffSize(ctx context.Context, id string) (int64, error)
	// Metadata is shown by inspect (GraphDriver.Data).
	Metadata(id string) (map[string]string, error)
	// Status is shown by info (DriverStatus).
	Status() [][2]string
	// Close unmounts what Get left and releases the driver.
	Close() error
}

// Expendable is what a Driver has besides when it can save work for a container
// that is removed at its end and is so after a power cut too.
type Expendable interface {
	// ExpendableMounts is Mounts for a layer whose content may be lost in a power
	// cut: unmounting it does not wait for the disk.
	ExpendableMounts(id string) ([]mount.Mount, error)
}

// Detacher is what a Driver has besides when it can unpack a layer before
// anybody knows on which other one it lies: archives of images tell that last.
type Detacher interface {
	// ApplyDetached is ApplyDiff for a layer without a parent that may get one by
	// Attach. What depends on a parent is left out, and remembered until Attach or
	// Remove.
	ApplyDetached(ctx context.Context, id string, diff io.Reader) (size int64, err error)
	// Attach puts a layer that was unpacked like this on parent ("" for none). It
	// reports false, and the layer is to be removed, when something was left out
	// that parent decides about; most archives have no such thing.
	Attach(id, parent string) (bool, error)
}

// Stacker is what a Driver has besides when the files of a layer do not depend
// on those of its parents, so that the layers of a stack can be unpacked at the
// same time.
type Stacker interface {
	// ApplyAhead is ApplyDiff for a layer whose parents exist, but need not be
	// unpacked yet. It calls parents, which waits until they are, before it looks at
	// what lies below: most archives never make it.
	ApplyAhead(ctx context.Context, id string, diff io.Reader, parents func() error) (size int64, err error)
}
