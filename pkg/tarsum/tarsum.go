// Package tarsum owns the checksum that the classic engine gave archives: of
// what is in them and not of their bytes, so that the order of entries does not
// count. It keeps no state.
//
// A sum is written "tarsum+sha256:<hex>"; the label before "+" is the version.
// Registries of protocol v1 and the cache of the classic builder use version 0.
// Start reading at Sum. The package is domain-free.
package tarsum

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Version says what is summed up.
type Version int

// The versions. V1 leaves out times and takes in extended attributes; Dev is V1
// under the name that it had before.
const (
	V0 Version = iota
	V1
	Dev
)

// String is the label: "tarsum", "tarsum.v1" or "tarsum.dev".
func (v Version) String() string { return [...]string{"tarsum", "tarsum.v1", "tarsum.dev"}[v] }

// ErrVersion says that a label is none of ours.
var ErrVersion = errors.New("unknown version of tarsum")

// Parse reads the label of a sum.
func Parse(sum string) (Version, error) {
	label, _, ok := strings.Cut(sum, "+")
	for v := V0; ok && v <= Dev; v++ {
		if label == v.String() {
			return v, nil
		}
	}
	return 0, fmt.Errorf("%w: %q", ErrVersion, label)
}

// Entry is the sum of one entry.
type Entry struct {
	Name string // without "./" before and "/" behind
	Sum  string // SHA-256 of its header and content, in hexadecimal
}

// Result is the sum of an archive.
type Result struct {
	Version Version
	Entries []Entry // in the order of the archive
}

// Sum reads the uncompressed archive r to its end.
func Sum(r io.Reader, v Version) (*Result, error) {
	raw := &headerReader{r: r}
	tr := tar.NewReader(raw)
	result := &Result{Version: v}
	buf := make([]byte, 64<<10)
	h := sha256.New()
	for {
		hdr, err := tr.Next()
		if errors.Is(err, io.EOF) {
			if _, err := io.CopyBuffer(io.Discard, r, buf); err != nil {
				return nil, fmt.Errorf("reading archive: %w", err)
			}
			return result, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading archive: %w", err)
		}
		if hdr.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		h.Reset()
		header(h, hdr, raw.typeflag(hdr), v)
		if _, err := io.CopyBuffer(h, tr, buf); err != nil {
			return nil, fmt.Errorf("reading archive: %w", err)
		}
		name := strings.TrimSuffix(strings.TrimPrefix(hdr.Name, "./"), "/")
		result.Entries = append(result.Entries, Entry{name, hex.EncodeToString(h.Sum(nil))})
	}
}

// Text is the sum of all entries with its label. extra comes before them:
// registries of protocol v1 take the document of the image.
func (r *Result) Text(extra []byte) string {
	sums := make([]string, 0, len(r.Entries))
	for _, e := range r.Entries {
		sums = append(sums, e.Sum)
	}
	slices.Sort(sums)
	h := sha256.New()
	_, _ = h.Write(extra) // never fails
	for _, sum := range sums {
		_, _ = io.WriteString(h, sum)
	}
	return r.Version.String() + "+sha256:" + hex.EncodeToString(h.Sum(nil))
}

// Of is the sum of the entry called name, the last one if there are several; ""
// when there is none.
func (r *Result) Of(name string) string {
	for _, e := range slices.Backward(r.Entries) {
		if e.Name == name {
			return e.Sum
		}
	}
	return ""
}

// Begin sums up what counts of a header; the content has to follow. Version 0 and
// archives of the oldest form, whose files have the type 0, are Sum's alone.
func Begin(h hash.Hash, hdr *tar.Header, v Version) { header(h, hdr, hdr.Typeflag, v) }

// header sums up what counts of a header: each key, followed by its value.
func header(h hash.Hash, hdr *tar.Header, typeflag byte, v Version) {
	put := func(key, value string) {
		_, _ = io.WriteString(h, key)
		_, _ = io.WriteString(h, value)
	}
	number := func(key string, n int64) { put(key, strconv.FormatInt(n, 10)) }
	put("name", hdr.Name)
	number("mode", hdr.Mode)
	number("uid", int64(hdr.Uid))
	number("gid", int64(hdr.Gid))
	number("size", hdr.Size)
	if v == V0 {
		number("mtime", hdr.ModTime.UTC().Unix())
	}
	put("typeflag", string([]byte{typeflag}))
	put("linkname", hdr.Linkname)
	put("uname", hdr.Uname)
	put("gname", hdr.Gname)
	number("devmajor", hdr.Devmajor)
	number("devminor", hdr.Devminor)
	if v == V0 {
		return
	}
	const prefix = "SCHILY.xattr."
	var keys []string
	for key := range hdr.PAXRecords {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, strings.TrimPrefix(key, prefix))
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		put(key, hdr.PAXRecords[prefix+key])
	}
}

// headerReader remembers the type in the last block that was read: the tar
// reader takes the old way to say "file", a zero, for the new one.
type headerReader struct {
	r    io.Reader
	kind byte
}

// Read is called by the tar reader, for headers one block at a time.
func (h *headerReader) Read(p []byte) (int, error) {
	n, err := io.ReadFull(h.r, p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil // the tar reader finds out
	}
	if n == 512 {
		h.kind = p[156]
	}
	return n, err
}

func (h *headerReader) typeflag(hdr *tar.Header) byte {
	if hdr.Typeflag == tar.TypeReg && h.kind == 0 {
		return 0
	}
	return hdr.Typeflag
}
