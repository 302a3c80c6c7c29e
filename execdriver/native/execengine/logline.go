package execengine

import (
	"bytes"
	"unicode/utf8"
)

// maxEntry bounds the text of one entry of the log.
const maxEntry = 16 << 10

// cutEntry finds the next entry in b: a line with its newline, or maxEntry bytes
// of a longer one (a little less where a character would be split). It gives 0
// when b holds less; at the end of the output that rest is an entry too.
func cutEntry(b []byte, end bool) int {
	limit := min(len(b), maxEntry)
	if i := bytes.IndexByte(b[:limit], '\n'); i >= 0 {
		return i + 1
	}
	if limit == maxEntry {
		for back := 1; back < utf8.UTFMax; back++ {
			if c := b[limit-back]; utf8.RuneStart(c) {
				if c >= utf8.RuneSelf && !utf8.FullRune(b[limit-back:limit]) {
					return limit - back
				}
				break
			}
		}
		return limit
	}
	if end {
		return len(b)
	}
	return 0
}
