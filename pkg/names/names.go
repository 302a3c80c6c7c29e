// Package names judges the names that people give to things: containers,
// volumes, hosts. It owns no state and knows nothing of the things; it must not
// import anything of this module. The rules are plain walks over the bytes, not
// regular expressions, because those are compiled at every start of the program
// (docs/decisions/0008-hand-written-checks.md). Start reading at Valid.
package names

import "strings"

const alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// Valid is the rule for containers and volumes: a letter or digit, then at least
// one letter, digit, underscore, dot or dash.
func Valid(s string) bool {
	return len(s) >= 2 && Only(s[:1], "") && Only(s, "_.-")
}

// ValidHostname is the rule for the host name of a container: letters, digits,
// underscores, dots and dashes; the last two neither first nor last.
func ValidHostname(s string) bool {
	return Only(s, "_.-") && strings.Trim(s, ".-") == s
}

// Only says whether s has at least one byte, and all are ASCII letters, digits
// or of extra.
func Only(s, extra string) bool {
	return s != "" && strings.Trim(s, alphanumeric+extra) == ""
}
