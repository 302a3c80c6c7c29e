package integration

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
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// Over TLS a daemon is open to whoever holds a certificate of its CA, to our CLI
// and to the official one, and shut to everybody else.

// authority signs certificates and keeps them below a directory: one with
// ca.pem, cert.pem and key.pem for each name, as clients look for them.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	n    int64
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	a.key = a.newKey()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.n = 1
	return a
}

func (a *authority) newKey() *ecdsa.PrivateKey {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	return key
}

// issue makes the directory of a name, for a server on 127.0.0.1 and for clients.
func (a *authority) issue(name, org string) string {
	a.t.Helper()
	a.n++
	key := a.newKey()
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(a.n), Subject: pkix.Name{CommonName: name, Organization: []string{org}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	dir := filepath.Join(a.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		a.t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		"ca.pem": {Type: "CERTIFICATE", Bytes: a.cert.Raw}, "cert.pem": {Type: "CERTIFICATE", Bytes: der},
		"key.pem": {Type: "EC PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	return dir
}

func serverFlags(dir, addr string) []string {
	return []string{"-H", "tcp://" + addr, "--tlscacert", dir + "/ca.pem", "--tlscert", dir + "/cert.pem", "--tlskey", dir + "/key.pem"}
}

// clientOf runs a CLI with the certificates of a directory.
func clientOf(t *testing.T, bin, addr, dir string, args ...string) (stdout string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), bin, args...)
	cmd.Env = append(os.Environ(), "DOCKER_HOST=tcp://"+addr, "DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH="+dir, "DOCKER_CONFIG="+dir, "HOME="+dir)
	cmd.Stdin = strings.NewReader("over the wire\n")
	cmd.WaitDelay = time.Second
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s %s: %w: %s", filepath.Base(bin), strings.Join(args, " "), err, errs.String())
	}
	return string(out), err
}

func TestTLSDaemon(t *testing.T) {
	ca, other := newAuthority(t, "ours"), newAuthority(t, "other")
	server, alice, ci := ca.issue("server", "daemons"), ca.issue("alice", "ops"), ca.issue("ci-7", "robots")
	mallory := other.issue("mallory", "ops")
	policy := filepath.Join(t.TempDir(), "access.json")
	rules := `{"rules": [
		{"clients": ["uid:0", "org:ops"], "allow": true},
		{"name": "robots look", "clients": ["tls:ci-*"], "read_only": true, "allow": true}
	]}`
	if err := os.WriteFile(policy, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true, Args: append(serverFlags(server, addr), "--tlsverify", "--access-policy", policy)})

	for name, bin := range map[string]string{"ours": d.Bin, "official": daemonproc.MustAsset(t, "client")} {
		t.Run(name, func(t *testing.T) {
			// Attach takes the connection over, in both directions, and keeps the
			// status.
			out, err := clientOf(t, bin, addr, alice, "run", "-i", "--rm", "busybox", "sh", "-c", "cat; exit 3")
			if out != "over the wire\n" || err == nil || !strings.Contains(err.Error(), "exit status 3") {
				t.Errorf("run: %q %v", out, err)
			}
			if out, err := clientOf(t, bin, addr, ci, "ps", "-q"); err != nil {
				t.Errorf("ps: %q %v", out, err)
			}
			_, err = clientOf(t, bin, addr, ci, "run", "--rm", "busybox", "true")
			want := "client tls:ci-7 may not run job create on this engine, because it may change state and rule 2 (robots look) of access policy"
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("a robot runs: %v", err)
			}
			if out, err := clientOf(t, bin, addr, mallory, "ps"); err == nil {
				t.Errorf("a stranger looks: %s", out)
			}
		})
	}
	speaks(t, addr, alice)
	refusesStrangers(t, addr, alice)
}

// speaks checks that a client may choose HTTP/2.
func speaks(t *testing.T, addr, dir string) {
	t.Helper()
	for _, http2 := range []bool{false, true} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: clientConfig(t, dir), ForceAttemptHTTP2: http2, DisableKeepAlives: true}}
		resp, err := client.Get("https://" + addr + "/jobs/version")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || !strings.Contains(string(body), "ApiVersion") || (resp.ProtoMajor == 2) != http2 {
			t.Errorf("HTTP/2 %v: %s %s %v", http2, resp.Proto, body, err)
		}
	}
}

func clientConfig(t *testing.T, dir string) *tls.Config {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(dir+"/cert.pem", dir+"/key.pem")
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(dir + "/ca.pem")
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}}
}

// refusesStrangers: no certificate, no TLS at all.
func refusesStrangers(t *testing.T, addr, dir string) {
	t.Helper()
	config := clientConfig(t, dir)
	config.Certificates = nil
	for url, client := range map[string]*http.Client{
		"https://" + addr: {Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}},
		"http://" + addr:  {Transport: &http.Transport{DisableKeepAlives: true}},
	} {
		resp, err := client.Get(url + "/version")
		if err != nil {
			continue
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest { // "an HTTP request to an HTTPS server"
			t.Errorf("%s: %s", url, resp.Status)
		}
	}
}

// TestTCPIsRefusedWithoutConsent: a daemon does not start open to everybody
// unless it was told to, in so many words.
func TestTCPIsRefusedWithoutConsent(t *testing.T) {
	server := newAuthority(t, "ours").issue("server", "daemons")
	for name, flags := range map[string][]string{
		"plain":        {"-H", "tcp://127.0.0.1:0"},
		"server's TLS": append(serverFlags(server, "127.0.0.1:0"), "--tls"),
	} {
		t.Run(name, func(t *testing.T) {
			daemonproc.Require(t)
			d, err := daemonproc.New(daemonproc.Options{NoBridge: true, Quiet: true, Args: flags})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := d.Close(); err != nil {
					t.Error(err)
				}
			}()
			err = d.Start()
			if err == nil || !strings.Contains(d.Log(4000), "everybody who can connect would be root on this host; demand client certificates with --tlsverify") {
				t.Errorf("%v:\n%s", err, d.Log(4000))
			}
		})
	}
	addr := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true, NoImage: true, Args: append(serverFlags(server, addr), "--tls", "--access-policy=read-only")})
	config := clientConfig(t, server)
	config.Certificates = nil
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
	for path, want := range map[string]int{"/version": 200, "/containers/nobody/stop": 403} {
		method := http.MethodGet
		if want == 403 {
			method = http.MethodPost
		}
		req, err := http.NewRequestWithContext(t.Context(), method, "https://"+addr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	if r := d.Docker("stop", "nobody"); !strings.Contains(r.Stderr, "client uid:0 may not run job stop") {
		t.Errorf("on the socket: %s", r)
	}
}
