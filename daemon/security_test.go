package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// hostWith is a /sys with AppArmor on and the profiles.
func hostWith(t *testing.T, profiles string) appArmor {
	t.Helper()
	sys := t.TempDir()
	for file, text := range map[string]string{
		"module/apparmor/parameters/enabled": "Y\n", "kernel/security/apparmor/profiles": profiles,
	} {
		file = filepath.Join(sys, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return hostAppArmor(sys)
}

func TestAppArmor_Choose(t *testing.T) {
	none := hostAppArmor(t.TempDir())
	bare := hostWith(t, "/usr/sbin/ntpd (enforce)\nspaced name (complain)\n")
	full := hostWith(t, "docker-default (enforce)\nmine (enforce)\n")
	for what, tc := range map[string]struct {
		host       appArmor
		asked      string
		privileged bool
		want, err  string
	}{
		"no AppArmor":                    {host: none},
		"no AppArmor, unconfined":        {host: none, asked: "unconfined"},
		"no AppArmor, named":             {host: none, asked: "mine", err: "AppArmor is not enabled on this host"},
		"default is not loaded":          {host: bare, want: "unconfined"},
		"name with a space":              {host: bare, asked: "spaced name", want: "spaced name"},
		"beginning of a name":            {host: bare, asked: "spaced", err: "no such profile is loaded"},
		"default":                        {host: full, want: "docker-default"},
		"named":                          {host: full, asked: "mine", want: "mine"},
		"named that is not there":        {host: full, asked: "yours", err: "no such profile is loaded"},
		"privileged":                     {host: full, privileged: true, want: "unconfined"},
		"privileged under a profile":     {host: full, privileged: true, asked: "mine", want: "mine"},
		"unconfined":                     {host: full, asked: "unconfined", want: "unconfined"},
		"two lines, of which one exists": {host: full, asked: "mine\nx", err: "no such profile is loaded"},
	} {
		got, err := tc.host.choose(tc.asked, tc.privileged)
		if got != tc.want || (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
}

func TestSecurityOptions(t *testing.T) {
	f := setup(t)
	f.appArmor = hostWith(t, "docker-default (enforce)\n")
	f.opt.Defaults = Defaults{Seccomp: `{"defaultAction":"SCMP_ACT_ALLOW"}`, SeccompName: "/p.json", NoNewPrivileges: true}
	s, err := f.securityOptions(&runconfig.HostConfig{})
	if err != nil || s.Seccomp != f.opt.Defaults.Seccomp || !s.NoNewPrivileges || s.AppArmor != "docker-default" || len(s.MaskedPaths) == 0 {
		t.Errorf("defaults: %+v, %v", s, err)
	}
	s, err = f.securityOptions(&runconfig.HostConfig{SecurityOpt: []string{
		"seccomp=builtin", "no-new-privileges=false", "apparmor:unconfined", "systempaths=unconfined", "label=disable", "label:user:x",
	}})
	if err != nil || s.Seccomp != "" || s.NoNewPrivileges || s.AppArmor != "unconfined" || s.MaskedPaths != nil || s.ReadonlyPaths != nil {
		t.Errorf("options: %+v, %v", s, err)
	}
	if got := strings.Join(f.securityFeatures(true), " "); got != "name=apparmor name=seccomp,profile=/p.json name=no-new-privileges" {
		t.Errorf("info says %q", got)
	}
	for _, opt := range []string{"nonsense", "a=b", "no-new-privileges=perhaps", "seccomp=/file", "systempaths=all", "apparmor=missing"} {
		if _, err := f.securityOptions(&runconfig.HostConfig{SecurityOpt: []string{opt}}); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%s: %v", opt, err)
		}
	}
	f.create("confined", "true")
	if got := f.inspect("confined").AppArmorProfile; got != "docker-default" {
		t.Errorf("inspect says %q", got)
	}
}

func FuzzSecurityOption(f *testing.F) {
	for _, opt := range []string{"", "seccomp={}", "no-new-privileges", "no-new-privileges:true", "apparmor=x", "label=x", "=", "a=b"} {
		f.Add(opt)
	}
	d := &Daemon{appArmor: hostAppArmor("/does/not/exist")}
	f.Fuzz(func(t *testing.T, opt string) {
		s, err := d.securityOptions(&runconfig.HostConfig{SecurityOpt: []string{opt}})
		if err == nil && s.AppArmor != "" {
			t.Errorf("%q gave the profile %q of a host without AppArmor", opt, s.AppArmor)
		}
	})
}

func FuzzDeviceRule(f *testing.F) {
	for _, rule := range []string{"c 1:3 rwm", "a *:* m", "b 8 r", "c 1:99999999999 w", ""} {
		f.Add(rule)
	}
	f.Fuzz(func(t *testing.T, rule string) {
		dev, err := deviceRule(rule)
		if err == nil && (dev.Permissions == "" || !strings.ContainsRune("abc", rune(dev.Type)) || !dev.RuleOnly) {
			t.Errorf("%q gave %+v", rule, dev)
		}
	})
}

func FuzzSignal(f *testing.F) {
	for _, text := range []string{"9", "KILL", "sigrtmin+3", "SIGRTMAX-2", "0", "-1", "65", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := parseSignal(text); err == nil && (n < 1 || n > 64) {
			t.Errorf("%q gave %d", text, n)
		}
	})
}
