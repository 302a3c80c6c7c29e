//go:build linux

package graphtest

import (
	"archive/tar"
	"bytes"
	"fmt"
)

// SparseSize is the size of the file "s" in the archives of GNUSparse and
// PAXSparse, SparseAt where its only content "data" is.
const (
	SparseSize = 100 << 10
	SparseAt   = 64 << 10
)

// GNUSparse is an archive with a sparse file in the old form of GNU tar: what
// there is of it is listed in its header.
func GNUSparse() []byte {
	h := rawHeader("s", 1024, tar.TypeGNUSparse)
	copy(h[257:], "ustar  \x00")
	copy(h[386:], fmt.Sprintf("%011o\x00%011o\x00%011o\x00%011o\x00", SparseAt, 1024, SparseSize, 0))
	copy(h[483:], fmt.Sprintf("%011o\x00", SparseSize))
	h = append(checksummed(h), block("data"+string(make([]byte, 1020)))...)
	h = append(h, rawHeader("after", 5, tar.TypeReg)...)
	h = append(h, block("after")...)
	return append(h, make([]byte, 1024)...)
}

// PAXSparse is the same in the form 1.0, where the list is before the content.
func PAXSparse() []byte {
	records := record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0") +
		record("GNU.sparse.name", "s") + record("GNU.sparse.realsize", fmt.Sprint(SparseSize))
	data := rawHeader("ext", int64(len(records)), tar.TypeXHeader)
	data = append(data, block(records)...)
	data = append(data, rawHeader("GNUSparseFile.0/s", 1536, tar.TypeReg)...)
	data = append(data, block(fmt.Sprintf("2\n%d\n1024\n%d\n0\n", SparseAt, SparseSize))...)
	data = append(data, block("data"+string(make([]byte, 1020)))...)
	data = append(data, rawHeader("after", 5, tar.TypeReg)...)
	data = append(data, block("after")...)
	return append(data, make([]byte, 1024)...)
}

// checksummed corrects the checksum of a header.
func checksummed(h []byte) []byte {
	copy(h[148:], bytes.Repeat([]byte(" "), 8))
	sum := 0
	for _, c := range h {
		sum += int(c)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return h
}
