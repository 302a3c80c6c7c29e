package remote_test

import (
	"compress/gzip"
	"io"
	"strings"
	"testing"

	"github.com/enginejobs/docker/engine/remote"
	"github.com/enginejobs/docker/engine/wire"
	"github.com/enginejobs/docker/errdefs"
)

// unframe takes a framed answer apart.
func unframe(t *testing.T, body string) (stdout, stderr string, result error) {
	t.Helper()
	b, ended := []byte(body), false
	for len(b) > 0 {
		f, n, err := wire.ParseHeader(b)
		if err != nil || n > len(b)-wire.HeaderSize || f.Call != 1 || ended {
			t.Fatalf("a frame of %d bytes, %+v, %v, after the end: %v", n, f, err, ended)
		}
		payload := b[wire.HeaderSize : wire.HeaderSize+n]
		b = b[wire.HeaderSize+n:]
		switch f.Type {
		case wire.FrameOut:
			stdout += string(payload)
		case wire.FrameErr:
			stderr += string(payload)
		case wire.FrameResult:
			ended = true
			if result, err = wire.ParseResult(payload); err != nil {
				t.Fatal(err)
			}
		default:
			t.Errorf("a frame of type %d", f.Type)
		}
	}
	if !ended {
		t.Error("there is no Result")
	}
	return stdout, stderr, result
}

func TestFramedAnswer(t *testing.T) {
	srv := serveTCP(t, newEngine(t))
	big := strings.Repeat("0123456789", wire.MaxPayload/4)
	for _, c := range []struct {
		path, stdin, stdout, stderr string
		kind                        string // "": success
	}{
		{"/say?a=x", "", "x\n", "careful\n", "conflict"},
		{"/mute", "", "", "", ""},
		{"/echo?a=" + big[:100000], "", big[:100000], "", ""},
		{"/cat", big, big, "", ""},
		{"/fail?a=not_found&a=partial", "", "partial", "", "not_found"},
	} {
		for _, packed := range []bool{false, true} {
			headers := []string{"Accept: text/plain, " + remote.FramesType + "; q=0.9"}
			if packed {
				headers = append(headers, "Accept-Encoding: gzip")
			}
			res, body := ask(t, srv.Client(), srv.URL+c.path, strings.NewReader(c.stdin), headers...)
			if packed {
				unpacked, err := gzip.NewReader(strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(unpacked)
				if err != nil {
					t.Fatal(err)
				}
				body = string(text)
			}
			stdout, stderr, result := unframe(t, body)
			if stdout != c.stdout || stderr != c.stderr || (result == nil) != (c.kind == "") || result != nil && errdefs.KindOf(result).String() != c.kind {
				t.Errorf("%.40s: %d and %d bytes, %v", c.path, len(stdout), len(stderr), result)
			}
			if res.StatusCode != 200 || res.Header.Get("Content-Type") != remote.FramesType || res.Trailer.Get("Job-Error-Kind") != c.kind {
				t.Errorf("%.40s: %d %v %v", c.path, res.StatusCode, res.Header, res.Trailer)
			}
		}
	}
	res, body := ask(t, srv.Client(), srv.URL+"/nojob", nil, "Accept: "+remote.FramesType)
	if res.StatusCode != 404 || !strings.HasPrefix(body, "{") {
		t.Errorf("before any output: %d %q", res.StatusCode, body)
	}
}
