package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// Where the default registry lives; names of images say docker.io.
const (
	defaultDomain = "docker.io"
	defaultHost   = "registry-1.docker.io"
	// IndexServer is the address of the default registry in credentials.
	IndexServer = "https://index.docker.io/v1/"
)

// endpoint is one address of a registry.
type endpoint struct {
	base   url.URL // scheme and host
	mirror bool
	trust  bool // its certificate is not checked
}

func (e endpoint) String() string { return strings.TrimSuffix(e.base.String(), "/") }

// insecureHosts are the registries that need not prove who they are.
type insecureHosts struct {
	hosts []string
	nets  []netip.Prefix
}

func parseInsecure(list []string) (insecureHosts, error) {
	var in insecureHosts
	for _, text := range append(loopback(), list...) {
		if prefix, err := netip.ParsePrefix(text); err == nil {
			in.nets = append(in.nets, prefix.Masked())
			continue
		}
		if text == "" || strings.Contains(text, "/") || strings.Contains(text, " ") {
			return in, errdefs.InvalidArgument("invalid insecure registry %q: name a host, host:port or a network like 10.0.0.0/8, without a scheme", text)
		}
		in.hosts = append(in.hosts, strings.ToLower(text))
	}
	return in, nil
}

// has tells whether a host (with or without port) is one of them.
func (in insecureHosts) has(host string) bool {
	host = strings.ToLower(host)
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	if name == "localhost" || slices.Contains(in.hosts, host) || slices.Contains(in.hosts, name) {
		return true
	}
	addr, err := netip.ParseAddr(name)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(in.nets, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// lookupPatience is how long a name may take to be found in a network.
const lookupPatience = 2 * time.Second

// resolves tells whether a host's name leads into one of the networks that the
// administrator has named. Without such networks, nobody is asked.
func (in insecureHosts) resolves(ctx context.Context, host string) bool {
	if len(in.nets) <= len(loopback()) {
		return false
	}
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	ctx, cancel := context.WithTimeout(ctx, lookupPatience)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(addrs, func(addr netip.Addr) bool {
		return slices.ContainsFunc(in.nets[len(loopback()):], func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
	})
}

// loopback is the networks that need no proof by default.
func loopback() []string { return []string{"127.0.0.0/8", "::1/128"} }

func parseMirrors(list []string) ([]endpoint, error) {
	var mirrors []endpoint
	for _, text := range list {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			return nil, errdefs.InvalidArgument("invalid registry mirror %q: it has to be a URL like https://mirror.example.com", text)
		}
		mirrors = append(mirrors, endpoint{base: url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimSuffix(u.Path, "/")}, mirror: true})
	}
	return mirrors, nil
}

// endpoints lists the addresses of the registry that a name's domain means, in
// the order in which they are tried.
func (s *Service) endpoints(ctx context.Context, domain string, push bool) []endpoint {
	if domain == "" || domain == defaultDomain {
		list := []endpoint{{base: url.URL{Scheme: "https", Host: defaultHost}}}
		if push {
			return list
		}
		return append(slices.Clone(s.mirrors), list...)
	}
	secure := endpoint{base: url.URL{Scheme: "https", Host: domain}}
	if !s.insecure.has(domain) && !s.insecure.resolves(ctx, domain) {
		return []endpoint{secure}
	}
	secure.trust = true
	return []endpoint{secure, {base: url.URL{Scheme: "http", Host: domain}}}
}

// client is what endpoints of one host share.
type client struct {
	*http.Client
	stamp string // of the certificates that it was made with
}

// client is the one for the connections of an endpoint. It is made anew when the
// administrator has changed the certificates.
func (s *Service) client(e endpoint) (*http.Client, error) {
	key, stamp := fmt.Sprint(e.base.Host, " ", e.trust), s.certStamp(e)
	s.mu.Lock()
	old := s.clients[key]
	s.mu.Unlock()
	if old != nil && old.stamp == stamp {
		return old.Client, nil
	}
	conf, err := s.tlsConfig(e)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}
	c := &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSClientConfig: conf,
			TLSHandshakeTimeout: 10 * time.Second, ReadBufferSize: 64 << 10, WriteBufferSize: 64 << 10,
			MaxIdleConnsPerHost: 8, IdleConnTimeout: 30 * time.Second, DisableCompression: true,
		},
		CheckRedirect: checkRedirect,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.clients[key]; other != nil {
		if other.stamp == stamp {
			return other.Client, nil
		}
		other.CloseIdleConnections()
	}
	s.clients[key] = &client{c, stamp}
	return c, nil
}

// certDir is the directory of an endpoint's certificates, "" for none.
func (s *Service) certDir(e endpoint) string {
	if host := e.base.Host; s.opt.CertsDir == "" || host == "" || host[0] == '.' || strings.Contains(host, "/") {
		return ""
	}
	return filepath.Join(s.opt.CertsDir, e.base.Host)
}

// certStamp changes with the files of an endpoint's directory of certificates.
func (s *Service) certStamp(e endpoint) string {
	dir := s.certDir(e)
	if dir == "" {
		return ""
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	var stamp strings.Builder
	for _, entry := range entries {
		if info, err := os.Stat(filepath.Join(dir, entry.Name())); err == nil {
			fmt.Fprintln(&stamp, entry.Name(), info.Size(), info.ModTime().UnixNano())
		}
	}
	return stamp.String()
}

// maxRedirects is how far a request is sent on.
const maxRedirects = 10

var errRedirects = errors.New("it redirects for ever")

// checkRedirect lets nobody else, and nobody on the way, see who asks: package
// http would send it to another port of the host, and without encryption.
func checkRedirect(r *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return errRedirects
	}
	first := via[0].URL
	if r.URL.Host != first.Host || first.Scheme == "https" && r.URL.Scheme != "https" {
		r.Header.Del("Authorization")
	}
	return nil
}

// tlsConfig reads what the administrator has put into CertsDir for a host.
func (s *Service) tlsConfig(e endpoint) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: e.trust} //nolint:gosec // the administrator named the host
	dir := s.certDir(e)
	if dir == "" {
		return conf, nil
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return conf, nil
	}
	if err != nil {
		return nil, errdefs.Internal("reading the certificates of %s: %w", e.base.Host, err)
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		switch name, ext := strings.CutSuffix(path, ".cert"); {
		case ext:
			pair, err := tls.LoadX509KeyPair(path, name+".key")
			if err != nil {
				return nil, errdefs.InvalidArgument("reading the client certificate %s of registry %s: %w", path, e.base.Host, err)
			}
			conf.Certificates = append(conf.Certificates, pair)
		case strings.HasSuffix(path, ".crt"):
			text, err := os.ReadFile(path)
			if err != nil {
				return nil, errdefs.Internal("reading the certificates of %s: %w", e.base.Host, err)
			}
			if conf.RootCAs == nil {
				if conf.RootCAs, err = x509.SystemCertPool(); err != nil {
					conf.RootCAs = x509.NewCertPool()
				}
			}
			if !conf.RootCAs.AppendCertsFromPEM(text) {
				return nil, errdefs.InvalidArgument("%s has no certificate of an authority in PEM form", path)
			}
		}
	}
	return conf, nil
}
