package client

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/remote"
)

// authority signs certificates into a directory, named as DOCKER_CERT_PATH
// wants them: ca.pem, cert.pem, key.pem.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, dir string) *authority {
	t.Helper()
	a := &authority{}
	a.cert, a.key = a.sign(t, dir, "ca", &x509.Certificate{
		Subject: pkix.Name{CommonName: "authority of a test"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	return a
}

// sign writes NAME.pem and NAME-key.pem.
func (a *authority) sign(t *testing.T, dir, name string, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + "-key.pem": {Type: "EC PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// newTLSDaemon serves the API and the jobs of eng to clients with a certificate.
func newTLSDaemon(t *testing.T, dir string, a *authority, eng *engine.Engine) string {
	t.Helper()
	a.sign(t, dir, "server", &x509.Certificate{
		Subject: pkix.Name{CommonName: "daemon"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "server.pem"), filepath.Join(dir, "server-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
		NextProtos: []string{"http/1.1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/jobs/", remote.Handler(eng, remote.Options{}))
	mux.HandleFunc("/v"+api.Version+"/containers/json", answer([]api.ContainerSummary{}))
	server := &http.Server{Handler: mux, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close() })
	return l.Addr().String()
}

// TestTLS: every command, also those that run jobs, shows its certificate and
// checks the daemon's, by flags and by the environment.
func TestTLS(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	a := newAuthority(t, dir)
	newAuthority(t, other)
	eng := newFakeJobs(t)
	register(t, eng, "hello", func(job *engine.Job) error {
		job.Printf("hello\n")
		return nil
	})
	addr := newTLSDaemon(t, dir, a, eng)
	_, port, _ := net.SplitHostPort(addr)
	a.sign(t, dir, "cert", &x509.Certificate{Subject: pkix.Name{CommonName: "ci"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err := os.Rename(filepath.Join(dir, "cert-key.pem"), filepath.Join(dir, "key.pem")); err != nil {
		t.Fatal(err)
	}
	files := fmt.Sprintf("--tlscacert %[1]s/ca.pem --tlscert=%[1]s/cert.pem --tlskey %[1]s/key.pem", dir)
	tests := []struct {
		flags string
		env   map[string]string
		want  string // of standard error; "": it works
	}{
		{"--tlsverify " + files + " -H tcp://" + addr, nil, ""},
		{"--tlsverify=true " + files + " -H " + addr, nil, ""},
		{"--tls " + files + " -H " + addr, nil, ""}, // who the daemon is remains open
		{"--tls " + files + " -H localhost:" + port, nil, ""},
		{"--tlsverify=false " + files + " -H " + addr, nil, ""}, // any use of it turns TLS on
		{"", map[string]string{"DOCKER_HOST": addr, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": dir}, ""},
		{"", map[string]string{"DOCKER_HOST": "tcp://" + addr, "DOCKER_TLS": "1", "DOCKER_CERT_PATH": dir}, ""},
		{"--tlsverify " + files + " -H localhost:" + port, nil, "certificate"}, // its name is another
		{"", map[string]string{"DOCKER_HOST": addr, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": other}, "unknown authority"},
		{"--tls -H " + addr, nil, "certificate required"},
		{"-H " + addr, nil, "HTTPS server|Are you trying to connect to a TLS-enabled daemon without TLS?"},
		{"--tls --tlscert /nonexistent -H " + addr, nil, "Couldn't load X509 key pair: open /nonexistent: no such file or directory"},
		{"--tlsverify --tlscacert /nonexistent -H " + addr, nil, "Couldn't read ca cert /nonexistent"},
		{"--tlsverify --tlscacert " + dir + "/key.pem -H " + addr, nil, "it holds no PEM certificate"},
		{"--tls --tlscert " + dir + "/ca.pem --tlskey " + dir + "/key.pem -H " + addr, nil, "Couldn't load X509 key pair"},
	}
	for _, tt := range tests {
		for _, command := range []string{"ps -q", "job run hello"} {
			var out, errs lockedBuffer
			env := func(key string) (string, bool) {
				v, ok := tt.env[key]
				if key == "HOME" {
					return "/nonexistent", true
				}
				return v, ok
			}
			code := Main(t.Context(), strings.Fields(tt.flags+" "+command), Streams{In: strings.NewReader(""), Out: &out, Err: &errs}, env)
			text := errs.String()
			if (code == 0) != (tt.want == "") || !slices.ContainsFunc(strings.Split(tt.want, "|"), func(want string) bool { return strings.Contains(text, want) }) || strings.Count(text, "\n") > 1 {
				t.Errorf("%s %s %v: exit %d, %q, want %q", tt.flags, command, tt.env, code, text, tt.want)
			}
			if code == 0 && strings.HasPrefix(command, "job") && out.String() != "hello\n" {
				t.Errorf("%s: %q", command, out.String())
			}
		}
	}
}

// TestNoJobsThere: what is no engine, or one that keeps its jobs to itself, is
// told apart from no daemon at all.
func TestNoJobsThere(t *testing.T) {
	d := newFake(t)
	const older = "does not let its jobs be run"
	for _, command := range []string{"ls", "run x", "help", "help x", "trace", "cancel 1"} {
		var out, errs lockedBuffer
		s := Streams{In: strings.NewReader(""), Out: &out, Err: &errs}
		env := func(key string) (string, bool) { return "unix://" + d.socket, key == "DOCKER_HOST" }
		if code := Main(t.Context(), append([]string{"job"}, strings.Fields(command)...), s, env); code != 1 || !strings.Contains(errs.String(), older) {
			t.Errorf("%s at an older daemon: exit %d, %q", command, code, errs.String())
		}
		errs = lockedBuffer{}
		s.Err = &errs
		env = func(key string) (string, bool) { return "unix:///nonexistent", key == "DOCKER_HOST" }
		if code := Main(t.Context(), append([]string{"job"}, strings.Fields(command)...), s, env); code != 1 ||
			errs.String() != "Cannot connect to the Docker daemon. Is 'docker -d' running on this host?\n" {
			t.Errorf("%s without a daemon: exit %d, %q", command, code, errs.String())
		}
	}
}
