package runconfig

import "testing"

func TestParseDetachKeys(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "ctrl-p,ctrl-q": "\x10\x11", "a": "a", "a,b,ctrl-@": "ab\x00", "DEL": "\x7f",
		`ctrl-[,ctrl-\,ctrl-],ctrl-^,ctrl-_`: "\x1b\x1c\x1d\x1e\x1f", "ctrl-z,Z": "\x1aZ",
	} {
		got, err := ParseDetachKeys(text)
		if err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"ctrl-A": "ctrl-A", "ctrl-": "ctrl-", "ab": "ab", "a,": "", "ctrl-?": "ctrl-?", "ctrl-ab": "ctrl-ab", "del": "del",
	} {
		_, err := ParseDetachKeys(text)
		if err == nil || err.Error() != "Invalid detach keys ("+text+"): Unknown character: '"+want+"'" {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParseDetachKeys(f *testing.F) {
	for _, text := range []string{"", "ctrl-p,ctrl-q", "a,DEL", "ctrl-", ",", "ctrl-\x80"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := ParseDetachKeys(text)
		if err == nil && (len(keys) == 0) != (text == "") {
			t.Errorf("%q gave %d keys", text, len(keys))
		}
	})
}
