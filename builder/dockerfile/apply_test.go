package dockerfile_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"

	"github.com/enginejobs/docker/builder/dockerfile"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

// TestApply_Shared: stages that begin with the configuration of another one do not
// change it, though both point to the same maps and lists.
func TestApply_Shared(t *testing.T) {
	before := &runconfig.Config{
		Env: make([]string, 1, 10), Labels: map[string]string{"a": "1"}, Volumes: map[string]struct{}{"/a": {}},
		ExposedPorts: map[runconfig.Port]struct{}{"1/tcp": {}}, OnBuild: make([]string, 1, 10), Shell: make(runconfig.Strings, 1, 10),
		Cmd: make(runconfig.Strings, 1, 10), Entrypoint: make(runconfig.Strings, 1, 10), Healthcheck: &runconfig.Healthcheck{Test: []string{"NONE"}, Retries: 1},
	}
	want, err := json.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		after := *before
		s := &dockerfile.Stand{Config: &after, Args: dockerfile.NewArgs(nil, "", "")}
		for _, text := range []string{
			"ENV =x", "ENV a=1 b=2", "LABEL a=2 b=3", "VOLUME /b", "EXPOSE 2 3/udp", "ONBUILD RUN x", "CMD a", "ENTRYPOINT b", "HEALTHCHECK CMD x",
			`SHELL ["a", "b"]`, "CMD a", "ENTRYPOINT b", "USER u", "STOPSIGNAL 9", "ARG a=1", "MAINTAINER m",
		} {
			f, err := dockerfile.Parse([]byte("FROM a\n"+text+"\n"), dockerfile.Options{})
			if err != nil {
				continue
			}
			if _, ok, err := dockerfile.Apply(s, f.Stages[0].Steps[0].Command); err != nil || !ok {
				t.Fatalf("%s: %v, %v", text, ok, err)
			}
		}
		got, err := json.Marshal(before)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Fatalf("(-before +after):\n%s", diff)
		}
	}
}

// TestApply_Others: what does more than to change the configuration is left alone.
func TestApply_Others(t *testing.T) {
	for _, text := range []string{"RUN x", "COPY a b", "ADD a b", "WORKDIR /x"} {
		s := &dockerfile.Stand{Config: &runconfig.Config{}, Args: dockerfile.NewArgs(nil, "", "")}
		if text, ok, err := dockerfile.Apply(s, instruction(t, text)); ok || err != nil || text != "" {
			t.Errorf("%s: %v, %v", text, ok, err)
		}
	}
}

// TestApply_Faults: nothing is changed by an instruction that fails.
func TestApply_Faults(t *testing.T) {
	for text, want := range map[string]string{
		"EXPOSE 80 x":       "Invalid containerPort: x",
		"EXPOSE 5-3":        "Invalid containerPort: 5-3",
		"EXPOSE /tcp":       "No port specified: /tcp<empty>",
		"EXPOSE 80/":        "",
		"EXPOSE 1:2:3":      "",
		"EXPOSE 80/icmp":    "Invalid proto: icmp",
		"STOPSIGNAL SIGFOO": "Invalid signal: SIGFOO",
		"STOPSIGNAL 0":      "Invalid signal: 0",
	} {
		cfg := &runconfig.Config{}
		_, ok, err := dockerfile.Apply(&dockerfile.Stand{Config: cfg, Args: dockerfile.NewArgs(nil, "", "")}, instruction(t, text))
		got := ""
		if err != nil {
			got = err.Error()
			if len(cfg.ExposedPorts) > 0 || cfg.StopSignal != "" || !errdefs.Is(err, errdefs.KindInvalidArgument) {
				t.Errorf("%s: %+v, %v", text, cfg, errdefs.KindOf(err))
			}
		}
		if !ok || got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	empty := instruction(t, "VOLUME /x").(*instructions.VolumeCommand)
	empty.Volumes[0] = ""
	if _, _, err := dockerfile.Apply(&dockerfile.Stand{Config: &runconfig.Config{}}, empty); err == nil {
		t.Error("a volume without a name is one")
	}
}

func TestWorkdir(t *testing.T) {
	for _, c := range [][3]string{
		{"", "/a//b/../c/", "/a//b/../c/"}, {"/a//b/", "c", "/a/b/c"}, {"", "c/", "/c"}, {"/a", "../../../x", "/x"}, {"/a/", ".", "/a"},
	} {
		if got, err := dockerfile.Workdir(c[0], c[1]); err != nil || got != c[2] {
			t.Errorf("%q in %q: %q, %v", c[1], c[0], got, err)
		}
	}
	if _, err := dockerfile.Workdir("/", ""); !errdefs.Is(err, errdefs.KindInvalidArgument) {
		t.Error(err)
	}
}
