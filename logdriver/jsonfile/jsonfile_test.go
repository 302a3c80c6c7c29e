package jsonfile

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/enginejobs/docker/logdriver"
	"github.com/enginejobs/docker/logdriver/logtest"
)

func TestSuite(t *testing.T) { logtest.Run(t, logdriver.JSONFile, Format{}) }

func encode(stderr bool, attrs map[string]string, at time.Time, text []byte) []byte {
	e := Format{}.Encoder(stderr, attrs)
	e.At(at)
	return e.Append(nil, text)
}

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
		if got := encode(true, nil, at, text); string(got) != string(want)+"\n" {
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

func BenchmarkEncode(b *testing.B) {
	line := []byte("2026-01-02 a usual line of output with about eighty characters in it, not more\n")
	buf := make([]byte, 0, 256)
	e := Format{}.Encoder(false, nil)
	e.At(time.Now())
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		buf = e.Append(buf[:0], line)
	}
}

func BenchmarkDecode(b *testing.B) {
	line := encode(false, nil, time.Now(), []byte("2026-01-02 a usual line of output with about eighty characters in it, not more\n"))
	d := Format{}.Decoder()
	var e logdriver.Entry
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if n, ok := d.Next(line, &e); n != len(line) || !ok {
			b.Fatal(n, ok)
		}
	}
}
