package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/enginejobs/docker/errdefs"
)

// tlsOptions are the TLS keys of the env of serveapi.
type tlsOptions struct {
	on, verify    bool
	ca, cert, key string
}

// config loads the files; nil means plain TCP. With verify clients must show a
// certificate that the CA has signed.
func (o tlsOptions) config() (*tls.Config, error) {
	if !o.on && !o.verify {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(o.cert, o.key)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errdefs.NotFound("Could not load X509 key pair (%s, %s): %w", o.cert, o.key, err)
	case err != nil:
		return nil, errdefs.InvalidArgument("Error reading X509 key pair (%s, %s): %q. Make sure the key is not encrypted.",
			o.cert, o.key, err)
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{pair},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2", "http/1.1"},
	}
	if !o.verify {
		return config, nil
	}
	pem, err := os.ReadFile(o.ca)
	if err != nil {
		return nil, fmt.Errorf("Could not read CA certificate: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errdefs.InvalidArgument("Could not read CA certificate: %s has no certificate", o.ca)
	}
	config.ClientCAs = pool
	config.ClientAuth = tls.RequireAndVerifyClientCert
	return config, nil
}
