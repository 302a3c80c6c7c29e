package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// whoAsks makes the job info answer with its caller, as the JSON that a shape
// wants.
func whoAsks(b *bench) {
	b.eng.Replace("info", func(job *engine.Job) error {
		c := job.Caller()
		if c == nil {
			return errdefs.Internal("nobody asks")
		}
		return job.WriteJSON(map[string]any{"Client": c.Client, "Detail": c.Detail, "Network": c.Network, "UID": c.UID, "PID": c.PID,
			"CN": c.CommonName, "Orgs": c.Organizations, "Trace": c.Trace})
	})
}

func ask(t *testing.T, client *http.Client, url, trace string) string {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url+"/info", nil)
	if err != nil {
		t.Fatal(err)
	}
	if trace != "" {
		req.Header.Set("Traceparent", trace)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func over(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", path) },
	}}
}

func wantAll(t *testing.T, got string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(got, part) {
			t.Errorf("no %s in %s", part, got)
		}
	}
}

const aTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestCallerOnUnix(t *testing.T) {
	b := newBench(t)
	whoAsks(b)
	path := filepath.Join(t.TempDir(), "s")
	up(t, b, map[string]string{"BufferRequests": "0"}, "unix://"+path)
	client := over(path)
	defer client.CloseIdleConnections()
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	me := []string{
		fmt.Sprintf(`"Client":"uid:%d"`, os.Getuid()), fmt.Sprintf(`"UID":%d`, os.Getuid()), fmt.Sprintf(`"PID":%d`, os.Getpid()),
		fmt.Sprintf(`"Detail":"pid %d (%s)"`, os.Getpid(), strings.TrimSpace(string(comm))), `"Network":"unix"`,
	}
	wantAll(t, ask(t, client, "http://x", ""), append(me, `"Trace":""`)...)
	wantAll(t, ask(t, client, "http://x", aTrace), append(me, `"Trace":"`+aTrace+`"`)...)
	wantAll(t, ask(t, client, "http://x", "00-nonsense"), `"Trace":""`) // the same connection
	_ = b.eng.Shutdown(context.Background())
}

func TestCallerOnTLS(t *testing.T) {
	dir := t.TempDir()
	known, _ := certificates(t, dir)
	b := newBench(t)
	whoAsks(b)
	_, bound := up(t, b, map[string]string{
		"BufferRequests": "0", "TlsVerify": "1", "TlsCa": filepath.Join(dir, "ca.pem"),
		"TlsCert": filepath.Join(dir, "cert.pem"), "TlsKey": filepath.Join(dir, "key.pem"),
	}, "tcp://127.0.0.1:0")
	for _, http2 := range []bool{false, true} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: known.Clone(), ForceAttemptHTTP2: http2}}
		for range 2 {
			wantAll(t, ask(t, client, "https"+strings.TrimPrefix(bound[0], "tcp"), ""),
				`"Network":"tls"`, `"Client":"tls:3"`, `"CN":"3"`, `"Orgs":["ops"]`, `"UID":-1`, `"Detail":"127.0.0.1:`)
		}
		client.CloseIdleConnections()
	}
	_ = b.eng.Shutdown(context.Background())
}

func TestCallerOnTCP(t *testing.T) {
	b := newBench(t)
	whoAsks(b)
	_, bound := up(t, b, map[string]string{"BufferRequests": "0", "AccessPolicy": "open"}, "tcp://127.0.0.1:0")
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true) // with prior knowledge
	for _, client := range []*http.Client{{Transport: &http.Transport{}}, {Transport: transport}} {
		wantAll(t, ask(t, client, "http"+strings.TrimPrefix(bound[0], "tcp"), ""),
			`"Network":"tcp"`, `"Client":"tcp:127.0.0.1"`, `"PID":-1`)
		resp, err := client.Post("http"+strings.TrimPrefix(bound[0], "tcp")+"/containers/x/attach", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if old := resp.ProtoMajor == 1; old == strings.Contains(string(body), "needs HTTP/1.1") || !old && resp.StatusCode != 400 {
			t.Errorf("attach over %s: %d %s", resp.Proto, resp.StatusCode, body)
		}
		client.CloseIdleConnections()
	}
	_ = b.eng.Shutdown(context.Background())
}

// On a server of somebody else there is no connection to ask, but no request is
// taken for the program's own work either.
func TestCallerWithoutListener(t *testing.T) {
	b := newBench(t)
	whoAsks(b)
	wantAll(t, b.do("GET", "/info", "").Body.String(), `"Client":"tcp:192.0.2.1"`, `"Network":"tcp"`)
	r := httptest.NewRequest("GET", "/info", nil)
	r.RemoteAddr = "@"
	w := httptest.NewRecorder()
	b.srv.Handler("").ServeHTTP(w, r)
	wantAll(t, w.Body.String(), `"Client":""`)
}

func TestTraceparent(t *testing.T) {
	for s, want := range map[string]bool{
		aTrace: true, "": false, aTrace + "0": false, strings.ToUpper(aTrace): false, "ff" + aTrace[2:]: false,
		strings.Replace(aTrace, "-", "0", 1): false, strings.Replace(aTrace, "b7", "\x00\n", 1): false,
	} {
		if isTraceparent(s) != want {
			t.Errorf("%q: %v", s, !want)
		}
	}
}

func TestTCPNeedsAPolicyOrCertificates(t *testing.T) {
	b := newBench(t)
	if err := b.srv.Install(b.eng); err != nil {
		t.Fatal(err)
	}
	err := b.eng.Job("serveapi", "tcp://127.0.0.1:0").Run()
	want := "listening on tcp://127.0.0.1:0: everybody who can connect would be root on this host; demand client certificates " +
		"with --tlsverify, or say who may run what with --access-policy=FILE, read-only or open"
	if !errdefs.Is(err, errdefs.KindInvalidArgument) || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	dir := t.TempDir()
	certificates(t, dir)
	job := b.eng.Job("serveapi", "tcp://127.0.0.1:0")
	for k, v := range map[string]string{"Tls": "1", "TlsCert": filepath.Join(dir, "cert.pem"), "TlsKey": filepath.Join(dir, "key.pem")} {
		job.Setenv(k, v)
	}
	if err := job.Run(); !errdefs.Is(err, errdefs.KindInvalidArgument) {
		t.Errorf("TLS without verification: %v", err)
	}
}

// TestForbiddenIs403 goes through every route: the authorizer is asked for all,
// and its refusal has the form that the version of the request wants.
func TestForbiddenIs403(t *testing.T) {
	for _, row := range routes() {
		if row.job == "" {
			continue
		}
		path := strings.Replace(row.path, "{name:.+}", "X", 1)
		c := routeCases[row.method+" "+path]
		b := newBench(t)
		f := b.fake(row.job, c.stdout)
		b.fake("container_inspect", `{"Config":{"Tty":false}}`)
		b.eng.SetAuthorizer(func(job *engine.Job) error {
			if job.Name != row.job {
				return nil
			}
			return errdefs.Forbidden("not %s, %s", job.Name, job.Caller().Client)
		})
		for prefix, body := range map[string]string{
			"":       `{"message":"not ` + row.job + `, tcp:192.0.2.1"}` + "\n",
			"/v1.20": "not " + row.job + ", tcp:192.0.2.1\n",
		} {
			if w := b.do(row.method, prefix+path+c.query, c.body); w.Code != http.StatusForbidden || w.Body.String() != body {
				t.Errorf("%s %s: got %d %q, want %q", row.method, prefix+path, w.Code, w.Body, body)
			}
		}
		if n := len(f.Calls()); n != 0 {
			t.Errorf("%s %s ran its job", row.method, path)
		}
	}
}

func BenchmarkCaller(b *testing.B) {
	r := httptest.NewRequest("GET", "/_ping", nil)
	p := &peer{}
	r = r.WithContext(context.WithValue(engine.WithCaller(context.Background(), &p.caller), peerKey{}, p))
	b.ReportAllocs()
	for b.Loop() {
		accountable(r)
	}
}
