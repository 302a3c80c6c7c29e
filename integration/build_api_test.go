package integration

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// built is the answer to POST /build.
type built struct {
	status      int
	text        string // all that is no error, in one
	fault       string // the error message, or the body of a refusal
	code        int    // of the error: the exit code of a RUN
	ID          string
	contentType string
}

// buildFile is a file of a context; a Header with a name replaces all of it.
type buildFile struct {
	name, content string
	header        tar.Header
}

// tarOf is an archive of one file.
func tarOf(t testing.TB, name, content string) []byte {
	t.Helper()
	return contextTar(t, buildFile{name: name, content: content})
}

// contextTar writes an archive of the files, in order.
func contextTar(t testing.TB, files ...buildFile) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		h := f.header
		if h.Name == "" {
			h = tar.Header{Name: f.name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(f.content))}
		}
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(f.content))
		}
		err := w.WriteHeader(&h)
		if err == nil {
			_, err = io.WriteString(w, f.content)
		}
		if err != nil {
			t.Fatalf("%s: %v", h.Name, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// only is a context of nothing but a Dockerfile.
func only(t testing.TB, dockerfile string) []byte {
	t.Helper()
	return tarOf(t, "Dockerfile", dockerfile)
}

// postBuild builds by the API, like clients since 0.3; version is "" for none.
func postBuild(t testing.TB, client *http.Client, version, query string, body io.Reader) built {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	b, err := tryBuild(ctx, client, version, query, body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func tryBuild(ctx context.Context, client *http.Client, version, query string, body io.Reader) (built, error) {
	if version != "" {
		version = "/v" + version
	}
	if _, err := url.ParseQuery(query); err != nil {
		return built{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://docker"+version+"/build?"+query, body)
	if err != nil {
		return built{}, err
	}
	req.Header.Set("Content-Type", "application/tar")
	resp, err := client.Do(req)
	if err != nil {
		return built{}, err
	}
	defer resp.Body.Close()
	b := built{status: resp.StatusCode, contentType: resp.Header.Get("Content-Type")}
	if resp.StatusCode != http.StatusOK {
		said, err := io.ReadAll(resp.Body)
		b.fault = strings.TrimSpace(string(said))
		return b, err
	}
	return b, b.read(resp.Body)
}

// read takes the stream of messages apart.
func (b *built) read(r io.Reader) error {
	messages := json.NewDecoder(r)
	var text strings.Builder
	for {
		var m struct {
			Stream      string
			Error       string
			ErrorDetail struct {
				Code    int
				Message string
			}
			Aux struct{ ID string }
		}
		err := messages.Decode(&m)
		if errors.Is(err, io.EOF) {
			b.text = text.String()
			return nil
		}
		if err != nil {
			return err
		}
		text.WriteString(m.Stream)
		if m.Error != "" {
			b.fault, b.code = m.Error, m.ErrorDetail.Code
		}
		if m.Aux.ID != "" {
			b.ID = m.Aux.ID
		}
	}
}

// nothingLeft checks that no container is left of builds, and that the images are whole.
func nothingLeft(t *testing.T, d *daemonproc.Daemon) {
	t.Helper()
	if !daemonproc.Poll(5*time.Second, func() bool { return d.Must(t, "ps", "-aq") == "" }) {
		t.Errorf("containers of builds are left: %s", d.Must(t, "ps", "-a"))
	}
	d.Must(t, "image", "check")
	stillServes(t, d)
}

// tarHeader is that of a file without content.
func tarHeader(kind byte, name, target string) tar.Header {
	return tar.Header{Typeflag: kind, Name: name, Linkname: target, Mode: 0o755, Devmajor: 1, Devminor: 5}
}
