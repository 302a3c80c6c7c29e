// Package archive owns the two directions between a tar stream and a tree of
// files: Unpack and Pack, with the whiteouts of image layers, compression by
// its magic, and the comparison of two trees. It keeps no state.
//
// Unpack treats its input as hostile. Nothing is decided by looking at path
// strings alone: every directory is opened by the kernel with openat2 inside
// the root (links are re-based there), every object is made relative to such a
// descriptor, and nothing existing is ever opened for writing. Start reading at
// Unpack and Pack. The package is domain-free and imports only other pkg.
package archive

import (
	"errors"
	"fmt"
	"strings"
)

// Whiteouts says how deletions of lower files are written in the tree on disk.
// In the archive they are always entries named ".wh.NAME" and ".wh..wh..opq".
type Whiteouts int

const (
	// Literal gives the names no meaning: copying in and out of containers.
	Literal Whiteouts = iota
	// Apply removes the named file: trees that hold the whole view.
	Apply
	// Overlay makes the marks of overlayfs, a character device 0:0 or the
	// attribute trusted.overlay.opaque: trees that hold one layer.
	Overlay
)

// Spelling of whiteouts in archives.
const (
	WhiteoutPrefix = ".wh."
	whiteoutMeta   = ".wh..wh."
	whiteoutOpaque = ".wh..wh..opq"
	opaqueAttr     = "trusted.overlay.opaque"
	paxXattr       = "SCHILY.xattr."
	maxLinks       = 255 // symbolic links followed in one path
)

// Below shows what lies under the layer being unpacked, so that an entry whose
// directory or hard link target is only there can be placed as if all layers
// were one tree. The files found are never changed.
type Below interface {
	// Find gives the host path of the object at name, a clean relative path
	// without links in its directories; fs.ErrNotExist when there is none.
	Find(name string) (string, error)
	// Names lists the directory at name.
	Names(name string) ([]string, error)
}

// Error is a fault of the archive itself, as opposed to one of the host. The
// entry's name is quoted in the text.
type Error struct {
	Entry string // "" when the stream is broken between entries
	Err   error
}

// Error names the entry and the fault.
func (e *Error) Error() string {
	if e.Entry == "" {
		return fmt.Sprintf("reading archive: %v", e.Err)
	}
	return fmt.Sprintf("archive entry %q: %v", shorten(e.Entry), e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// IsInvalid tells whether err blames the archive.
func IsInvalid(err error) bool {
	var e *Error
	return errors.As(err, &e)
}

func invalid(entry, format string, args ...any) error {
	return &Error{Entry: entry, Err: fmt.Errorf(format, args...)}
}

// shorten keeps messages readable when a name is hostile.
func shorten(s string) string {
	if len(s) > 256 {
		return s[:256] + "…"
	}
	return s
}

// keepAttr tells which extended attributes travel. Those of overlayfs would
// let an archive point at other layers and never do.
func keepAttr(name string) bool {
	if strings.HasPrefix(name, "trusted.overlay.") || strings.HasPrefix(name, "user.overlay.") {
		return false
	}
	return name != "security.selinux"
}
