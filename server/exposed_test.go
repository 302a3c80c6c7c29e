package server

import (
	"strings"
	"testing"
)

func TestExposed(t *testing.T) {
	for _, c := range []struct {
		hosts []string
		tls   TLS
		want  string // "" nothing
	}{
		{[]string{"unix:///run/d.sock", "fd://"}, TLS{}, ""},
		{[]string{"tcp://127.0.0.1:2375"}, TLS{}, "http://127.0.0.1:2375 without encryption"},
		{[]string{"tcp://0.0.0.0:2376"}, TLS{On: true}, "https://0.0.0.0:2376 without TLS client verification"},
		{[]string{"tcp://0.0.0.0:2376"}, TLS{On: true, Verify: true}, ""},
	} {
		got := strings.Join((&Config{Hosts: c.hosts, TLS: c.tls}).exposed(), "\n")
		if !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%v: %q", c.hosts, got)
		}
	}
}
