package client

import (
	"strings"
	"testing"

	"github.com/enginejobs/docker/errdefs"
)

func TestSSHArgs(t *testing.T) {
	for addr, want := range map[string]string{
		"host":                "-o ConnectTimeout=30 -T -- host docker system dial-stdio",
		"me@host:22":          "-o ConnectTimeout=30 -T -l me -p 22 -- host docker system dial-stdio",
		"host/":               "-o ConnectTimeout=30 -T -- host docker system dial-stdio",
		"host/run/d.sock":     "-o ConnectTimeout=30 -T -- host docker --host 'unix:///run/d.sock' system dial-stdio",
		"[::1]:22/a'b;c":      `-o ConnectTimeout=30 -T -p 22 -- ::1 docker --host 'unix:///a'\''b;c' system dial-stdio`,
		"-oProxyCommand=x":    "",
		"":                    "",
		"me:secret@host":      "",
		"host?x=1":            "",
		"host#x":              "",
		"me:secret@host:port": "",
		"host:port":           "",
		"me@-oProxyCommand=x": "",
	} {
		args, err := sshArgs(addr)
		if got := strings.Join(args, " "); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", addr, got, err)
		}
		if err != nil && (!errdefs.Is(err, errdefs.KindInvalidArgument) || strings.Contains(err.Error(), "secret")) {
			t.Errorf("%s: %v", addr, err)
		}
	}
}
