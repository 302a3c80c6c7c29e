package remote_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine/wire"
	"github.com/enginejobs/docker/errdefs"
)

const document = "../../docs/api/remote-jobs.md"

// The dumps of the document are what the real encoder makes.
func TestDumpsInDocument(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	call := wire.AppendCall(nil, &wire.Call{
		Name: "echo", Args: []string{"hello", "world"}, Env: []string{"foo", "bar"}, Timeout: 5 * time.Second,
	})
	for _, dump := range []struct {
		name   string
		frames []wire.Frame
	}{
		{"hello-caller", []wire.Frame{{Type: wire.FrameHello, Payload: wire.AppendHello(nil, &wire.Hello{
			Version: wire.Version, Window: wire.DefaultWindow})}}},
		{"hello-engine", []wire.Frame{{Type: wire.FrameHello, Payload: wire.AppendHello(nil, &wire.Hello{
			Version: wire.Version, ID: "6824e438", MaxCalls: wire.DefaultMaxCalls, Window: wire.DefaultWindow, Inflates: true})}}},
		{"call", []wire.Frame{{Type: wire.FrameCall, Call: 1, Payload: call}, {Type: wire.FrameEOF, Call: 1}}},
		{"output", []wire.Frame{
			{Type: wire.FrameOut, Call: 1, Payload: []byte("hello world\n")},
			{Type: wire.FrameErr, Call: 1, Payload: []byte("careful\n")}}},
		{"window", []wire.Frame{{Type: wire.FrameWindow, Call: 1, Payload: []byte{0, 1, 0, 0}}}},
		{"result", []wire.Frame{{Type: wire.FrameResult, Call: 1, Payload: wire.AppendResult(nil, nil)}}},
		{"failure", []wire.Frame{{Type: wire.FrameResult, Call: 1, Payload: wire.AppendResult(nil, errdefs.NotFound("No such container: web"))}}},
	} {
		var bytes []byte
		for _, f := range dump.frames {
			bytes = wire.AppendFrame(bytes, f)
		}
		want := ""
		for line := range strings.Lines(hex.Dump(bytes)) {
			want += "    " + line
		}
		if _, after, found := strings.Cut(string(text), "<!-- dump: "+dump.name+" -->\n\n"); !found || !strings.HasPrefix(after, want+"\n") {
			t.Errorf("%s has not this dump of %s:\n%s", document, dump.name, want)
		}
	}
}

// The numbers of the document are those of the code.
func TestNumbersInDocument(t *testing.T) {
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	for kind := errdefs.KindInternal; kind <= errdefs.KindUnknownJob; kind++ {
		if !strings.Contains(string(text), fmt.Sprintf("\n| `%v` | ", kind)) {
			t.Errorf("%s does not tell of kind %v", document, kind)
		}
	}
	for _, row := range []string{
		fmt.Sprintf("at most %d (256 KiB)", wire.MaxPayload),
		fmt.Sprintf("| %d MiB | the call fails", wire.MaxCall>>20),
		fmt.Sprintf("on one connection | %d, as Hello says", wire.DefaultMaxCalls),
		fmt.Sprintf("text of an error | %d KiB", wire.MaxText>>10),
		fmt.Sprintf("each direction of each call | %d KiB", wire.DefaultWindow>>10),
		fmt.Sprintf("engines on the way | %d |", wire.MaxHops),
	} {
		if !strings.Contains(string(text), row) {
			t.Errorf("%s does not say %q", document, row)
		}
	}
}
