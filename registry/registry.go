// Package registry owns the conversation with image registries: which addresses
// a name leads to, who the user is there, and the requests of the protocols v2
// (OCI distribution) and v1. It keeps connections, tokens and what it has
// learned about hosts in memory, and nothing on disk.
//
// Start reading at Service.Open, then Repository (what one can ask for),
// client.go (how a request is made) and token.go (who asks). The jobs auth and
// search are in files of their names. It knows nothing of layers on disk: graph imports
// it, it must not import graph, daemon or server.
package registry

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/enginejobs/docker/api"
)

// Auth is who the user is at one registry, as API clients send it.
type Auth = api.AuthConfig

// Options of New. The zero value is a daemon without mirrors.
type Options struct {
	Mirrors  []string // URLs that are asked before the default registry
	Insecure []string // hosts, HOST:PORT or networks in CIDR form whose certificate is not checked and that may speak plain HTTP
	CertsDir string   // has a directory HOST:PORT with *.crt (authorities), NAME.cert and NAME.key; "" for none

	UserAgent string                           // sent with every request
	Logf      func(format string, args ...any) // complaints; nil: discard

	Stall   time.Duration // how long a transfer may stand still; 0: 60 s
	Backoff time.Duration // before the first retry, doubled for each further one; 0: 300 ms
}

// Service talks to registries. It is safe for concurrent use.
type Service struct {
	opt      Options
	insecure insecureHosts
	mirrors  []endpoint

	mu      sync.Mutex
	clients map[string]*client     // guarded by mu: by host and trust
	known   map[string]endpoint    // guarded by mu: what answered last, by domain; mirrors by address
	tokens  map[tokenKey]token     // guarded by mu
	resting map[endpoint]time.Time // guarded by mu: mirrors that did not answer, and until when nobody asks
}

// Errors that callers ask for with errors.Is.
var (
	// ErrNoV2 says that the registry speaks the protocol v1 only; see OpenV1.
	ErrNoV2 = errors.New("the registry does not speak the protocol v2")
	// ErrDigest says that content is not what its digest or length promises.
	ErrDigest = errors.New("content does not match its digest")
)

// New checks the options.
func New(opt Options) (*Service, error) {
	s := &Service{opt: opt, clients: map[string]*client{}, known: map[string]endpoint{}, tokens: map[tokenKey]token{}, resting: map[endpoint]time.Time{}}
	if s.opt.Logf == nil {
		s.opt.Logf = func(string, ...any) {}
	}
	if s.opt.Stall <= 0 {
		s.opt.Stall = time.Minute
	}
	if s.opt.Backoff <= 0 {
		s.opt.Backoff = 300 * time.Millisecond
	}
	var err error
	if s.insecure, err = parseInsecure(opt.Insecure); err != nil {
		return nil, err
	}
	s.mirrors, err = parseMirrors(opt.Mirrors)
	return s, err
}

// Close lets go of the connections that are not in use.
func (s *Service) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.clients {
		c.CloseIdleConnections()
	}
}

// Descriptor says what a blob or a manifest is, as in the OCI image
// specification.
type Descriptor struct {
	MediaType string   `json:"mediaType,omitempty"`
	Digest    string   `json:"digest"`
	Size      int64    `json:"size"` // bytes; 0 or less: not known
	URLs      []string `json:"urls,omitempty"`
}

// Manifest is a manifest as the registry keeps it.
type Manifest struct {
	MediaType string
	Digest    string // of Raw
	Raw       []byte
}

// MaxManifest is the largest manifest that is read, in bytes: what registries
// take at most.
const MaxManifest = 4 << 20

// Repository is one repository of a registry that speaks the protocol v2. It is
// safe for concurrent use. Requests are repeated after a failure that may pass,
// and bounded in what they read. Errors have the kinds of errdefs and say what
// was asked of whom.
type Repository interface {
	// Endpoint is the URL of the registry that is spoken to.
	Endpoint() string
	// Manifest reads a manifest by tag or digest. Its digest has been verified.
	Manifest(ctx context.Context, tagOrDigest string) (Manifest, error)
	// HeadManifest asks what a tag or digest is, in one request. The digest is empty
	// when the registry does not say it.
	HeadManifest(ctx context.Context, tagOrDigest string) (Descriptor, error)
	// Tags lists the tags.
	Tags(ctx context.Context) ([]string, error)
	// Blob reads a blob. A connection that breaks is taken up where it broke; the
	// last read fails with ErrDigest when length or digest are wrong.
	Blob(ctx context.Context, d Descriptor) (io.ReadCloser, error)
	// StatBlob tells whether the repository has a blob.
	StatBlob(ctx context.Context, digest string) (Descriptor, bool, error)
	// MountBlob takes a blob over from another repository (its path) of the same
	// registry. When that is not possible it has begun an upload instead.
	MountBlob(ctx context.Context, digest, from string) (mounted bool, upload Upload, err error)
	// Upload begins an upload.
	Upload(ctx context.Context) (Upload, error)
	// PutManifest stores a manifest under a tag or its digest, and returns its digest.
	PutManifest(ctx context.Context, tagOrDigest string, m Manifest) (digest string, err error)
}

// Upload is a blob on its way into a registry. It is used by one goroutine.
type Upload interface {
	// Send streams bytes, all that r has. It cannot be repeated. Once it has
	// returned, r is not read any more; it waits for a read that is under way.
	Send(ctx context.Context, r io.Reader) (n int64, err error)
	// Commit ends the upload; the registry checks the digest.
	Commit(ctx context.Context, digest string) error
	// Cancel tells the registry to forget the upload, as far as it can be reached.
	Cancel()
}

// SearchResult is one repository that a search has found.
type SearchResult = api.SearchResult
