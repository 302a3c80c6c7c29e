package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// list is Runner.Caches.
func (c *caches) list(ctx context.Context) ([]Cache, error) {
	c.mu.Lock()
	var out []Cache
	dirs := map[string]string{}
	for _, k := range c.byKey {
		if k.removing || !slices.ContainsFunc(k.instances, func(in *instance) bool { return in.made }) {
			continue
		}
		out = append(out, Cache{
			Key: k.key, ID: k.info.ID, Description: k.info.Description, Created: k.info.Created,
			LastUsed: k.info.LastUsed, Uses: k.info.Uses, InUse: k.used(),
		})
		dirs[k.key] = k.dir
	}
	c.mu.Unlock()
	slices.SortFunc(out, func(a, b Cache) int {
		return cmp.Or(b.LastUsed.Compare(a.LastUsed), cmp.Compare(a.Key, b.Key))
	})
	for i := range out {
		size, err := usage(ctx, dirs[out[i].Key])
		if err != nil {
			return nil, fmt.Errorf("counting the size of the cache %q: %w", out[i].ID, err)
		}
		out[i].Size = size
	}
	return out, nil
}

// used tells whether somebody has a directory of it. It is called with mu held.
func (k *cache) used() bool {
	return slices.ContainsFunc(k.instances, func(in *instance) bool { return in.users > 0 })
}

// usage counts the bytes that a directory takes on disk, hard links once. What goes
// away meanwhile does not count.
func usage(ctx context.Context, dir string) (int64, error) {
	type inode struct{ dev, ino uint64 }
	seen := map[inode]bool{}
	var total int64
	err := filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return nil
		}
		if at := (inode{st.Dev, st.Ino}); st.Nlink > 1 && !info.IsDir() {
			if seen[at] {
				return nil
			}
			seen[at] = true
		}
		total += st.Blocks * 512
		return nil
	})
	return total, err
}

// prune is Runner.Prune: the caches that were not used for longest go first.
func (c *caches) prune(ctx context.Context, f Filter) (removed []string, bytes int64, err error) {
	all, err := c.list(ctx)
	if err != nil {
		return nil, 0, err
	}
	var total int64
	for _, k := range all {
		total += k.Size
	}
	keep := f.keep(total, free(c.root))
	for _, k := range slices.Backward(all) {
		if err := ctx.Err(); err != nil {
			return removed, bytes, err
		}
		if total <= keep && f.bounded() {
			break
		}
		if !f.chooses(k) {
			continue
		}
		gone, err := c.remove(k.Key)
		if err != nil {
			return removed, bytes, fmt.Errorf("removing the cache %q: %w", k.ID, err)
		}
		if gone {
			removed, bytes, total = append(removed, k.Key), bytes+k.Size, total-k.Size
		}
	}
	return removed, bytes, nil
}

func (f *Filter) bounded() bool { return f.Reserved != 0 || f.MaxUsed != 0 || f.MinFree != 0 }

// keep is how many bytes may stay, of a total, on a disk with so many left.
func (f *Filter) keep(total, left int64) int64 {
	keep := f.MaxUsed
	if lack := f.MinFree - left; lack > 0 {
		if keep == 0 {
			keep = total - lack
		}
		keep = min(keep, total-lack)
	} else if keep == 0 && f.MinFree != 0 {
		keep = total // there is room enough
	}
	return max(keep, f.Reserved)
}

func (f *Filter) chooses(k Cache) bool {
	return !k.InUse && (len(f.Keys) == 0 || slices.Contains(f.Keys, k.Key)) &&
		(f.Until.IsZero() || k.LastUsed.Before(f.Until)) && (f.Match == nil || f.Match(k))
}

// free is how many bytes there is room for.
func free(dir string) int64 {
	var fs unix.Statfs_t
	if unix.Statfs(dir, &fs) != nil {
		return 0
	}
	return int64(fs.Bavail) * fs.Bsize
}

// remove removes a cache that nobody uses; false when somebody does.
func (c *caches) remove(key string) (bool, error) {
	c.mu.Lock()
	k := c.byKey[key]
	if k == nil || k.removing || k.used() {
		c.mu.Unlock()
		return false, nil
	}
	k.removing = true
	c.removals++
	gone := k.dir + "." + strconv.Itoa(c.removals) + goneSuffix
	c.mu.Unlock()
	err := os.Rename(k.dir, gone)
	c.mu.Lock()
	if k.removing = false; err == nil {
		delete(c.byKey, key)
	}
	c.ring()
	c.mu.Unlock()
	if err != nil {
		return false, err
	}
	return true, os.RemoveAll(gone)
}
