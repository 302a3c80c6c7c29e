package dockerfile_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/enginejobs/docker/builder/dockerfile"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/runconfig"
)

// TestChanges: the two readers of changes understand the same.
func TestChanges(t *testing.T) {
	for _, lines := range [][]string{
		nil, {""},
		{`CMD ["a", "b"]`, "entrypoint exec me", `ENV A=3 C="4 5"`, "ENV D the rest", "EXPOSE 80 53/udp 8000-8002", `LABEL x=y "z w"='v'`,
			"USER me:you", "VOLUME /a /b", `VOLUME ["/c d"]`, "WORKDIR /w", "WORKDIR sub", "STOPSIGNAL SIGINT", "ONBUILD RUN x", ""},
		{"ENV PATH=$PATH:/x OLD=${PATH}", "ENV LATE=$OLD", `ENV Q='$PATH' ESC=\$PATH D="a $DIR"`, "WORKDIR $DIR", "USER ${NO:-me}",
			"LABEL a=${E:-or} b=${E-or} c=${DIR:+if} d=${NO+if}", "VOLUME /$DIR", "EXPOSE ${P:-80}", `SHELL ["sh", "-x"]`, "ENTRYPOINT exec $PATH"},
		{"HEALTHCHECK --interval=5s --retries=3 --timeout=1m CMD curl $X"}, {"CMD x", "ENTRYPOINT y"}, {"ENTRYPOINT y"}, {"HEALTHCHECK NONE"},
	} {
		start := runconfig.Config{Env: []string{"PATH=/bin", "E=", "DIR=sub"}, WorkingDir: "/w", Cmd: runconfig.Strings{"old"}}
		want, got := start, start
		want.Env, got.Env = []string{"PATH=/bin", "E=", "DIR=sub"}, []string{"PATH=/bin", "E=", "DIR=sub"}
		if err := image.Apply(&want, lines); err != nil {
			t.Fatal(err)
		}
		if err := dockerfile.Changes(&got, lines); err != nil {
			t.Errorf("%s: %v", strings.Join(lines, "; "), err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-image +dockerfile):\n%s", strings.Join(lines, "; "), diff)
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
