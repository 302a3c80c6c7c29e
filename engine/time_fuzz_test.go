package engine

import "testing"

// FuzzParseTime: a time that is taken is taken again as it is written.
func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"0", "-1", "1.5", "1.", ".5", "1.123456789", "1.1234567890", "99999999999999999999", "2013-01-02T13:23:37Z", "2013-01-02T13:23:37.000000001+02:00", "1.-5", "1.+5", "-0.5", "1e9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := ParseTime(text)
		if err != nil {
			return
		}
		const layout = "2006-01-02T15:04:05.999999999Z07:00"
		written := at.UTC().Format(layout)
		if y := at.UTC().Year(); y < 0 || y > 9999 {
			return // has no such form
		}
		again, err := ParseTime(written)
		if err != nil || !again.Equal(at) {
			t.Errorf("%q is %v, written %q, read again as %v: %v", text, at, written, again, err)
		}
	})
}
