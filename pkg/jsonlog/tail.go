package jsonlog

import (
	"bytes"
	"io"
	"os"
)

const tailBlock = 64 << 10

// tailOffset finds where the last n lines of output begin by reading the file
// backwards in blocks. The records of one long line count as one.
func tailOffset(f *os.File, n int) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	var (
		at    = info.Size() // everything from at on is in carry or counted
		carry []byte        // beginning of the record that reaches into counted ground
		start = at          // where the earliest wanted record begins
		lines int           // complete lines that begin at or after start
		first = true        // nothing counted yet: the last record needs no newline
	)
	if n == 0 {
		return at, nil
	}
	for at > 0 {
		size := min(tailBlock, at)
		at -= size
		block := make([]byte, int(size)+len(carry))
		if _, err := f.ReadAt(block[:size], at); err != nil && err != io.EOF {
			return 0, err
		}
		copy(block[size:], carry)
		// Records of the block from its end; the first one may be incomplete.
		for {
			body := bytes.TrimSuffix(block, []byte("\n"))
			i := bytes.LastIndexByte(body, '\n')
			if i < 0 && at > 0 {
				carry = block
				break
			}
			if record := block[i+1:]; len(record) > 0 {
				if endsLine(record) || first {
					if lines == n {
						return start, nil
					}
					lines++
				}
				first = false
				start = at + int64(i+1)
			}
			block = block[:i+1]
			if len(block) == 0 {
				carry = nil
				break
			}
		}
		if len(carry) > maxRecord {
			return start, nil
		}
	}
	return start, nil
}

// endsLine tells whether the text of a record ends in a newline.
func endsLine(record []byte) bool {
	i := bytes.LastIndex(record, streamKey)
	if i < 2 || record[i-1] != 'n' {
		return false
	}
	slashes := 0
	for j := i - 2; j >= 0 && record[j] == '\\'; j-- {
		slashes++
	}
	return slashes%2 == 1
}
