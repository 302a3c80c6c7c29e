package main

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/server"
)

func parse(t *testing.T, env map[string]string, args ...string) (*daemonFlags, error) {
	t.Helper()
	return parseDaemonFlags(args, func(k string) string { return env[k] })
}

func TestDaemonDefaults(t *testing.T) {
	f, err := parse(t, map[string]string{"HOME": "/h"}, "-d")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(f.Hosts, []string{defaultSocket}) || f.Root != defaultRoot || f.Group != "docker" ||
		f.Pidfile != defaultPidfile || f.TLSCA != "/h/.docker/ca.pem" || f.TLS || !f.ICC || !f.IPMasq || f.LogLevel != "info" {
		t.Errorf("got %+v", f)
	}
}

func TestDaemonFlags(t *testing.T) {
	f, err := parse(t, map[string]string{"DOCKER_DRIVER": "vfs", "DOCKER_CERT_PATH": "/c"},
		"-d", "-D", "-H", "tcp://:2375", "-H", "unix:///s", "--data-root", "/r", "-s", "overlay", "--tlsverify", "-b", "none", "--access-policy=open", "--max-read-jobs=7",
		"--iptables=false", "--mtu=1400", "--dns", "1.1.1.1", "--dns", "::1", "--label", "b=2", "--label=a=1", "--api-enable-cors", "-p", "")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(f.Hosts, []string{"tcp://:2375", "unix:///s"}) || f.Root != "/r" || f.StorageDriver != "vfs" || !f.TLS ||
		f.TLSKey != "/c/key.pem" || f.IPMasq || f.MTU != 1400 || len(f.DNS) != 2 || f.Labels[0] != "a=1" || f.CORSHeader != "*" ||
		f.LogLevel != "debug" || f.Pidfile != "" {
		t.Errorf("got %+v", f)
	}
	cfg := f.config(nil, nil)
	if cfg.Access != "open" || cfg.MaxReads != 7 || cfg.MaxWrites != server.DefaultMaxWrites || defaultMaxReads != server.DefaultMaxReads ||
		cfg.Root != "/r" || cfg.Network.Bridge != "none" || !cfg.Network.NoMasquerade || cfg.CORS != "*" || !cfg.TLS.Verify || !cfg.Debug {
		t.Errorf("config %+v", cfg)
	}
}

func TestDaemonRefusesWhatCannotWork(t *testing.T) {
	for args, want := range map[string]string{
		"-d --nonsense":                   "--nonsense",
		"-d -b br0 --bip 10.0.0.1/24":     "mutually exclusive",
		"-d --iptables=false --icc=false": "ICC uses iptables",
		"-d --label x":                    "bad attribute format: x",
		"-d --dns nowhere":                "nowhere is not an ip address",
		"-d --ip x":                       "x is not an ip address",
		"-d -l loud":                      "Unable to parse logging level: loud",
		"-d run busybox":                  "takes no arguments",
		"-d --mtu=big":                    "big",
		"-d --max-read-jobs=-1":           "cannot be below 0",
		"-d --stop-timeout=-1":            "cannot be below 0",
		"-d --default-shm-size=big":       "invalid --default-shm-size",
	} {
		_, err := parse(t, nil, strings.Fields(args)...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", args, err)
		}
	}
}

func TestDaemonContainerDefaults(t *testing.T) {
	f, err := parse(t, nil, "-d", "--init", "--no-new-privileges", "--seccomp-profile=/p.json", "--default-ipc-mode=shareable",
		"--default-cgroupns-mode=private", "--default-shm-size=1g", "--stop-timeout=3", "--shutdown-timeout=7", "--dns-opt=ndots:2")
	if err != nil {
		t.Fatal(err)
	}
	cfg := f.config(nil, nil)
	want := server.Containers{
		Init: true, NoNewPrivileges: true, SeccompProfile: "/p.json", IpcMode: "shareable", CgroupnsMode: "private",
		ShmSize: 1 << 30, StopTimeout: 3 * time.Second, ShutdownTimeout: 7 * time.Second,
	}
	if cfg.Containers != want || len(cfg.Network.DNSOptions) != 1 {
		t.Errorf("config %+v", cfg)
	}
}

func TestDaemonHelp(t *testing.T) {
	var out, errs bytes.Buffer
	code := runDaemon(t.Context(), []string{"-d", "--help"}, func(string) string { return "" }, &out, &errs)
	if code != 0 || errs.Len() != 0 || !strings.Contains(out.String(), "--graph") || !strings.Contains(out.String(), "--storage-driver") {
		t.Errorf("%d %s %s", code, &out, &errs)
	}
}
