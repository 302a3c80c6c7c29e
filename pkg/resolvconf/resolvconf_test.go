package resolvconf

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestBuild(t *testing.T) {
	const host = "# made by hand\nnameserver 127.0.0.53\nnameserver 10.0.0.2 # near\nnameserver ::1\nnameserver 2001:db8::1\nsearch corp.example\noptions ndots:2\n"
	for _, tc := range []struct {
		name, host string
		wish       Wish
		want       string
	}{
		{"copy", host, Wish{}, "# made by hand\nnameserver 10.0.0.2 # near\nsearch corp.example\noptions ndots:2\n"},
		{"copy with ipv6", host, Wish{IPv6: true}, "# made by hand\nnameserver 10.0.0.2 # near\nnameserver 2001:db8::1\nsearch corp.example\noptions ndots:2\n"},
		{"dns wished", host, Wish{DNS: []string{"1.1.1.1", "127.0.0.1"}}, "nameserver 1.1.1.1\nnameserver 127.0.0.1\nsearch corp.example\noptions ndots:2\n"},
		{"search wished", host, Wish{Search: []string{"a", "b"}}, "nameserver 10.0.0.2\nsearch a b\noptions ndots:2\n"},
		{"no search", host, Wish{Search: []string{"."}}, "nameserver 10.0.0.2\noptions ndots:2\n"},
		{"options wished", host, Wish{Options: []string{"timeout:1"}}, "nameserver 10.0.0.2\nsearch corp.example\noptions timeout:1\n"},
		{"only loopback", "nameserver 127.0.0.1\nsearch x", Wish{}, "search x\nnameserver 8.8.8.8\nnameserver 8.8.4.4\n"},
		{"only loopback, ipv6", "nameserver 127.0.0.1\n", Wish{IPv6: true}, "nameserver 8.8.8.8\nnameserver 8.8.4.4\nnameserver 2001:4860:4860::8888\nnameserver 2001:4860:4860::8844\n"},
		{"empty host", "", Wish{}, "nameserver 8.8.8.8\nnameserver 8.8.4.4\n"},
		{"commented server", "#nameserver 10.0.0.1\n", Wish{}, "#nameserver 10.0.0.1\nnameserver 8.8.8.8\nnameserver 8.8.4.4\n"},
		{"domain", "domain a.example\nnameserver 10.0.0.1\n", Wish{DNS: []string{"9.9.9.9"}}, "nameserver 9.9.9.9\nsearch a.example\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := string(Build([]byte(tc.host), tc.wish)); got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
		})
	}
}

func TestReadHost(t *testing.T) {
	dir := t.TempDir()
	stub, real, none := filepath.Join(dir, "stub"), filepath.Join(dir, "real"), filepath.Join(dir, "none")
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(stub, "nameserver 127.0.0.53\n")
	write(real, "nameserver 10.0.0.2\n")
	for _, tc := range [][3]string{
		{stub, real, "nameserver 10.0.0.2\n"},
		{real, stub, "nameserver 10.0.0.2\n"},
		{stub, none, "nameserver 127.0.0.53\n"},
		{none, none, ""},
	} {
		got, err := ReadHost(tc[0], tc[1])
		if err != nil || string(got) != tc[2] {
			t.Errorf("ReadHost(%s, %s) = %q, %v", tc[0], tc[1], got, err)
		}
	}
}

func TestUpdate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(path, []byte("nameserver 10.0.0.1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Update(path, []byte("nameserver 10.0.0.2\n")); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "nameserver 10.0.0.2\n" {
		t.Errorf("got %q", got)
	}
}

func FuzzBuild(f *testing.F) {
	f.Add([]byte("nameserver 127.0.0.1\nsearch a b\n;x\nnameserver fe80::1%eth0\n"), false)
	f.Fuzz(func(t *testing.T, host []byte, ipv6 bool) {
		once := Build(host, Wish{IPv6: ipv6})
		if len(Parse(once).Nameservers) == 0 {
			t.Errorf("no nameserver in %q", once)
		}
		if again := Build(once, Wish{IPv6: ipv6}); !bytes.Equal(once, again) {
			t.Errorf("not stable: %q then %q", once, again)
		}
		if w := Parse(Build(host, Wish{DNS: []string{"1.1.1.1"}, IPv6: ipv6})); !slices.Equal(w.Nameservers, []string{"1.1.1.1"}) {
			t.Errorf("wished server lost: %v", w)
		}
	})
}
