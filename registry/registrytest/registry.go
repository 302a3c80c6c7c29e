// Package registrytest owns a registry in memory for tests: the protocol v2 with
// every way to know who asks, v1 with search, and faults on command. Start
// reading at New. Only tests import it.
package registrytest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Options of New.
type Options struct {
	TLS   bool
	Auth  string // "", "basic" or "token"; the user is User with Password
	V1    bool   // speaks v1 only
	Pages int    // tags in an answer; 0: all
}

// User and Password are who may do something where Auth is set.
const (
	User     = "tester"
	Password = "sesame"
)

// Registry is a registry. Its methods may be called at any time.
type Registry struct {
	*httptest.Server
	opt Options

	mu        sync.Mutex
	blobs     map[string][]byte            // by digest
	linked    map[string]map[string]bool   // repository → digests that it has
	manifests map[string]map[string]entry  // repository → digest
	tags      map[string]map[string]string // repository → tag → digest
	uploads   map[string][]byte
	next      int
	tokens    map[string]bool
	faults    []*Fault
	requests  []string // "METHOD PATH"
	v1        v1Store
}

type entry struct {
	kind string
	raw  []byte
}

// New starts a registry that the test's end stops.
func New(t testing.TB, opt Options) *Registry {
	t.Helper()
	r := &Registry{
		opt: opt, blobs: map[string][]byte{}, linked: map[string]map[string]bool{}, manifests: map[string]map[string]entry{},
		tags: map[string]map[string]string{}, uploads: map[string][]byte{}, tokens: map[string]bool{}, v1: newV1Store(),
	}
	handler := http.HandlerFunc(r.serve)
	r.Server = httptest.NewUnstartedServer(handler)
	r.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that leave are what tests are about
	if opt.TLS {
		r.StartTLS()
	} else {
		r.Start()
	}
	t.Cleanup(func() {
		r.CloseClientConnections()
		r.Close()
	})
	return r
}

// Host is HOST:PORT, the domain of names in this registry.
func (r *Registry) Host() string { return r.Listener.Addr().String() }

// Digest is the digest of content.
func Digest(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// AddBlob puts content into a repository.
func (r *Registry) AddBlob(repo string, content []byte) (digest string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	digest = Digest(content)
	r.link(repo, digest, content)
	return digest
}

func (r *Registry) link(repo, digest string, content []byte) {
	r.blobs[digest] = content
	if r.linked[repo] == nil {
		r.linked[repo] = map[string]bool{}
	}
	r.linked[repo][digest] = true
}

// AddManifest puts a manifest into a repository, under a tag unless it is "".
func (r *Registry) AddManifest(repo, tag, kind string, raw []byte) (digest string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	digest = manifestDigest(kind, raw)
	r.put(repo, tag, digest, entry{kind, raw})
	return digest
}

func (r *Registry) put(repo, tag, digest string, e entry) {
	if r.manifests[repo] == nil {
		r.manifests[repo], r.tags[repo] = map[string]entry{}, map[string]string{}
	}
	r.manifests[repo][digest] = e
	if tag != "" {
		r.tags[repo][tag] = digest
	}
}

// Manifest returns what a tag or digest is, nil for nothing.
func (r *Registry) Manifest(repo, ref string) (kind string, raw []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if digest, ok := r.tags[repo][ref]; ok {
		ref = digest
	}
	e := r.manifests[repo][ref]
	return e.kind, e.raw
}

// Blob returns a blob, nil for none.
func (r *Registry) Blob(digest string) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.blobs[digest]
}

// Uploads is how many uploads were begun and neither ended nor cancelled.
func (r *Registry) Uploads() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.uploads)
}

// Requests returns what was asked since the last call.
func (r *Registry) Requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.requests
	r.requests = nil
	return list
}

// serve answers one request.
func (r *Registry) serve(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	r.requests = append(r.requests, q.Method+" "+q.URL.Path)
	fault := r.faultFor(q)
	r.mu.Unlock()
	if fault != nil && fault.serve(w, q, func(w http.ResponseWriter) { r.answer(w, q) }) {
		return
	}
	r.answer(w, q)
}

func (r *Registry) answer(w http.ResponseWriter, q *http.Request) {
	switch {
	case q.URL.Path == "/token":
		r.serveToken(w, q)
		return
	case strings.HasPrefix(q.URL.Path, "/v1/"):
		r.serveV1(w, q)
		return
	case r.opt.V1:
		http.NotFound(w, q)
		return
	}
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	if !r.allowed(w, q) {
		return
	}
	path := strings.TrimPrefix(q.URL.Path, "/v2/")
	for _, part := range []struct {
		mark  string
		serve func(w http.ResponseWriter, q *http.Request, repo, rest string)
	}{{"/manifests/", r.serveManifest}, {"/blobs/uploads/", r.serveUpload}, {"/blobs/", r.serveBlob}, {"/tags/list", r.serveTags}} {
		if repo, rest, ok := strings.Cut(path, part.mark); ok {
			part.serve(w, q, repo, rest)
			return
		}
	}
	if path != "" {
		problem(w, http.StatusNotFound, "NAME_UNKNOWN", "repository name not known to registry")
	}
}

func problem(w http.ResponseWriter, code int, word, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	fmt.Fprintf(w, `{"errors":[{"code":%q,"message":%q}]}`, word, message)
}

func (r *Registry) serveManifest(w http.ResponseWriter, q *http.Request, repo, ref string) {
	if q.Method == http.MethodPut {
		raw, err := io.ReadAll(io.LimitReader(q.Body, 8<<20))
		if err != nil {
			return
		}
		digest, tag := manifestDigest(q.Header.Get("Content-Type"), raw), ref
		if strings.Contains(ref, ":") {
			if ref != digest {
				problem(w, http.StatusBadRequest, "DIGEST_INVALID", "provided digest did not match uploaded content")
				return
			}
			tag = ""
		}
		if missing := r.missing(repo, raw); missing != "" {
			problem(w, http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry: "+missing)
			return
		}
		r.mu.Lock()
		r.put(repo, tag, digest, entry{q.Header.Get("Content-Type"), raw})
		r.mu.Unlock()
		w.Header().Set("Docker-Content-Digest", digest)
		w.WriteHeader(http.StatusCreated)
		return
	}
	kind, raw := r.Manifest(repo, ref)
	if raw == nil {
		problem(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown")
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Docker-Content-Digest", manifestDigest(kind, raw))
	w.Header().Set("Content-Length", strconv.Itoa(len(raw)))
	if q.Method != http.MethodHead {
		_, _ = w.Write(raw)
	}
}

// missing names a blob that a manifest needs and the repository does not have.
func (r *Registry) missing(repo string, raw []byte) string {
	type ref struct {
		Digest string
		URLs   []string
	}
	var doc struct {
		Config ref
		Layers []ref
	}
	if json.Unmarshal(raw, &doc) != nil {
		return ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range append(doc.Layers, doc.Config) {
		if d.Digest != "" && len(d.URLs) == 0 && !r.linked[repo][d.Digest] {
			return d.Digest
		}
	}
	return ""
}

func (r *Registry) serveBlob(w http.ResponseWriter, q *http.Request, repo, digest string) {
	r.mu.Lock()
	content, ok := r.blobs[digest]
	ok = ok && r.linked[repo][digest]
	r.mu.Unlock()
	if !ok {
		problem(w, http.StatusNotFound, "BLOB_UNKNOWN", "blob unknown to registry")
		return
	}
	from := 0
	if text, ok := strings.CutPrefix(q.Header.Get("Range"), "bytes="); ok {
		if n, err := strconv.Atoi(strings.TrimSuffix(text, "-")); err == nil && n < len(content) {
			from = n
		}
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Docker-Content-Digest", digest)
	w.Header().Set("Content-Length", strconv.Itoa(len(content)-from))
	if from > 0 {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
		w.WriteHeader(http.StatusPartialContent)
	}
	if q.Method != http.MethodHead {
		_, _ = w.Write(content[from:])
	}
}

func (r *Registry) serveUpload(w http.ResponseWriter, q *http.Request, repo, id string) {
	at := func(id string) string { return "/v2/" + repo + "/blobs/uploads/" + id + "?state=" + id }
	query := q.URL.Query()
	switch q.Method {
	case http.MethodPost:
		r.mu.Lock()
		defer r.mu.Unlock()
		if digest, from := query.Get("mount"), query.Get("from"); digest != "" && r.linked[from][digest] {
			r.link(repo, digest, r.blobs[digest])
			w.Header().Set("Location", "/v2/"+repo+"/blobs/"+digest)
			w.WriteHeader(http.StatusCreated)
			return
		}
		r.next++
		id = strconv.Itoa(r.next)
		r.uploads[id] = []byte{}
		w.Header().Set("Location", at(id))
		w.WriteHeader(http.StatusAccepted)
	case http.MethodPatch, http.MethodPut:
		body, err := io.ReadAll(q.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		sofar, ok := r.uploads[id]
		if !ok || err != nil {
			problem(w, http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", "upload unknown to registry")
			return
		}
		sofar = append(sofar, body...)
		r.uploads[id] = sofar
		if q.Method == http.MethodPatch {
			w.Header().Set("Location", at(id))
			w.Header().Set("Range", fmt.Sprintf("0-%d", max(0, len(sofar)-1)))
			w.WriteHeader(http.StatusAccepted)
			return
		}
		delete(r.uploads, id)
		digest := query.Get("digest")
		if digest != Digest(sofar) {
			problem(w, http.StatusBadRequest, "DIGEST_INVALID", "provided digest did not match uploaded content")
			return
		}
		r.link(repo, digest, sofar)
		w.Header().Set("Docker-Content-Digest", digest)
		w.WriteHeader(http.StatusCreated)
	case http.MethodDelete:
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.uploads, id)
		w.WriteHeader(http.StatusNoContent)
	}
}

func (r *Registry) serveTags(w http.ResponseWriter, q *http.Request, repo, _ string) {
	r.mu.Lock()
	var tags []string
	for tag := range r.tags[repo] {
		tags = append(tags, tag)
	}
	known := r.manifests[repo] != nil
	r.mu.Unlock()
	if !known {
		problem(w, http.StatusNotFound, "NAME_UNKNOWN", "repository name not known to registry")
		return
	}
	slices.Sort(tags)
	if last := q.URL.Query().Get("last"); last != "" {
		tags = slices.DeleteFunc(tags, func(tag string) bool { return tag <= last })
	}
	if n := r.opt.Pages; n > 0 && len(tags) > n {
		tags = tags[:n]
		w.Header().Set("Link", fmt.Sprintf(`</v2/%s/tags/list?last=%s>; rel="next"`, repo, tags[n-1]))
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"name": repo, "tags": tags})
}

// CertificatePEM is the certificate of a registry with TLS.
func (r *Registry) CertificatePEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate().Raw})
}
