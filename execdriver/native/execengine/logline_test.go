package execengine

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestEntryIsEscapedAsEncodingJSONDoes(t *testing.T) {
	var all []byte
	for c := range 256 {
		all = append(all, byte(c))
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)
	for _, text := range [][]byte{
		nil, all, []byte("plain\n"), []byte("é\u2028\u2029\u2030 <b>&amp;</b> \x7f"), []byte("cut \xe2\x82"), []byte("\xf0\x9f\x98\x80"),
	} {
		want, err := json.Marshal(struct {
			Log    string    `json:"log"`
			Stream string    `json:"stream"`
			Time   time.Time `json:"time"`
		}{string(text), "stderr", at})
		if err != nil {
			t.Fatal(err)
		}
		if got := appendEntry(nil, text, "stderr", at); string(got) != string(want)+"\n" {
			t.Errorf("got  %swant %s", got, want)
		}
	}
}

func FuzzEscape(f *testing.F) {
	f.Add([]byte("a\xff\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		want, _ := json.Marshal(string(b))
		got := append(append([]byte{'"'}, appendEscaped(nil, b)...), '"')
		if !bytes.Equal(got, want) {
			t.Fatalf("got %s want %s", got, want)
		}
	})
}

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

func BenchmarkEntry(b *testing.B) {
	text := []byte("2026-01-02 a usual line of output with about eighty characters in it, not more\n")
	buf := make([]byte, 0, 256)
	at := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		buf = appendEntry(buf[:0], text, "stdout", at)
	}
}
