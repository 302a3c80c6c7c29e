package etchosts

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBuild(t *testing.T) {
	got := string(Build(Self("172.17.0.2", "web", "example.org"),
		Entry{"172.17.0.3", []string{"db"}}, Entry{"", []string{"gone"}}, Entry{"10.0.0.1", nil}))
	want := "172.17.0.2\tweb.example.org web\n" + fixed + "172.17.0.3\tdb\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := string(Build(Self("", "web", ""))); got != fixed {
		t.Errorf("without a network: %q", got)
	}
	if got := string(Build(Self("127.0.1.1", "web", ""))); !strings.HasPrefix(got, "127.0.1.1\tweb\n127.0.0.1\tlocalhost\n") {
		t.Errorf("disabled network: %q", got)
	}
}

func TestParseExtra(t *testing.T) {
	for spec, want := range map[string]string{
		"db:10.0.0.1":        "10.0.0.1 db",
		"six:2001:db8::1":    "2001:db8::1 six",
		"six:[2001:db8::1]":  "2001:db8::1 six",
		"eq=10.0.0.9":        "10.0.0.9 eq",
		"gw:host-gateway":    "172.17.42.1 gw",
		"nothing":            "",
		":10.0.0.1":          "",
		"bad:10.0.0.300":     "",
		"two words:10.0.0.1": "",
		"inject:1.2.3.4\nx":  "",
	} {
		e, err := ParseExtra(spec, "172.17.42.1")
		if want == "" {
			if err == nil {
				t.Errorf("%q was accepted as %v", spec, e)
			}
			continue
		}
		if err != nil || e.IP+" "+e.Names[0] != want {
			t.Errorf("%q: got %v, %v; want %s", spec, e, err, want)
		}
	}
	if _, err := ParseExtra("gw:host-gateway", ""); err == nil {
		t.Error("host-gateway without a gateway was accepted")
	}
}

func TestUpdateTouchesTheExactAliasOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	before := "10.0.0.1\tdb\n10.0.0.2 db2\n# 10.0.0.3 db\n#x db\n10.0.0.4 db extra\n10.0.0.5\tdb"
	if err := os.WriteFile(path, []byte(before), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Update(path, "db", "10.9.9.9"); err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(path)
	want := "10.9.9.9\tdb\n10.0.0.2 db2\n# 10.0.0.3 db\n#x db\n10.0.0.4 db extra\n10.9.9.9\tdb"
	if string(got) != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if err := Update(path, "db", "nonsense"); err == nil {
		t.Error("an invalid address was accepted")
	}
}

func FuzzReplace(f *testing.F) {
	f.Add([]byte("10.0.0.1\tdb\r\n\n10.0.0.2 db2"), "db", "1.2.3.4")
	f.Fuzz(func(t *testing.T, text []byte, alias, ip string) {
		once := Replace(text, alias, "10.0.0.1")
		if strings.Count(string(once), "\n") != strings.Count(string(text), "\n") && !strings.Contains(alias, "\n") {
			t.Errorf("line count changed: %q -> %q", text, once)
		}
	})
}
