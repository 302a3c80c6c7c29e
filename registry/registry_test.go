package registry

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/reference"
	"github.com/enginejobs/docker/registry/registrytest"
)

func service(t *testing.T, opt Options) *Service {
	t.Helper()
	if opt.Backoff == 0 {
		opt.Backoff = time.Millisecond
	}
	s, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func name(t testing.TB, text string) reference.Ref {
	t.Helper()
	ref, err := reference.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func open(t *testing.T, s *Service, text string, a Auth, push bool) Repository {
	t.Helper()
	r, err := s.Open(t.Context(), name(t, text), a, push)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var tester = Auth{Username: registrytest.User, Password: registrytest.Password}

// content is some bytes that are not all the same.
func content(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * i >> 5)
	}
	return b
}

func TestRoundTrip(t *testing.T) {
	for _, opt := range []registrytest.Options{{}, {TLS: true}, {Auth: "basic"}, {Auth: "token", TLS: true}} {
		t.Run(fmt.Sprintf("%+v", opt), func(t *testing.T) {
			peer := registrytest.New(t, opt)
			roundTrip(t, peer.Host())
			if n := peer.Uploads(); n != 0 {
				t.Errorf("%d uploads are left", n)
			}
		})
	}
}

// roundTrip uses all of Repository.
func roundTrip(t *testing.T, host string) {
	t.Helper()
	s := service(t, Options{})
	r := open(t, s, host+"/a/b", tester, true)
	blob := content(300_000)
	u, err := r.Upload(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	digest := registrytest.Digest(blob)
	if n, err := u.Send(t.Context(), bytes.NewReader(blob)); err != nil || n != int64(len(blob)) {
		t.Fatalf("sent %d, %v", n, err)
	}
	if err := u.Commit(t.Context(), digest); err != nil {
		t.Fatal(err)
	}
	if d, ok, err := r.StatBlob(t.Context(), digest); err != nil || !ok || d.Size != int64(len(blob)) {
		t.Errorf("%+v %v %v", d, ok, err)
	}
	if _, ok, err := r.StatBlob(t.Context(), registrytest.Digest(nil)); err != nil || ok {
		t.Errorf("a blob that is not there: %v %v", ok, err)
	}
	row := fmt.Sprintf(`{"mediaType":"application/octet-stream","size":%d,"digest":%q}`, len(blob), digest)
	raw := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":%s,"layers":[%s]}`, TypeSchema2, row, row)
	put, err := r.PutManifest(t.Context(), "v1", Manifest{MediaType: TypeSchema2, Raw: raw})
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{"v1", put} {
		m, err := r.Manifest(t.Context(), ref)
		if err != nil || m.Digest != put || !bytes.Equal(m.Raw, raw) || m.MediaType != TypeSchema2 {
			t.Errorf("%s: %+v %v", ref, m, err)
		}
		if d, err := r.HeadManifest(t.Context(), ref); err != nil || d.Digest != put {
			t.Errorf("%s: %+v %v", ref, d, err)
		}
	}
	body, err := r.Blob(t.Context(), Descriptor{Digest: digest, Size: int64(len(blob))})
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(body)
	if err != nil || !bytes.Equal(got, blob) || body.Close() != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	other := open(t, s, host+"/c", tester, true)
	if mounted, _, err := other.MountBlob(t.Context(), digest, "a/b"); err != nil || !mounted {
		t.Errorf("mount %v %v", mounted, err)
	}
	mounted, u, err := other.MountBlob(t.Context(), registrytest.Digest([]byte("no")), "a/b")
	if err != nil || mounted {
		t.Fatalf("mount of nothing %v %v", mounted, err)
	}
	u.Cancel()
}

// An unchanged image is one request when the registry is known.
func TestHeadIsOneRequest(t *testing.T) {
	peer := registrytest.New(t, registrytest.Options{Auth: "token"})
	peer.AddManifest("public/x", "latest", TypeOCIManifest, []byte("{}"))
	s := service(t, Options{})
	for i := range 3 {
		if _, err := open(t, s, peer.Host()+"/public/x", Auth{}, false).HeadManifest(t.Context(), "latest"); err != nil {
			t.Fatal(err)
		}
		got := peer.Requests()
		if i > 0 && !slices.Equal(got, []string{"HEAD /v2/public/x/manifests/latest"}) {
			t.Errorf("asked %q", got)
		}
	}
	peer.ForgetTokens()
	if _, err := open(t, s, peer.Host()+"/public/x", Auth{}, false).HeadManifest(t.Context(), "latest"); err != nil {
		t.Errorf("a token that has ended: %v", err)
	}
}

func TestErrors(t *testing.T) {
	peer := registrytest.New(t, registrytest.Options{Auth: "token"})
	peer.AddManifest("public/x", "latest", TypeOCIManifest, []byte("{}"))
	peer.AddManifest("own", "latest", TypeOCIManifest, []byte("{}"))
	s := service(t, Options{})
	for _, tc := range []struct {
		repo string
		auth Auth
		kind errdefs.Kind
		text string
	}{
		{"public/x", Auth{}, errdefs.KindNotFound, "manifest for " + peer.Host() + "/public/x:no not found: manifest unknown: manifest unknown"},
		{"own", Auth{}, errdefs.KindNotFound, "pull access denied for " + peer.Host() + "/own, repository does not exist or may require 'docker login'"},
		{"own", Auth{Username: "x", Password: "y"}, errdefs.KindUnauthorized, "unauthorized"},
		{"own", Auth{IdentityToken: "stale"}, errdefs.KindUnauthorized, "unauthorized"},
		{"own", Auth{IdentityToken: registrytest.RefreshToken}, errdefs.KindNotFound, "manifest unknown"},
		{"own", Auth{RegistryToken: "no"}, errdefs.KindNotFound, ""},
	} {
		_, err := open(t, s, peer.Host()+"/"+tc.repo, tc.auth, false).Manifest(t.Context(), "no")
		if tc.auth.RegistryToken != "" && err != nil {
			continue // it is sent as it is, and bought anew when it is no good
		}
		if !errdefs.Is(err, tc.kind) || !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%s %+v: %v (%v)", tc.repo, tc.auth, err, errdefs.KindOf(err))
		}
		if err != nil && (strings.Contains(err.Error(), "stale") || strings.Contains(err.Error(), registrytest.Password)) {
			t.Errorf("a secret in %v", err)
		}
	}
	down := registrytest.New(t, registrytest.Options{})
	host := down.Host()
	down.Close()
	if _, err := s.Open(t.Context(), name(t, host+"/x"), Auth{}, false); !errdefs.Is(err, errdefs.KindUnavailable) {
		t.Errorf("nobody there: %v", err)
	}
}

func TestTags(t *testing.T) {
	peer := registrytest.New(t, registrytest.Options{Pages: 2})
	for _, tag := range []string{"a", "b", "c", "d", "e"} {
		peer.AddManifest("x", tag, TypeOCIManifest, []byte("{}"))
	}
	s := service(t, Options{})
	tags, err := open(t, s, peer.Host()+"/x", Auth{}, false).Tags(t.Context())
	if err != nil || !slices.Equal(tags, []string{"a", "b", "c", "d", "e"}) {
		t.Errorf("%v %v", tags, err)
	}
	peer.Fail(registrytest.Fault{Path: "/tags/", Status: 404})
	if _, err := open(t, s, peer.Host()+"/x", Auth{}, false).Tags(t.Context()); !errdefs.IsNotFound(err) {
		t.Error(err)
	}
}

func TestMirrors(t *testing.T) {
	has, lacks := registrytest.New(t, registrytest.Options{}), registrytest.New(t, registrytest.Options{})
	has.AddManifest("library/x", "latest", TypeOCIManifest, []byte("{}"))
	s := service(t, Options{Mirrors: []string{lacks.URL, has.URL}})
	at := s.endpoints(t.Context(), defaultDomain, false)
	if len(at) != 3 || !at[0].mirror || !at[1].mirror || at[2].mirror || len(s.endpoints(t.Context(), defaultDomain, true)) != 1 {
		t.Fatalf("%+v", at)
	}
	s.known[defaultDomain] = at[1] // nobody is asked outside of this test
	m := newMirrored([]*repository{repositoryAt(t, s, at[0]), repositoryAt(t, s, at[1])})
	if _, err := m.Manifest(t.Context(), "latest"); err != nil || m.Endpoint() != has.URL {
		t.Errorf("%v from %s", err, m.Endpoint())
	}
	if _, err := m.Manifest(t.Context(), "no"); !errdefs.IsNotFound(err) {
		t.Error(err)
	}
	for _, bad := range []string{"mirror", "ftp://x", "http://", "https://u:p@x", "https://x?y"} {
		if _, err := New(Options{Mirrors: []string{bad}}); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func repositoryAt(t *testing.T, s *Service, at endpoint) *repository {
	t.Helper()
	c, err := s.session(at, Auth{}, name(t, "x"), false)
	if err != nil {
		t.Fatal(err)
	}
	return &repository{session: c, path: "library/x"}
}

func TestInsecure(t *testing.T) {
	in, err := parseInsecure([]string{"Reg.example:5000", "plain.example", "10.1.0.0/16"})
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]bool{
		"reg.example:5000": true, "reg.example": false, "plain.example": true, "plain.example:77": true, "10.1.2.3:5000": true,
		"10.2.2.3": false, "127.0.0.1:5000": true, "localhost:1": true, "[::1]:5000": true, "[::2]:5000": false, "docker.io": false,
	} {
		if in.has(host) != want {
			t.Errorf("%s: %v", host, !want)
		}
	}
	if !in.resolves(t.Context(), "10.1.2.3:5000") || in.resolves(t.Context(), "10.2.2.3") || (insecureHosts{}).resolves(t.Context(), "10.1.2.3") {
		t.Error("a name that is an address")
	}
	for _, bad := range []string{"", "http://x", "a b"} {
		if _, err := parseInsecure([]string{bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// A registry that nobody called insecure has to prove who it is.
func TestCertificates(t *testing.T) {
	peer := registrytest.New(t, registrytest.Options{TLS: true})
	certs := t.TempDir()
	s := service(t, Options{CertsDir: certs})
	at := s.endpoints(t.Context(), peer.Host(), false)[0]
	at.trust = false
	ping := func(s *Service) error {
		c, err := s.session(at, Auth{}, name(t, peer.Host()+"/x"), false)
		if err != nil {
			return err
		}
		return s.ping(t.Context(), c, peer.Host())
	}
	began := time.Now()
	if err := ping(s); !errdefs.Is(err, errdefs.KindUnavailable) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("unknown authority: %v", err)
	}
	if time.Since(began) > 5*time.Second {
		t.Error("it was tried again and again")
	}
	dir := filepath.Join(certs, peer.Host())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(name string, text []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("ca.crt", peer.CertificatePEM())
	if err := ping(s); err != nil {
		t.Errorf("with its authority: %v", err)
	}
	write("client.cert", []byte("no"))
	if err := ping(service(t, Options{CertsDir: certs})); !errdefs.Is(err, errdefs.KindInvalidArgument) {
		t.Errorf("a certificate without a key: %v", err)
	}
}

func FuzzParseChallenges(f *testing.F) {
	f.Add(`Bearer realm="https://a/t",service="x \"y\"",scope="repository:a:pull"`)
	f.Add(`Basic realm=x, Bearer realm="y", Negotiate`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, ch := range parseChallenges([]string{text}) {
			if ch.scheme == "" || ch.scheme != strings.ToLower(ch.scheme) || ch.params == nil {
				t.Errorf("%q gives %+v", text, ch)
			}
		}
	})
}

func FuzzNextPage(f *testing.F) {
	f.Add(`</v2/x/tags/list?last=b>; rel="next"`)
	f.Fuzz(func(t *testing.T, text string) {
		if target, ok := nextPage(text); ok && !strings.Contains(text, target) {
			t.Errorf("%q gives %q", text, target)
		}
	})
}

func FuzzMediaType(f *testing.F) {
	f.Add("application/json", []byte(`{"schemaVersion":1,"signatures":[{}]}`))
	f.Add(TypeSignedSchema1, registrytest.Sign(f, []byte(schema1Text)))
	f.Fuzz(func(_ *testing.T, header string, raw []byte) {
		m := Manifest{MediaType: mediaType(header, raw), Raw: raw}
		_, _ = manifestDigest(m)
	})
}

func TestParseChallenges(t *testing.T) {
	got := parseChallenges([]string{`Bearer realm="https://a/t",service="x, \"y\"", scope=z`, `Basic realm="q", Negotiate abc==`, `Bearer realm="open`})
	if len(got) < 3 || got[0].params["service"] != `x, "y"` || got[0].params["scope"] != "z" || got[1].scheme != "basic" {
		t.Errorf("%+v", got)
	}
}
