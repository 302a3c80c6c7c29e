package reference

import "strings"

// The grammar, as regular expressions:
//
//	domain    = host [ ":" [0-9]+ ]
//	host      = label *( "." label ) | "[" [a-fA-F0-9:]+ "]"
//	label     = [a-zA-Z0-9] | [a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]
//	path      = component *( "/" component )
//	component = [a-z0-9]+ ( ( [._] | "__" | "-"+ ) [a-z0-9]+ )*
//	tag       = [a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}
//	digest    = algorithm ":" [0-9a-fA-F]{32,}
//	algorithm = word *( [-_+.] word ),  word = [A-Za-z][A-Za-z0-9]*

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isAlpha(c byte) bool { return isLower(c | 0x20) }
func isAlnum(c byte) bool { return isAlpha(c) || isDigit(c) }

func isHexDigit(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

// all says whether s has at least one byte and every one is of the class.
func all(s string, class func(byte) bool) bool {
	for i := range len(s) {
		if !class(s[i]) {
			return false
		}
	}
	return s != ""
}

// isHex says whether s is hex digits in lower case.
func isHex(s string) bool {
	return all(s, func(c byte) bool { return isHexDigit(c) && !('A' <= c && c <= 'F') })
}

func isDomain(s string) bool {
	host := s
	if i := strings.LastIndexByte(s, ':'); i > strings.LastIndexByte(s, ']') {
		if !all(s[i+1:], isDigit) {
			return false
		}
		host = s[:i]
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		return ok && all(inner, func(c byte) bool { return c == ':' || isHexDigit(c) })
	}
	for label := range strings.SplitSeq(host, ".") {
		if !all(label, func(c byte) bool { return isAlnum(c) || c == '-' }) || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return true
}

func isPath(s string) bool {
	for component := range strings.SplitSeq(s, "/") {
		if !isComponent(component) {
			return false
		}
	}
	return true
}

// isComponent walks from one run of letters and digits to the next; between two
// of them is one separator: a dot, one or two underscores, or any dashes.
func isComponent(s string) bool {
	for i := 0; ; {
		start := i
		for i < len(s) && (isLower(s[i]) || isDigit(s[i])) {
			i++
		}
		switch {
		case i == start:
			return false
		case i == len(s):
			return true
		case s[i] == '-':
			for i < len(s) && s[i] == '-' {
				i++
			}
		case strings.HasPrefix(s[i:], "__"):
			i += 2
		case s[i] == '.', s[i] == '_':
			i++
		default:
			return false
		}
	}
}

// ValidTag says whether s can be a tag.
func ValidTag(s string) bool {
	return len(s) <= maxTag && s != "" && s[0] != '.' && s[0] != '-' &&
		all(s, func(c byte) bool { return isAlnum(c) || c == '_' || c == '.' || c == '-' })
}

// isDigest checks the form of a digest, whatever its algorithm is.
func isDigest(s string) bool {
	algorithm, digits, ok := strings.Cut(s, ":")
	if !ok || len(digits) < 32 || !all(digits, isHexDigit) {
		return false
	}
	word := true // the next byte begins a word
	for i := range len(algorithm) {
		switch c := algorithm[i]; {
		case isAlpha(c), isDigit(c) && !word:
			word = false
		case strings.IndexByte("-_+.", c) >= 0 && !word:
			word = true
		default:
			return false
		}
	}
	return !word
}

// checkDigest checks a digest that has the form: the algorithm is one that we
// have and the digits are as many as it gives, in lower case.
func checkDigest(s string) error {
	algorithm, digits, _ := strings.Cut(s, ":")
	size := 0
	switch algorithm {
	case "sha256":
		size = 64
	case "sha384":
		size = 96
	case "sha512":
		size = 128
	}
	switch {
	case size == 0 && strings.ToLower(algorithm) != algorithm:
		return ErrDigest
	case size == 0:
		return ErrUnsupported
	case len(digits) != size:
		return ErrDigestSize
	case !isHex(digits):
		return ErrDigest
	}
	return nil
}
