package registry

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/enginejobs/docker/errdefs"
)

// Media types of manifests, of Docker's and of the OCI's image specification.
const (
	TypeSchema1       = "application/vnd.docker.distribution.manifest.v1+json"
	TypeSignedSchema1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"
	TypeSchema2       = "application/vnd.docker.distribution.manifest.v2+json"
	TypeManifestList  = "application/vnd.docker.distribution.manifest.list.v2+json"
	TypeOCIManifest   = "application/vnd.oci.image.manifest.v1+json"
	TypeOCIIndex      = "application/vnd.oci.image.index.v1+json"
)

// accepted is what is asked for, the best first.
func accepted() []string {
	return []string{TypeOCIIndex, TypeManifestList, TypeOCIManifest, TypeSchema2, TypeSignedSchema1, TypeSchema1}
}

// repository is a Repository at one endpoint.
type repository struct {
	*session
	path   string
	others []*repository // that have the same blobs, for when this one fails
}

// Endpoint returns the URL of the registry.
func (r *repository) Endpoint() string { return r.at.String() }

func (r *repository) url(elem string) string { return "/v2/" + r.path + "/" + elem }

// Manifest reads a manifest.
func (r *repository) Manifest(ctx context.Context, ref string) (Manifest, error) {
	resp, err := r.do(ctx, request{method: http.MethodGet, url: r.url("manifests/" + url.PathEscape(ref)), header: http.Header{"Accept": accepted()}})
	if err != nil {
		return Manifest{}, r.about(ref, err)
	}
	raw, err := readAll(resp, MaxManifest, "the manifest of "+r.shown(ref))
	if err != nil {
		return Manifest{}, err
	}
	m := Manifest{MediaType: mediaType(resp.Header.Get("Content-Type"), raw), Raw: raw}
	m.Digest, err = manifestDigest(m)
	if err != nil {
		return Manifest{}, errdefs.InvalidArgument("the manifest of %s: %w", r.shown(ref), err)
	}
	want := ref
	if !strings.Contains(ref, ":") {
		want = resp.Header.Get("Docker-Content-Digest")
	}
	if want != "" && want != m.Digest {
		if other, err := digestAs(want, m); err != nil || other != want {
			return Manifest{}, errdefs.Unavailable("the manifest of %s has the digest %s, %s was promised: %w", r.shown(ref), m.Digest, want, ErrDigest)
		}
		m.Digest = want
	}
	return m, nil
}

// mediaType is what a manifest says it is; some registries send any type.
func mediaType(header string, raw []byte) string {
	kind, _, err := mime.ParseMediaType(header)
	var doc struct {
		MediaType     string `json:"mediaType"`
		SchemaVersion int    `json:"schemaVersion"`
		Signatures    []any  `json:"signatures"`
	}
	switch known := err == nil && strings.Contains(strings.Join(accepted(), " "), kind) && kind != ""; {
	case known:
		return kind
	case json.Unmarshal(raw, &doc) != nil:
		return kind
	case doc.MediaType != "":
		return doc.MediaType
	case doc.SchemaVersion == 1 && len(doc.Signatures) > 0:
		return TypeSignedSchema1
	case doc.SchemaVersion == 1:
		return TypeSchema1
	}
	return kind
}

// manifestDigest is the digest of a manifest: that of a signed one is of what was
// signed.
func manifestDigest(m Manifest) (string, error) { return digestAs("sha256:", m) }

// digestAs sums up with the algorithm of another digest.
func digestAs(like string, m Manifest) (string, error) {
	raw := m.Raw
	if m.MediaType == TypeSignedSchema1 {
		var err error
		if raw, err = SignedPayload(m.Raw); err != nil {
			return "", err
		}
	}
	v, err := newVerifier(like)
	if err != nil {
		return "", err
	}
	_, _ = v.hash.Write(raw)
	return v.digest(), nil
}

// verifier sums up content.
type verifier struct {
	algorithm string
	hash      hash.Hash
}

func newVerifier(digest string) (verifier, error) {
	switch algorithm, _, _ := strings.Cut(digest, ":"); algorithm {
	case "sha256":
		return verifier{algorithm, sha256.New()}, nil
	case "sha512":
		return verifier{algorithm, sha512.New()}, nil
	default:
		return verifier{}, errdefs.InvalidArgument("the digest %q has an unknown algorithm", printable(digest))
	}
}

func (v verifier) digest() string { return v.algorithm + ":" + hex.EncodeToString(v.hash.Sum(nil)) }

// shown is a tag or digest of the repository as people write it.
func (r *repository) shown(ref string) string {
	if strings.Contains(ref, ":") {
		return r.resource + "@" + ref
	}
	return r.resource + ":" + ref
}

// about makes the error of a missing manifest what people know it as.
func (r *repository) about(ref string, err error) error {
	if m, ok := isMissing(err); ok {
		return errdefs.NotFound("manifest for %s not found: %s", r.shown(ref), m.why)
	}
	return err
}

// HeadManifest asks what a tag or digest is.
func (r *repository) HeadManifest(ctx context.Context, ref string) (Descriptor, error) {
	resp, err := r.do(ctx, request{method: http.MethodHead, url: r.url("manifests/" + url.PathEscape(ref)), header: http.Header{"Accept": accepted()}})
	if err != nil {
		return Descriptor{}, r.about(ref, err)
	}
	resp.Body.Close()
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return Descriptor{MediaType: kind, Digest: resp.Header.Get("Docker-Content-Digest"), Size: resp.ContentLength}, nil
}

// maxPages bounds a list that says that it goes on.
const maxPages = 1000

// Tags lists the tags.
func (r *repository) Tags(ctx context.Context) ([]string, error) {
	var tags []string
	next := r.url("tags/list")
	for range maxPages {
		resp, err := r.do(ctx, request{method: http.MethodGet, url: next})
		if err != nil {
			return nil, err
		}
		link, at := resp.Header.Get("Link"), resp.Request.URL
		text, err := readAll(resp, maxListBody, "the list of tags of "+r.resource)
		if err != nil {
			return nil, err
		}
		var doc struct {
			Tags []string `json:"tags"`
		}
		if err := json.Unmarshal(text, &doc); err != nil {
			return nil, errdefs.Unavailable("reading the list of tags of %s: %w", r.resource, err)
		}
		tags = append(tags, doc.Tags...)
		target, ok := nextPage(link)
		if !ok {
			return tags, nil
		}
		u, err := at.Parse(target)
		if err != nil || u.Host != at.Host {
			return nil, errdefs.Unavailable("the list of tags of %s goes on at a place that cannot be read", r.resource)
		}
		next = u.RequestURI()
		if r.at.base.Path != "" {
			next = strings.TrimPrefix(next, r.at.base.Path)
		}
	}
	return nil, errdefs.Unavailable("the list of tags of %s never ends", r.resource)
}

// nextPage reads a Link header (RFC 8288) with the relation next.
func nextPage(header string) (string, bool) {
	target, params, ok := strings.Cut(strings.TrimSpace(header), ">")
	if !ok || !strings.HasPrefix(target, "<") {
		return "", false
	}
	for param := range strings.SplitSeq(params, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if strings.EqualFold(key, "rel") && strings.Trim(value, `"`) == "next" {
			return target[1:], true
		}
	}
	return "", false
}

// StatBlob tells whether the repository has a blob.
func (r *repository) StatBlob(ctx context.Context, digest string) (Descriptor, bool, error) {
	resp, err := r.do(ctx, request{method: http.MethodHead, url: r.url("blobs/" + url.PathEscape(digest))})
	if _, ok := isMissing(err); ok {
		return Descriptor{}, false, nil
	}
	if err != nil {
		return Descriptor{}, false, err
	}
	resp.Body.Close()
	return Descriptor{Digest: digest, Size: resp.ContentLength}, true, nil
}

// PutManifest stores a manifest.
func (r *repository) PutManifest(ctx context.Context, ref string, m Manifest) (string, error) {
	digest, err := manifestDigest(m)
	if err != nil {
		return "", err
	}
	resp, err := r.do(ctx, request{
		method: http.MethodPut, url: r.url("manifests/" + url.PathEscape(ref)), body: m.Raw,
		header: http.Header{"Content-Type": {m.MediaType}},
	})
	if err != nil {
		return "", fmt.Errorf("storing the manifest of %s: %w", r.shown(ref), err)
	}
	resp.Body.Close()
	if kept := resp.Header.Get("Docker-Content-Digest"); kept != "" && strings.HasPrefix(kept, "sha256:") && kept != digest {
		return "", errdefs.Unavailable("registry %s has stored the manifest of %s as %s instead of %s: %w", r.at, r.shown(ref), kept, digest, ErrDigest)
	}
	return digest, nil
}

var _ io.Closer = (*blob)(nil)
