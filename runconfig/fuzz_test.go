package runconfig

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/enginejobs/docker/pkg/mflag"
)

// FuzzCommandLine: whatever is typed after run is refused or gives documents
// that a daemon can read, with the image and its words as they were typed.
func FuzzCommandLine(f *testing.F) {
	for _, line := range []string{
		"busybox", "-it --rm busybox sh -c x", "-e A=1 -e B -l a=b -l c busybox", "-v /a:/b:ro -v c:/d --tmpfs /t:size=1m busybox",
		"-p 80 -p 127.0.0.1:1-3:1-3/udp --expose 5-7 busybox", "--net container:x --link a:b busybox", "--mount type=bind,src=/a,dst=/b,ro busybox",
		"--device /dev/null:/dev/x:rw --device-cgroup-rule c:1 --ulimit nofile=1:2 --sysctl a=b busybox",
		"-m 64m --memory-swap -1 --cpus 1.5 --blkio-weight-device /dev/x:10 --device-read-bps /dev/x:1mb busybox",
		"--restart on-failure:3 --stop-signal RTMIN+3 --stop-timeout -1 --health-cmd x --health-interval 1s busybox",
		"--ipc none --pid host --uts host --cgroupns private --userns host --security-opt label=disable busybox",
		"--dns 1.1.1.1 --dns-search . --add-host a:::1 --ip 1.2.3.4 --mac-address x --network-alias y busybox", "--entrypoint= busybox", "-- busybox",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.Contains(line, "file") || strings.Contains(line, "seccomp") {
			return // reads what is named
		}
		var flags Flags
		set := new(mflag.Set)
		flags.Declare(set)
		if set.Parse(strings.Fields(line)) != nil {
			return
		}
		p, err := flags.Parse(set.Args(), testEnv)
		if err != nil {
			return
		}
		if p.Config.Image != set.Args()[0] || len(p.Config.Cmd) != len(set.Args())-1 {
			t.Errorf("%q: image %q, command %q", line, p.Config.Image, p.Config.Cmd)
		}
		for _, document := range []any{p.Config, p.HostConfig} {
			if _, err := json.Marshal(document); err != nil {
				t.Errorf("%q: %v", line, err)
			}
		}
	})
}

// FuzzFiles: files of variables of any content.
func FuzzFiles(f *testing.F) {
	for _, text := range []string{"A=1\n#c\n\nB\n", "\ufeffA=\n", "=x", " A = 1", "A\x00=1", strings.Repeat("x", 700)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ReadEnvFile(strings.NewReader(text), testEnv)
		if err != nil {
			return
		}
		for _, e := range list {
			if key, _, ok := strings.Cut(e, "="); !ok || key == "" || strings.ContainsAny(key, " \t") {
				t.Errorf("%q gave %q", text, e)
			}
		}
	})
}
