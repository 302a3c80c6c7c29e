package registrytest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Peer is a registry of another make: Debian's docker-registry, a process of its
// own that the test's end stops.
type Peer struct {
	Host   string // HOST:PORT, the domain of names in it
	URL    string
	CA     []byte       // PEM of its certificate; nil without TLS
	Tokens *TokenServer // nil without token authentication
}

// htpasswd is User and Password as htpasswd -B writes them.
const htpasswd = User + ":$2y$05$MHxuaZ2T74rkaa5LziG58upDSJ03GR26PrdeKni/3fwY3fmbfl2Ua\n"

// Debian starts Debian's docker-registry on an empty directory. TLS and Auth of
// the options count. The test is skipped where it is not installed.
func Debian(t testing.TB, opt Options) *Peer {
	t.Helper()
	bin, err := exec.LookPath("docker-registry")
	if err != nil {
		t.Skip("docker-registry is missing; hack/make.sh deps test installs it")
	}
	dir := t.TempDir()
	p := &Peer{Host: freeAddress(t)}
	p.URL = "http://" + p.Host
	conf := new(bytes.Buffer)
	fmt.Fprintf(conf, "version: 0.1\nlog: {level: error}\nstorage:\n  filesystem: {rootdirectory: %q}\n  delete: {enabled: true}\nhttp:\n  addr: %s\n", dir+"/data", p.Host)
	if opt.TLS {
		p.URL = "https://" + p.Host
		key, cert := Certificate(t)
		p.CA = cert
		write(t, dir, "key.pem", key)
		write(t, dir, "cert.pem", cert)
		fmt.Fprintf(conf, "  tls: {certificate: %q, key: %q}\n", dir+"/cert.pem", dir+"/key.pem")
	}
	switch opt.Auth {
	case "basic":
		write(t, dir, "htpasswd", []byte(htpasswd))
		fmt.Fprintf(conf, "auth: {htpasswd: {realm: test, path: %q}}\n", dir+"/htpasswd")
	case "token":
		p.Tokens = NewTokenServer(t)
		write(t, dir, "root.pem", p.Tokens.Root)
		fmt.Fprintf(conf, "auth: {token: {realm: %q, service: %q, issuer: %q, rootcertbundle: %q}}\n", p.Tokens.URL+"/token", tokenService, tokenIssuer, dir+"/root.pem")
	}
	write(t, dir, "config.yml", conf.Bytes())
	p.start(t, bin, filepath.Join(dir, "config.yml"))
	return p
}

func write(t testing.TB, dir, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// freeAddress is a port of loopback that nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // ends at once
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start runs the registry until the test ends and waits until it answers.
func (p *Peer) start(t testing.TB, bin, conf string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var log bytes.Buffer
	cmd := exec.CommandContext(ctx, bin, "serve", conf)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		stop()
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it is killed, or does not start: then its log says why
	}()
	t.Cleanup(func() {
		stop()
		<-ended
		if t.Failed() {
			t.Logf("docker-registry said: %s", log.Bytes())
		}
	})
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", p.Host) //nolint:noctx // loopback
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-ended:
			t.Fatal("docker-registry has ended")
		default:
		}
	}
	t.Fatalf("docker-registry does not listen on %s", p.Host)
}
