package remote_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/remote"
)

// authority signs the certificates of a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, pool: x509.NewCertPool()}
	a.cert, a.key = a.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	})
	a.pool.AddCert(a.cert)
	return a
}

// issue signs a certificate; the first one signs itself.
func (a *authority) issue(template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

func (a *authority) pair(name string, usage x509.ExtKeyUsage) tls.Certificate {
	cert, key := a.issue(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, ExtKeyUsage: []x509.ExtKeyUsage{usage},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	})
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

// clientTLS is the configuration of a caller of this name; "" shows no certificate.
func (a *authority) clientTLS(name string) *tls.Config {
	config := &tls.Config{RootCAs: a.pool}
	if name != "" {
		config.Certificates = []tls.Certificate{a.pair(name, x509.ExtKeyUsageClientAuth)}
	}
	return config
}

// stranger has a certificate of an authority that the server does not know.
func stranger(t *testing.T, srv *secured) *tls.Config {
	config := newAuthority(t).clientTLS("alice")
	config.RootCAs = srv.pool
	return config
}

type secured struct {
	*served
	*authority
}

// serveTLS serves with mutual TLS, HTTP/1.1 and HTTP/2.
func serveTLS(t *testing.T, eng *engine.Engine) *secured {
	t.Helper()
	a := newAuthority(t)
	s := &served{server: &http.Server{
		Handler: remote.Handler(eng, remote.Options{}),
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{a.pair("server", x509.ExtKeyUsageServerAuth)},
			ClientCAs:    a.pool, ClientAuth: tls.RequireAndVerifyClientCert,
			NextProtos: []string{"h2", "http/1.1"},
		},
		ErrorLog: log.New(io.Discard, "", 0), // refused handshakes
	}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address, s.url = l.Addr().String(), "https://"+l.Addr().String()
	base, cancel := context.WithCancel(context.Background())
	s.server.BaseContext = func(net.Listener) context.Context { return base }
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.server.ServeTLS(l, "", "")
	}()
	t.Cleanup(func() {
		cancel()
		_ = s.server.Close()
		<-done
	})
	return &secured{s, a}
}
