package graphdb

import (
	"fmt"

	"github.com/enginejobs/docker/errdefs"
)

// TakenError says that a name belongs to somebody else. It is in the chain of
// errors of kind Conflict.
type TakenError struct {
	Path string // "/web"
	ID   string // who holds it
}

// Error names the holder and the way out.
func (e *TakenError) Error() string {
	return fmt.Sprintf("Conflict. The name %q is already in use by container %.12s. "+
		"You have to delete (or rename) that container to be able to reuse that name.", e.Path[1:], e.ID)
}

func taken(path, id string) error {
	return errdefs.As(errdefs.KindConflict, &TakenError{Path: path, ID: id})
}

func notFound(path string) error { return errdefs.NotFound("no entity at %s", path) }
