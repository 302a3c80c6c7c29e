package names

import (
	"regexp"
	"strings"
	"testing"
)

// rules are the checks beside the expressions that they stand for.
var rules = []struct {
	name  string
	check func(string) bool
	want  *regexp.Regexp
}{
	{"Valid", Valid, regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]+$`)},
	{"ValidHostname", ValidHostname, regexp.MustCompile(`^[a-zA-Z0-9_]([a-zA-Z0-9_.-]*[a-zA-Z0-9_])?$`)},
	{"Only", func(s string) bool { return Only(s, "_-") }, regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)},
}

// corpus has every word of up to four bytes over the bytes that matter, and a few
// that do not fit in there.
func corpus() []string {
	words := []string{""}
	for from, length := 0, 0; length < 4; length++ {
		to := len(words)
		for _, w := range words[from:to] {
			for _, c := range "aZ0_.-/ \n:" {
				words = append(words, w+string(c))
			}
		}
		from = to
	}
	return append(words, "é", "a\x00", "a\xff", "aé", "éa", "a..b", "web-1", "\u212ab", strings.Repeat("a", 300), strings.Repeat("a", 300)+"/")
}

func TestLikeTheExpressions(t *testing.T) {
	for _, r := range rules {
		for _, s := range corpus() {
			if got, want := r.check(s), r.want.MatchString(s); got != want {
				t.Errorf("%s(%q) = %v; %v says %v", r.name, s, got, r.want, want)
			}
		}
	}
}

func FuzzLikeTheExpressions(f *testing.F) {
	f.Add("web-1")
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range rules {
			if got, want := r.check(s), r.want.MatchString(s); got != want {
				t.Errorf("%s(%q) = %v; %v says %v", r.name, s, got, r.want, want)
			}
		}
	})
}
