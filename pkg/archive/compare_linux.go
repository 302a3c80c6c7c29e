package archive

import (
	"context"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// ChangeKind says what happened to a path.
type ChangeKind int

// Kinds of change.
const (
	Modified ChangeKind = iota
	Added
	Deleted
)

// Change is one path that differs between two trees.
type Change struct {
	Path string // relative, without leading slash
	Kind ChangeKind
}

// Compare lists what differs in the tree now from the tree before, sorted by
// path. Contents are not read: a file is the same when its mode, owner,
// device, size, modification time and capabilities are. A directory with
// changes inside counts as modified. An empty before means an empty tree.
func Compare(ctx context.Context, before, now string) ([]Change, error) {
	n, err := openTree(now)
	if err != nil {
		return nil, err
	}
	defer n.close()
	c := &comparison{ctx: ctx}
	old := -1
	if before != "" {
		b, err := openTree(before)
		if err != nil {
			return nil, err
		}
		defer b.close()
		old = b.root
	}
	if _, err := c.directory(old, n.root, "."); err != nil {
		return nil, err
	}
	slices.SortFunc(c.changes, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return c.changes, nil
}

type comparison struct {
	ctx     context.Context //nolint:containedctx // lives as long as one call
	changes []Change
}

// directory compares two open directories; old is -1 when there was none. It
// tells whether anything differed.
func (c *comparison) directory(old, now int, name string) (bool, error) {
	start := len(c.changes)
	names, err := namesIn(now)
	if err != nil {
		return false, err
	}
	gone := map[string]struct{}{}
	if old >= 0 {
		was, err := namesIn(old)
		if err != nil {
			return false, err
		}
		for _, n := range was {
			gone[n] = struct{}{}
		}
	}
	for _, n := range names {
		if err := c.ctx.Err(); err != nil {
			return false, err
		}
		_, had := gone[n]
		delete(gone, n)
		if err := c.entry(old, now, n, path.Join(name, n), had); err != nil {
			return false, err
		}
	}
	for n := range maps.Keys(gone) {
		c.changes = append(c.changes, Change{path.Join(name, n), Deleted})
	}
	return len(c.changes) > start, nil
}

// entry compares one name that exists now.
func (c *comparison) entry(old, now int, base, name string, had bool) error {
	st, err := lstat(now, base)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	at := len(c.changes)
	change, sub := Change{name, Added}, -1
	changed := true
	if had {
		was, err := lstat(old, base)
		if err != nil {
			return err
		}
		change.Kind = Modified
		changed = differs(&was, &st, handle(old, base), handle(now, base))
		if kind(&was) == unix.S_IFDIR && kind(&st) == unix.S_IFDIR {
			if sub, err = openSub(old, base); err != nil {
				return err
			}
			defer unix.Close(sub)
		}
	}
	if kind(&st) == unix.S_IFDIR {
		fd, err := openSub(now, base)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		c.changes = append(c.changes, change)
		inside, err := c.directory(sub, fd, name)
		if err != nil {
			return err
		}
		if !inside && !changed {
			c.changes = c.changes[:at]
		}
		return nil
	}
	if changed {
		c.changes = append(c.changes, change)
	}
	return nil
}

func openSub(dir int, base string) (int, error) {
	return unix.Openat(dir, base, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}

// differs compares everything but contents.
func differs(a, b *unix.Stat_t, pathA, pathB string) bool {
	if a.Mode != b.Mode || a.Uid != b.Uid || a.Gid != b.Gid || a.Rdev != b.Rdev {
		return true
	}
	if kind(a) != unix.S_IFDIR && a.Size != b.Size || !sameTime(a.Mtim, b.Mtim) {
		return true
	}
	if kind(a) != unix.S_IFREG {
		return false
	}
	capA, _ := getAttr(pathA, "security.capability")
	capB, _ := getAttr(pathB, "security.capability")
	return string(capA) != string(capB)
}

// sameTime forgives archives that keep whole seconds only.
func sameTime(a, b unix.Timespec) bool {
	return a.Sec == b.Sec && (a.Nsec == b.Nsec || a.Nsec == 0 || b.Nsec == 0)
}
