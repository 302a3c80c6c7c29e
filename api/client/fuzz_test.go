package client

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

func FuzzParseHost(f *testing.F) {
	for _, s := range []string{"", "unix://", "tcp://:1", "a:2", "tcp://[::1]:2375", "fd://", "tcp://x:0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		proto, addr, err := parseHost(text)
		if err != nil || proto != "tcp" {
			return
		}
		if host, port, err := net.SplitHostPort(addr); err != nil || host == "" || port == "" {
			t.Errorf("%q gave %q: %v", text, addr, err)
		}
	})
}

func FuzzRenderer(f *testing.F) {
	f.Add(`{"status":"x","id":"a","progressDetail":{"current":1,"total":2,"start":3}}`)
	f.Add(`{"progressDetail":{"current":-9223372036854775808,"total":1}}{"error":"x"}`)
	f.Fuzz(func(_ *testing.T, text string) {
		for _, terminal := range []bool{false, true} {
			r := newRenderer(io.Discard, terminal, func() time.Time { return testNow })
			_ = r.show(strings.NewReader(text))
		}
	})
}

func FuzzArguments(f *testing.F) {
	f.Add("2013-01-02T13:23:37", "reg:5000/a/b:c@d")
	f.Fuzz(func(t *testing.T, when, name string) {
		_, _ = timeArgument(when, testNow)
		repo, tag := splitTag(name)
		if len(repo)+len(tag) > len(name) {
			t.Errorf("%q became %q and %q", name, repo, tag)
		}
		_ = checkRepository(repo)
		_, _ = detachBytes(name)
		if len(cut(name, 12)) > 12 {
			t.Errorf("cut(%q) is too long", name)
		}
	})
}
