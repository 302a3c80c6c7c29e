package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
)

// Where the daemon is when nobody says so.
const (
	defaultSocket = "/var/run/docker.sock"
	defaultIP     = "127.0.0.1"
)

// parseHost reads unix://PATH, tcp://HOST:PORT and HOST:PORT.
func parseHost(text string) (proto, addr string, err error) {
	bad := fmt.Errorf("Invalid bind address format: %s", text)
	text = strings.TrimSpace(text)
	scheme, rest, hasScheme := strings.Cut(text, "://")
	switch {
	case text == "":
		return "unix", defaultSocket, nil
	case !hasScheme:
		rest = text
	case scheme == "unix":
		if rest == "" {
			rest = defaultSocket
		}
		return "unix", rest, nil
	case scheme == "ssh":
		if _, err := sshArgs(rest); err != nil {
			return "", "", err
		}
		return "ssh", rest, nil
	case scheme != "tcp":
		return "", "", bad
	case rest == "":
		return "", "", fmt.Errorf("Invalid proto, expected tcp: %s", rest)
	}
	host, port, err := net.SplitHostPort(strings.TrimSuffix(rest, "/"))
	if err != nil {
		return "", "", bad
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", "", bad
	}
	if host == "" {
		host = defaultIP
	}
	return "tcp", net.JoinHostPort(host, port), nil
}

// tlsConfig makes the configuration that the global flags ask for. verify
// checks the server against the CA file. A certificate that nobody has named is
// shown when it exists; one that was named must.
func tlsConfig(verify bool, caFile, certFile, keyFile string, named bool) (*tls.Config, error) {
	config := &tls.Config{InsecureSkipVerify: !verify} //nolint:gosec // --tls without --tlsverify says so
	if verify {
		ca, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("Couldn't read ca cert %s: %w", caFile, err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(ca) {
			return nil, fmt.Errorf("Couldn't read ca cert %s: it holds no PEM certificate", caFile)
		}
	}
	_, certErr := os.Stat(certFile)
	_, keyErr := os.Stat(keyFile)
	if certErr == nil && keyErr == nil || named {
		pair, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("Couldn't load X509 key pair: %w", err)
			}
			return nil, fmt.Errorf("Couldn't load X509 key pair: %w. Key encrypted?", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
