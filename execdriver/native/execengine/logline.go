package execengine

import (
	"time"
	"unicode/utf8"
)

// maxEntry bounds the text of one entry of the log.
const maxEntry = 16 << 10

// cutEntry finds the next entry in b: a line with its newline, or maxEntry bytes
// of a longer one (a little less where a character would be split). It gives 0
// when b holds less; at the end of the output that rest is an entry too.
func cutEntry(b []byte, end bool) int {
	limit := min(len(b), maxEntry)
	for i := range limit {
		if b[i] == '\n' {
			return i + 1
		}
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

// appendEntry appends one record of the log:
// {"log":"text\n","stream":"stdout","time":"RFC 3339 with nanoseconds"}.
func appendEntry(dst, text []byte, stream string, at time.Time) []byte {
	dst = append(dst, `{"log":"`...)
	dst = appendEscaped(dst, text)
	dst = append(dst, `","stream":"`...)
	dst = append(dst, stream...)
	dst = append(dst, `","time":"`...)
	dst = at.AppendFormat(dst, time.RFC3339Nano)
	return append(dst, "\"}\n"...)
}

const hexDigits = "0123456789abcdef"

// appendEscaped writes text as encoding/json does, HTML characters and line
// separators included; what is no UTF-8 becomes U+FFFD.
func appendEscaped(dst, text []byte) []byte {
	from := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&' {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(text[i:])
			switch {
			case r == utf8.RuneError && n == 1:
				dst = append(append(dst, text[from:i]...), `\ufffd`...)
			case r == 0x2028 || r == 0x2029:
				dst = append(append(dst, text[from:i]...), `\u202`...)
				dst = append(dst, hexDigits[r&0xf])
			default:
				i += n
				continue
			}
			i += n
			from = i
			continue
		}
		dst = append(dst, text[from:i]...)
		dst = appendControl(dst, c)
		i++
		from = i
	}
	return append(dst, text[from:]...)
}

func appendControl(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
}
