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

// FuzzFormat: any text of --format ends, with a line or an error of one sentence.
func FuzzFormat(f *testing.F) {
	for _, s := range []string{
		"{{.Id}}", "table {{.ID}}\\t{{.Names}}", "json", "{{json .}}", "{{range .A}}{{.}}{{end}}", "{{pad .Id 1 2}}", "{{truncate .Id -1}}", "{{join .A \",\"}}", "{{split .Id \"\"}}", "{{index .A 9}}",
		"{{define \"x\"}}{{template \"x\"}}{{end}}{{template \"x\"}}", "{{len .}}", "{{title .Id}}", "{{", "{{.Id.B.C}}", "{{with .M}}{{.k}}{{end}}", "{{println 1 2}}", "{{slice .Id 5 1}}", "{{call .Id}}", "{{html .Id}}",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, "%") && strings.Contains(text, "printf") || strings.Contains(text, "template") {
			return // widths and depths as large as one likes are what was asked for
		}
		out, err := show(text, `{"Id":"0123456789ab","A":[1,"x",null],"M":{"k":"v"}}`)
		if err != nil && (strings.Contains(err.Error(), "goroutine") || strings.Contains(err.Error(), "runtime error: invalid memory")) {
			t.Errorf("%q: %v", text, err)
		}
		if err == nil && !strings.HasSuffix(out, "\n") {
			t.Errorf("%q gave %q", text, out)
		}
		if fm, err := parseTemplate(text); err == nil {
			if h, err := fm.head(); err == nil {
				_ = h.line(io.Discard, map[string]string{"Id": "ID", "A": "A", "M": "M"})
			}
		}
	})
}
