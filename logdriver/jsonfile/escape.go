package jsonfile

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendEscaped writes text as encoding/json does, HTML characters and line
// separators included; what is no UTF-8 becomes U+FFFD.
func appendEscaped(dst, text []byte) []byte {
	for len(text) > 0 {
		n := plain(text)
		dst = append(dst, text[:n]...)
		if text = text[n:]; len(text) == 0 {
			break
		}
		c := text[0]
		if c < utf8.RuneSelf {
			dst = appendControl(dst, c)
			text = text[1:]
			continue
		}
		r, n := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && n == 1:
			dst = append(dst, `\ufffd`...)
		case r == 0x2028 || r == 0x2029:
			dst = append(append(dst, `\u202`...), hexDigits[r&0xf])
		default:
			dst = append(dst, text[:n]...)
		}
		text = text[n:]
	}
	return dst
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plain tells how many bytes text begins with that stand for themselves. It
// looks at eight at a time: a byte of special is not zero where one of them is
// not plain, and the first such byte is always found exactly.
func plain(text []byte) int {
	i := 0
	for ; i+8 <= len(text); i += 8 {
		w := binary.LittleEndian.Uint64(text[i:])
		special := w | (w - 0x20*ones)                 // not ASCII; controls
		special |= (w&^(0x02*ones) ^ 0x3c*ones) - ones // < and >, which differ in one bit
		special |= (w&^(0x04*ones) ^ 0x22*ones) - ones // " and &
		special |= (w ^ 0x5c*ones) - ones              // \
		if special &= highs; special != 0 {
			// A borrow can mark a byte that is plain, but only behind one that is not.
			return i + bits.TrailingZeros64(special)/8
		}
	}
	for ; i < len(text); i++ {
		c := text[i]
		if c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return i
		}
	}
	return i
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
