package registry

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/enginejobs/docker/registry/registrytest"
)

// heard keeps what others were told of who asks.
type heard struct {
	mu   sync.Mutex
	list []string
}

func (h *heard) hear(q *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = append(h.list, q.Header.Get("Authorization"))
}

// A host that a registry sends one to does not learn who asks.
func TestRedirectsCarryNoCredentials(t *testing.T) {
	var other heard
	blob := content(1000)
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		other.hear(q)
		_, _ = w.Write(blob)
	}))
	defer store.Close()
	peer := registrytest.New(t, registrytest.Options{Auth: "basic", TLS: true})
	digest := peer.AddBlob("x", blob)
	s := service(t, Options{})
	r := open(t, s, peer.Host()+"/x", tester, false)
	if _, ok, err := r.StatBlob(t.Context(), digest); err != nil || !ok { // from here on it is known who asks
		t.Fatal(ok, err)
	}
	peer.Fail(registrytest.Fault{Path: "/blobs/", Redirect: store.URL + "/elsewhere"})
	body, err := r.Blob(t.Context(), Descriptor{Digest: digest, Size: 1000})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if got, err := io.ReadAll(body); err != nil || len(got) != 1000 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if len(other.list) != 1 || other.list[0] != "" {
		t.Errorf("the other host was told %q", other.list)
	}
}

// Nor does a host that an upload, or a layer of somebody else, is at.
func TestForeignPlacesAreToldNothing(t *testing.T) {
	var other heard
	blob := content(1000)
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		other.hear(q)
		_, _ = io.Copy(io.Discard, q.Body)
		if q.Method == http.MethodGet {
			_, _ = w.Write(blob)
			return
		}
		w.Header().Set("Location", "/again")
		w.WriteHeader(http.StatusAccepted)
	}))
	defer store.Close()
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		switch {
		case q.Header.Get("Authorization") == "":
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		case q.Method == http.MethodPost:
			w.Header().Set("Location", store.URL+"/upload")
			w.WriteHeader(http.StatusAccepted)
		case strings.Contains(q.URL.Path, "/blobs/"):
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer front.Close()
	s := service(t, Options{})
	r := open(t, s, strings.TrimPrefix(front.URL, "http://")+"/x", tester, true)
	u, err := r.Upload(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Send(t.Context(), strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	if err := u.Commit(t.Context(), registrytest.Digest([]byte("x"))); err != nil {
		t.Fatal(err)
	}
	body, err := r.Blob(t.Context(), Descriptor{Digest: registrytest.Digest(blob), Size: 1000, URLs: []string{"ftp://x", store.URL + "/layer"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, body); err != nil || body.Close() != nil {
		t.Error(err)
	}
	if len(other.list) != 3 || strings.Join(other.list, "") != "" {
		t.Errorf("the other host was told %q", other.list)
	}
}

// A password is not sent to a token server that does not encrypt, but where the
// administrator has said that it may.
func TestTokenServerInTheClear(t *testing.T) {
	c := &session{s: service(t, Options{}), auth: tester}
	challenge := challenge{"bearer", map[string]string{"realm": "http://tokens.example/token"}}
	if _, _, err := c.s.buy(t.Context(), c, challenge, false); err == nil || !strings.Contains(err.Error(), "--insecure-registry") {
		t.Error(err)
	}
	for _, realm := range []string{"", "tokens.example", "file:///etc/passwd", "https://", ":"} {
		challenge.params["realm"] = realm
		if _, _, err := c.s.buy(t.Context(), c, challenge, false); err == nil || !strings.Contains(err.Error(), "no usable token server") {
			t.Errorf("%q: %v", realm, err)
		}
	}
}

// A registry that wants a certificate gets that of its directory.
func TestClientCertificate(t *testing.T) {
	key, cert := registrytest.Certificate(t)
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	peer := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	peer.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	peer.Config.ErrorLog = log.New(io.Discard, "", 0) // that no certificate came is what the test is about
	peer.StartTLS()
	defer peer.Close()
	host := strings.TrimPrefix(peer.URL, "https://")
	certs := t.TempDir()
	dir := filepath.Join(certs, host)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name string
		text []byte
		ok   bool
	}{{"ca.crt", cert, false}, {"client.key", key, false}, {"client.cert", cert, true}} {
		if err := os.WriteFile(filepath.Join(dir, step.name), step.text, 0o600); err != nil {
			t.Fatal(err)
		}
		s := service(t, Options{CertsDir: certs})
		at := s.endpoints(t.Context(), host, false)[0]
		at.trust = false
		c, err := s.session(at, Auth{}, name(t, host+"/x"), false)
		if err == nil {
			err = s.ping(t.Context(), c, host)
		}
		if (err == nil) != step.ok {
			t.Errorf("with %s: %v", step.name, err)
		}
	}
}

// Proxies are those of the environment; a request through one reaches it whole.
func TestProxy(t *testing.T) {
	if os.Getenv("REGISTRY_TEST_PROXY") == "" { // package http reads the environment once
		runWith(t, "REGISTRY_TEST_PROXY=1", "HTTP_PROXY=http://127.0.0.1:1", "http_proxy=http://127.0.0.1:1", "NO_PROXY=", "no_proxy=")
		return
	}
	s := service(t, Options{Insecure: []string{"r.example"}})
	c, err := s.session(s.endpoints(t.Context(), "r.example", false)[1], Auth{}, name(t, "r.example/x"), false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.send(t.Context(), request{method: http.MethodGet, url: "/v2/"}, ""); err == nil || !strings.Contains(err.Error(), "proxyconnect") && !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("the proxy was not asked: %v", err)
	}
}

// runWith runs the test again in a process with other words in its environment.
func runWith(t *testing.T, env ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$") //nolint:gosec // this test
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
