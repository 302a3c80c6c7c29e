package archive

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// Options of Unpack.
type Options struct {
	Whiteouts Whiteouts
	// Below is what an Overlay tree lies on; nil when nothing does.
	Below Below
	// At is the directory of the tree, a clean relative path without links, that
	// the names of the archive begin in; empty is the root. Links lead anywhere in
	// the tree.
	At string
	// KeepKinds refuses entries that would put a file in the place of a directory
	// or the other way round.
	KeepKinds bool
	// Owner, when not nil, is who everything belongs to, whatever the archive says.
	Owner *Owner
	// Once refuses archives that bring content and take it away again, by a second
	// entry of the same name: such a tree does not have all that the archive had.
	Once bool
	// Rooted, when not nil, is set when the archive has an entry for the root itself.
	Rooted *bool
	// LeftOut, when not nil, is told of hard links to files that are nowhere; they
	// are left out instead of refused.
	LeftOut func(entry string)
	// NoOwner leaves everything to the current user and drops attributes that
	// need privilege.
	NoOwner bool
}

// Owner is a user and a group by number.
type Owner struct{ UID, GID int }

// Unpack puts the entries of the uncompressed archive r below the directory
// root, which must exist, and returns the sum of the sizes of its regular
// files. It stops at the end marker of the archive and leaves what follows
// unread. It never writes outside of root, whatever the archive says. A failed
// Unpack leaves what it had unpacked: the caller drops the tree. A fault of
// the archive is an *Error.
func Unpack(ctx context.Context, root string, r io.Reader, opt Options) (int64, error) {
	t, err := openTree(root)
	if err != nil {
		return 0, err
	}
	defer t.close()
	u := &unpacker{tree: t, opt: opt, room: t.capacity()}
	if opt.Whiteouts == Apply {
		u.seen = make(map[string]struct{})
		if opt.Once {
			u.mine = make(map[uint64]struct{})
		}
	}
	tr := tar.NewReader(&contextReader{ctx, r})
	for {
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return u.size, streamError(ctx, "", err)
		}
		if err := u.entry(ctx, hdr, tr); err != nil {
			return u.size, err
		}
	}
	return u.size, u.finish()
}

// contextReader ends a stream when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

// Read fails with the context's error once it is over.
func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// streamError blames the archive for what the tar reader reports, and nobody
// for a context that ended.
func streamError(ctx context.Context, entry string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("truncated: %w", err)
	}
	return &Error{Entry: entry, Err: err}
}

// unpacker is one run of Unpack.
type unpacker struct {
	tree *tree
	opt  Options
	size int64
	room uint64 // bytes that the file system can hold at all; 0 unknown
	bulk uint64 // bytes that sparse entries have claimed so far

	dirs   []dirTime
	seen   map[string]struct{} // entries of this archive, kept for Apply only
	mine   map[uint64]struct{} // inodes of files of this archive that have content, for Once in an Apply tree
	copied map[uint64]struct{} // inodes of files that were copied from below
	opaque bool                // the root itself is opaque
	buf    []byte
}

type dirTime struct {
	name  string
	times [2]unix.Timespec
}

// entry places one entry.
func (u *unpacker) entry(ctx context.Context, hdr *tar.Header, body io.Reader) error {
	if hdr.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name, err := cleanName(hdr.Name)
	if err != nil {
		return &Error{Entry: hdr.Name, Err: err}
	}
	if err := checkHeader(hdr); err != nil {
		return err
	}
	name = path.Join(u.opt.At, name)
	if u.opt.Owner != nil {
		hdr.Uid, hdr.Gid = u.opt.Owner.UID, u.opt.Owner.GID
	}
	if u.opt.Whiteouts != Literal {
		if done, err := u.whiteout(hdr.Name, name); done || err != nil {
			return err
		}
	}
	if u.seen != nil {
		u.seen[name] = struct{}{}
	}
	if name == "." {
		return u.rootEntry(hdr)
	}
	dir, base, err := u.parent(name)
	if err != nil {
		return entryError(hdr.Name, err)
	}
	return entryError(hdr.Name, u.place(ctx, hdr, body, name, dir, base))
}

// cleanName makes a name relative to the root. Names that climb out are
// refused, although nothing would follow them.
func cleanName(name string) (string, error) {
	if len(name) > unix.PathMax {
		return "", fmt.Errorf("its name has %d bytes, more than the %d allowed", len(name), unix.PathMax)
	}
	if strings.IndexByte(name, 0) >= 0 {
		return "", errors.New("its name has a NUL byte")
	}
	clean := path.Clean(name)
	if strings.HasPrefix(clean, "/") {
		clean = strings.TrimPrefix(clean, "/")
		if clean == "" {
			clean = "."
		}
	}
	if clean == ".." || strings.HasPrefix(clean, "../") {
		return "", errors.New("its name leads out of the archive")
	}
	return clean, nil
}

// checkHeader refuses numbers that no file can have.
func checkHeader(hdr *tar.Header) error {
	const maxID = 1<<32 - 2
	if hdr.Uid < 0 || hdr.Uid > maxID || hdr.Gid < 0 || hdr.Gid > maxID {
		return invalid(hdr.Name, "owner %d:%d is out of range", hdr.Uid, hdr.Gid)
	}
	if hdr.Size < 0 {
		return invalid(hdr.Name, "its size is negative")
	}
	return nil
}

// entryError names the entry and blames the archive for what the kernel
// refuses on account of its names.
func entryError(entry string, err error) error {
	var e *Error
	switch {
	case err == nil, errors.As(err, &e), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, unix.ENAMETOOLONG), errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENOTDIR):
		return &Error{Entry: entry, Err: err}
	}
	return fmt.Errorf("unpacking %q: %w", shorten(entry), err)
}

// finish sets what later entries would have disturbed.
func (u *unpacker) finish() error {
	if u.opaque {
		if err := u.hideRoot(); err != nil {
			return fmt.Errorf("hiding what lies below: %w", err)
		}
	}
	for _, d := range u.dirs {
		fd, err := u.tree.openDir(d.name)
		if err != nil {
			continue // replaced by a later entry
		}
		err = unix.UtimesNanoAt(fd, ".", d.times[:], 0)
		unix.Close(fd)
		if err != nil {
			return fmt.Errorf("setting times of %q: %w", shorten(d.name), err)
		}
	}
	return nil
}
