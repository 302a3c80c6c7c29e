// Package truncindex finds identifiers by a unique prefix.
//
// An Index owns a sorted list of ids; it is safe for concurrent use and reading
// never waits for writing: every change publishes a new list. Start reading at
// Get. The package knows nothing of containers or images and must not import
// anything of this module; callers turn its three errors into their kinds.
package truncindex

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
)

// What can go wrong; ask with errors.Is.
var (
	ErrNotFound  = errors.New("no such id")
	ErrAmbiguous = errors.New("ambiguous prefix")
	ErrIllegal   = errors.New("illegal id")
	ErrExists    = errors.New("id is there already")
)

// Index holds ids. The zero value is empty and ready.
type Index struct {
	mu  sync.Mutex // serialises writers
	ids atomic.Pointer[[]string]
}

func (x *Index) list() []string {
	if p := x.ids.Load(); p != nil {
		return *p
	}
	return nil
}

// Add puts id into the index; adding one twice is ErrExists.
func (x *Index) Add(id string) error {
	if id == "" || strings.ContainsAny(id, " /") {
		return fmt.Errorf("%w: %q", ErrIllegal, id)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	old := x.list()
	at, found := slices.BinarySearch(old, id)
	if found {
		return fmt.Errorf("%w: %s", ErrExists, id)
	}
	next := make([]string, 0, len(old)+1)
	next = append(append(append(next, old[:at]...), id), old[at:]...)
	x.ids.Store(&next)
	return nil
}

// Delete takes id out of the index. Deleting what is not there does nothing.
func (x *Index) Delete(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	old := x.list()
	at, found := slices.BinarySearch(old, id)
	if !found {
		return
	}
	next := make([]string, 0, len(old)-1)
	next = append(append(next, old[:at]...), old[at+1:]...)
	x.ids.Store(&next)
}

// Get returns the one id that begins with prefix. None is ErrNotFound; several,
// without an exact one among them, are ErrAmbiguous that names a few.
func (x *Index) Get(prefix string) (string, error) {
	if prefix == "" {
		return "", fmt.Errorf("%w: the prefix cannot be empty", ErrIllegal)
	}
	ids := x.list()
	at := sort.SearchStrings(ids, prefix)
	if at == len(ids) || !strings.HasPrefix(ids[at], prefix) {
		return "", fmt.Errorf("%w: %s", ErrNotFound, prefix)
	}
	if ids[at] == prefix || at+1 == len(ids) || !strings.HasPrefix(ids[at+1], prefix) {
		return ids[at], nil
	}
	var some []string
	for _, id := range ids[at:min(at+3, len(ids))] {
		if strings.HasPrefix(id, prefix) {
			some = append(some, id[:min(len(id), max(12, len(prefix)+2))])
		}
	}
	return "", fmt.Errorf("%w %s: it matches %s; give more characters",
		ErrAmbiguous, prefix, strings.Join(some, ", "))
}

// Len is the number of ids.
func (x *Index) Len() int { return len(x.list()) }
