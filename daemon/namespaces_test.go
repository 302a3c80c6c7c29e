package daemon

import (
	"strings"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/execdriver"
	"github.com/enginejobs/docker/runconfig"
)

func TestIPC_OnlyShareableIsJoined(t *testing.T) {
	f := setup(t)
	mode := func(m string) docs {
		return func(_ *runconfig.Config, h *runconfig.HostConfig) { h.IpcMode = m }
	}
	f.create("private", "sleep 100")
	f.create("shared", "sleep 100", mode("shareable"))
	f.create("idle", "true", mode("shareable"))
	for _, name := range []string{"private", "shared"} {
		f.run("start", name)
	}
	f.create("second", "sleep 100", mode("container:shared"))
	f.run("start", "second")
	for ref, want := range map[string]string{
		"shared": "", "second": "",
		"private": "non-shareable IPC (hint: use IpcMode:shareable for the donor container)",
		"idle":    "is not running", "nobody": "No such container: nobody",
	} {
		path, err := f.ipcNamespace("container:" + ref)
		switch {
		case want == "" && (err != nil || !strings.HasSuffix(path, "/ns/ipc")):
			t.Errorf("%s: %q, %v", ref, path, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "can't join IPC of container "+ref)):
			t.Errorf("%s: %v", ref, err)
		}
	}
	if _, err := f.pidNamespace("container:private"); err != nil {
		t.Errorf("a pid namespace needs no consent: %v", err)
	}
}

func TestNamespaces_Defaults(t *testing.T) {
	d := &Daemon{execInfo: execdriver.Info{CgroupVersion: "2"}}
	for what, tc := range map[string]struct {
		defaults          Defaults
		host              runconfig.HostConfig
		wantIPC, wantCgns string
	}{
		"nothing said":  {wantIPC: "private", wantCgns: "private"},
		"by the daemon": {defaults: Defaults{IpcMode: "shareable", CgroupnsMode: "host"}, wantIPC: "shareable", wantCgns: "host"},
		"by the user": {
			defaults: Defaults{IpcMode: "shareable", CgroupnsMode: "host"},
			host:     runconfig.HostConfig{IpcMode: "none", CgroupnsMode: "private"}, wantIPC: "none", wantCgns: "private",
		},
	} {
		h := tc.host
		d.fillNamespaces(&h, tc.defaults)
		if h.IpcMode != tc.wantIPC || h.CgroupnsMode != tc.wantCgns {
			t.Errorf("%s: %s, %s", what, h.IpcMode, h.CgroupnsMode)
		}
	}
}

func TestDefaults_Check(t *testing.T) {
	for what, o := range map[string]Defaults{
		"ipc": {IpcMode: "host"}, "cgroupns": {CgroupnsMode: "none"}, "shm": {ShmSize: -1}, "seccomp": {Seccomp: "{"},
		"seccomp action": {Seccomp: `{"defaultAction":"SCMP_ACT_DANCE"}`},
	} {
		if err := o.check(); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%s: %v", what, err)
		}
	}
	good := Defaults{IpcMode: "shareable", CgroupnsMode: "host", ShmSize: 1, Seccomp: `{"defaultAction":"SCMP_ACT_ALLOW"}`}
	if err := good.check(); err != nil {
		t.Error(err)
	}
}
