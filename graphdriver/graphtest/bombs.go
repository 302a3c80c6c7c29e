//go:build linux

package graphtest

import (
	"archive/tar"
	"fmt"
)

// SparseBomb is an archive of a few hundred bytes with a sparse file that
// claims size bytes.
func SparseBomb(size int64) []byte {
	records := record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0") +
		record("GNU.sparse.name", "bomb") + record("GNU.sparse.realsize", fmt.Sprint(size))
	data := rawHeader("ext", int64(len(records)), tar.TypeXHeader)
	data = append(data, block(records)...)
	data = append(data, rawHeader("bomb", 512, tar.TypeReg)...)
	data = append(data, block("0\n")...)
	return append(data, make([]byte, 1024)...)
}

// record is one record of an extended header: its own length, key and value.
func record(key, value string) string {
	for n := len(key) + len(value) + 3; ; n++ {
		if s := fmt.Sprintf("%d %s=%s\n", n, key, value); len(s) == n {
			return s
		}
	}
}

func block(s string) []byte {
	b := []byte(s)
	for len(b)%512 != 0 {
		b = append(b, 0)
	}
	return b
}

// rawHeader is a header block with a right checksum and anything else.
func rawHeader(name string, size int64, kind byte) []byte {
	h := make([]byte, 512)
	copy(h, name)
	copy(h[100:], "0000644\x000000000\x000000000\x00")
	copy(h[124:], fmt.Sprintf("%011o\x00", size))
	copy(h[136:], "00000000000\x00        ")
	h[156] = kind
	copy(h[257:], "ustar\x0000")
	sum := 0
	for _, c := range h {
		sum += int(c)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return h
}
