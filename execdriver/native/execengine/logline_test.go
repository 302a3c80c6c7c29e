package execengine

import (
	"strings"
	"testing"
)

func TestCutEntry(t *testing.T) {
	long := strings.Repeat("x", maxEntry)
	for _, c := range []struct {
		in   string
		end  bool
		want int
	}{
		{"", false, 0}, {"", true, 0}, {"abc", false, 0}, {"abc", true, 3}, {"a\nb", false, 2}, {"\n", false, 1},
		{long, false, maxEntry}, {long + "y\n", false, maxEntry}, {long[1:] + "\n", false, maxEntry},
		{long[1:] + "é", false, maxEntry - 1}, {long[2:] + "é\n", false, maxEntry},
		{long[3:] + "€", false, maxEntry}, {long[1:] + "\xff\xff", false, maxEntry},
	} {
		if got := cutEntry([]byte(c.in), c.end); got != c.want {
			t.Errorf("%d bytes ending in %q: got %d, want %d", len(c.in), c.in[max(0, len(c.in)-3):], got, c.want)
		}
	}
}
