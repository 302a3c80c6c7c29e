package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// certificates writes ca.pem, cert.pem and key.pem and returns a client's
// configuration, with and without a certificate.
func certificates(t *testing.T, dir string) (known, stranger *tls.Config) {
	t.Helper()
	template := func(n int64) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(n), Subject: pkix.Name{CommonName: fmt.Sprint(n), Organization: []string{"ops"}}, NotAfter: time.Now().Add(time.Hour),
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: n == 1,
			KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		}
	}
	newKey := func() *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	caKey := newKey()
	ca := template(1)
	sign := func(n int64) (der []byte, key *ecdsa.PrivateKey) {
		key = caKey
		if n != 1 {
			key = newKey()
		}
		der, err := x509.CreateCertificate(rand.Reader, template(n), ca, &key.PublicKey, caKey)
		if err != nil {
			t.Fatal(err)
		}
		return der, key
	}
	write := func(name, kind string, der []byte) {
		text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	caDER, _ := sign(1)
	write("ca.pem", "CERTIFICATE", caDER)
	serverDER, serverKey := sign(2)
	write("cert.pem", "CERTIFICATE", serverDER)
	keyDER, err := x509.MarshalECPrivateKey(serverKey)
	if err != nil {
		t.Fatal(err)
	}
	write("key.pem", "EC PRIVATE KEY", keyDER)
	caCert, err := x509.ParseCertificate(caDER)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(caCert)
	clientDER, clientKey := sign(3)
	stranger = &tls.Config{RootCAs: pool}
	known = &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{{Certificate: [][]byte{clientDER}, PrivateKey: clientKey}}}
	return known, stranger
}

func TestTLS(t *testing.T) {
	for _, verify := range []bool{false, true} {
		t.Run(fmt.Sprintf("verify=%v", verify), func(t *testing.T) {
			dir := t.TempDir()
			known, stranger := certificates(t, dir)
			policy := "open"
			if verify {
				policy = ""
			}
			b := newBench(t)
			_, bound := up(t, b, map[string]string{
				"BufferRequests": "0", "AccessPolicy": policy, "Tls": "1", "TlsVerify": flagText(verify), "TlsCa": filepath.Join(dir, "ca.pem"),
				"TlsCert": filepath.Join(dir, "cert.pem"), "TlsKey": filepath.Join(dir, "key.pem"),
			}, "tcp://127.0.0.1:0")
			url := "https" + strings.TrimPrefix(bound[0], "tcp") + "/_ping"
			for who, c := range map[string]struct {
				config  *tls.Config
				welcome bool
			}{"known": {known, true}, "stranger": {stranger, !verify}} {
				client := &http.Client{Transport: &http.Transport{TLSClientConfig: c.config, DisableKeepAlives: true}}
				resp, err := client.Get(url)
				if err == nil {
					_ = resp.Body.Close()
				}
				if (err == nil) != c.welcome {
					t.Errorf("%s: %v", who, err)
				}
			}
		})
	}
	_, err := tlsOptions{on: true, cert: "/nowhere/cert.pem", key: "/nowhere/key.pem"}.config()
	if !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), "Could not load X509 key pair (/nowhere/cert.pem, /nowhere/key.pem)") {
		t.Errorf("missing files: %v", err)
	}
	dir := t.TempDir()
	certificates(t, dir)
	_, err = tlsOptions{verify: true, cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem"), ca: filepath.Join(dir, "key.pem")}.config()
	if !errdefs.Is(err, errdefs.KindInvalidArgument) {
		t.Errorf("a CA without certificate: %v", err)
	}
}

func flagText(on bool) string {
	if on {
		return "1"
	}
	return "0"
}

// TestActivation serves on a socket that another process opened. The test
// program runs itself with the socket as descriptor 3.
func TestActivation(t *testing.T) {
	if os.Getenv("API_TEST_ACTIVATED") != "" {
		activated(t)
		return
	}
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	child := exec.Command(os.Args[0], "-test.run=^TestActivation$", "-test.v")
	child.Env = append(os.Environ(), "API_TEST_ACTIVATED=1")
	child.ExtraFiles = []*os.File{file}
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	child.Stdout, child.Stderr = &out, &out
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	resp, err := get(t, path, "/_ping")
	if err == nil {
		_ = resp.Body.Close()
	}
	_ = stdin.Close()
	if waitErr := child.Wait(); err != nil || waitErr != nil {
		t.Errorf("%v, %v:\n%s", err, waitErr, out.String())
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the init system's socket was removed: %v", err)
	}
}

// activated is the child of TestActivation: it serves until its stdin ends.
func activated(t *testing.T) {
	b := newBench(t)
	b.srv.opt.Getenv = func(k string) string {
		return map[string]string{"LISTEN_FDS": "1", "LISTEN_PID": strconv.Itoa(os.Getpid()), "LISTEN_FDNAMES": "docker.socket"}[k]
	}
	for _, want := range []string{"4", "other.socket"} {
		if _, err := b.srv.activated(want, serveOptions{}, nil); !errdefs.IsNotFound(err) {
			t.Errorf("fd://%s: %v", want, err)
		}
	}
	up(t, b, map[string]string{"BufferRequests": "0"}, "fd://docker.socket")
	buf := make([]byte, 1)
	_, _ = os.Stdin.Read(buf)
	_ = b.eng.Shutdown(context.Background())
}
