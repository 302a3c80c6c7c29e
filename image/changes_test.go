package image

import (
	"reflect"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

func TestApply(t *testing.T) {
	cfg := &runconfig.Config{Env: []string{"A=1", "B=2"}}
	err := Apply(cfg, []string{
		`CMD ["a", "b"]`, "entrypoint exec me", `ENV A=3 C="4 5"`, "ENV D the rest", "EXPOSE 80 53/udp 8000-8002",
		`LABEL x=y "z w"='v'`, "USER me:you", "VOLUME /a /b", `VOLUME ["/c d"]`, "WORKDIR /w", "WORKDIR sub",
		"STOPSIGNAL SIGINT", "ONBUILD RUN x", "",
	})
	want := &runconfig.Config{
		Cmd: runconfig.Strings{"a", "b"}, Entrypoint: runconfig.Strings{"/bin/sh", "-c", "exec me"},
		Env:          []string{"A=3", "B=2", "C=4 5", "D=the rest"},
		ExposedPorts: map[runconfig.Port]struct{}{"80/tcp": {}, "53/udp": {}, "8000/tcp": {}, "8001/tcp": {}, "8002/tcp": {}},
		Labels:       map[string]string{"x": "y", "z w": "v"}, User: "me:you",
		Volumes:    map[string]struct{}{"/a": {}, "/b": {}, "/c d": {}},
		WorkingDir: "/w/sub", StopSignal: "SIGINT", OnBuild: []string{"RUN x"},
	}
	if err != nil || !reflect.DeepEqual(cfg, want) {
		t.Errorf("got %+v, %v\nwant %+v", cfg, err, want)
	}
}

func TestApply_Faults(t *testing.T) {
	for _, line := range []string{
		"RUN x", "ENV", "ENV A", "ENV =x", "LABEL a=b c", `ENV A="open`, "EXPOSE 0", "EXPOSE x", "EXPOSE 5-2", "EXPOSE 99999999999999999999",
		"EXPOSE 80/icmp", `VOLUME [""]`, "ONBUILD FROM x", "WORKDIR",
	} {
		if err := Apply(&runconfig.Config{}, []string{line}); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%s: got %v", line, err)
		}
	}
}

func FuzzApply(f *testing.F) {
	f.Add(`ENV A="b c" D=\ e`)
	f.Fuzz(func(_ *testing.T, line string) { _ = Apply(&runconfig.Config{}, []string{line}) })
}
