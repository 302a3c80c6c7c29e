package dockerfile_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/enginejobs/docker/builder/dockerfile"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/runconfig"
)

func TestChanges(t *testing.T) {
	cfg := &runconfig.Config{Env: []string{"A=1", "B=2"}}
	err := dockerfile.Changes(cfg, []string{
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

func TestChanges_Variables(t *testing.T) {
	cfg := &runconfig.Config{Env: []string{"PATH=/bin", "E=", "DIR=sub"}, WorkingDir: "/w", Cmd: runconfig.Strings{"old"}}
	err := dockerfile.Changes(cfg, []string{
		"ENV PATH=$PATH:/x OLD=${PATH}", "ENV LATE=$OLD", `ENV Q='$PATH' ESC=\$PATH D="a $DIR"`, "WORKDIR $DIR", "USER ${NO:-me}",
		"LABEL a=${E:-or} b=${E-or} c=${DIR:+if} d=${NO+if} e=$ f=$1", "VOLUME /$DIR", "EXPOSE ${P:-80}", "ENV OLDFORM a  $DIR",
		`SHELL ["sh", "-x"]`, "ENTRYPOINT exec $PATH",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := &runconfig.Config{
		Env:        []string{"PATH=/bin:/x", "E=", "DIR=sub", "OLD=/bin", "LATE=/bin", "Q=$PATH", "ESC=$PATH", "D=a sub", "OLDFORM=a  sub"},
		WorkingDir: "/w/sub", User: "me", Labels: map[string]string{"a": "or", "b": "", "c": "if", "d": "", "e": "$", "f": ""},
		Volumes: map[string]struct{}{"/sub": {}}, ExposedPorts: map[runconfig.Port]struct{}{"80/tcp": {}},
		Shell: runconfig.Strings{"sh", "-x"}, Entrypoint: runconfig.Strings{"sh", "-x", "exec $PATH"},
	}
	if !reflect.DeepEqual(cfg, want) {
		t.Errorf("got  %+v\nwant %+v", cfg, want)
	}
}

func TestChanges_Healthcheck(t *testing.T) {
	for line, want := range map[string]*runconfig.Healthcheck{
		"HEALTHCHECK NONE":           {Test: []string{"NONE"}},
		`HEALTHCHECK cmd ["a", "b"]`: {Test: []string{"CMD", "a", "b"}},
		"HEALTHCHECK --interval=5s --retries=3 --timeout=1m --start-period=0s --start-interval=1s CMD curl $X": {
			Test: []string{"CMD-SHELL", "curl $X"}, Interval: 5 * time.Second, Retries: 3, Timeout: time.Minute, StartInterval: time.Second,
		},
	} {
		cfg := &runconfig.Config{}
		if err := dockerfile.Changes(cfg, []string{line}); err != nil || !reflect.DeepEqual(cfg.Healthcheck, want) {
			t.Errorf("%s: %+v, %v", line, cfg.Healthcheck, err)
		}
	}
}

func TestChanges_Invalid(t *testing.T) {
	for _, line := range []string{
		"RUN x", "ENV", "ENV A", "ENV =x", "LABEL a=b c", `ENV A="open`, "EXPOSE 0", "EXPOSE x", "EXPOSE 5-2", "EXPOSE 99999999999999999999",
		"EXPOSE 80/icmp", `VOLUME [""]`, "ONBUILD FROM x", "WORKDIR",
		"SHELL sh", "SHELL []", "HEALTHCHECK x", "HEALTHCHECK NONE x", "HEALTHCHECK CMD", "HEALTHCHECK --interval=1us CMD x", "HEALTHCHECK --retries=-1 CMD x",
		"HEALTHCHECK --nonsense=1 CMD x", "HEALTHCHECK --interval=x CMD x", "USER ${A", "USER ${}", "USER ${A:?no}",
	} {
		if err := dockerfile.Changes(&runconfig.Config{}, []string{line}); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%s: got %v", line, err)
		}
	}
}

func TestChanges_Faults(t *testing.T) {
	for line, want := range map[string]string{
		"RUN x":          `change "RUN x": run is not a valid change command`,
		"from x":         `change "from x": from is not a valid change command`,
		"ENV A":          "reading the changes: ENV must have two arguments",
		"EXPOSE x":       `change "EXPOSE x": Invalid containerPort: x`,
		"ONBUILD FROM x": `change "ONBUILD FROM x": FROM isn't allowed as an ONBUILD trigger`,
		"USER ${A":       `change "USER ${A": failed to process "${A": missing '}'`,
	} {
		cfg := &runconfig.Config{User: "u"}
		err := dockerfile.Changes(cfg, []string{"USER other", line})
		if err == nil || err.Error() != want || !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%s: got %v, want %s", line, err, want)
		}
		if cfg.User != "u" {
			t.Errorf("%s: a change was made", line)
		}
	}
}
