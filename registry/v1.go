package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/reference"
)

// V1Repository is one repository of a registry that speaks only the protocol v1:
// layers are images with ids of 64 hex digits, each with a JSON document and a
// parent. Nothing of it has a digest that a pull could check; it is spoken with
// the hosts that people name only. It is safe for concurrent use.
type V1Repository interface {
	// Endpoint is the URL of the registry that is spoken to.
	Endpoint() string
	// Tags maps tags to ids.
	Tags(ctx context.Context) (map[string]string, error)
	// Ancestry lists an image and its parents, the image first.
	Ancestry(ctx context.Context, id string) ([]string, error)
	// ImageJSON reads the document of an image and the length of its layer, -1
	// when the registry does not say it.
	ImageJSON(ctx context.Context, id string) (raw []byte, size int64, err error)
	// Layer reads the layer of an image as it is kept: in any compression.
	Layer(ctx context.Context, id string) (io.ReadCloser, error)
	// HasImage tells whether the registry has an image already.
	HasImage(ctx context.Context, id string) (bool, error)
	// PutImage stores an image: its document, its layer and their checksum.
	PutImage(ctx context.Context, id string, raw []byte, layer io.Reader) error
	// PutTag names an image.
	PutTag(ctx context.Context, tag, id string) error
	// Begin tells the index what will be pushed, before anything is; End that it has been.
	Begin(ctx context.Context, ids []V1Image) error
	End(ctx context.Context, ids []V1Image) error
}

// V1Image is one row of what is pushed.
type V1Image struct {
	ID  string `json:"id"`
	Tag string `json:"Tag,omitempty"`
}

// v1Repository is a V1Repository. The index says who may do what, by a token, and
// which hosts keep the images; small registries are both.
type v1Repository struct {
	*session // with who keeps the images
	index    *session
	path     string

	mu    sync.Mutex
	token string // guarded by mu: what the index gave, "" for none
}

// header is what says to who keeps the images that one may.
func (r *v1Repository) header(pairs ...string) http.Header {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := http.Header{}
	if r.token != "" {
		h.Set("Authorization", "Token "+r.token)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

// indexHeader is what asks the index for a token.
func (r *v1Repository) indexHeader() http.Header {
	h := http.Header{"X-Docker-Token": {"true"}, "Content-Type": {"application/json"}}
	if user, password := userAndPassword(r.auth); user != "" {
		h.Set("Authorization", basic(user, password))
	}
	return h
}

// OpenV1 finds the registry of a name that has no protocol v2.
func (s *Service) OpenV1(ctx context.Context, name reference.Ref, a Auth, push bool) (V1Repository, error) {
	if name.Domain == defaultDomain {
		return nil, errdefs.NotImplemented("the default registry does not speak the protocol v1 any more")
	}
	var failures []error
	for _, at := range s.endpoints(ctx, name.Domain, push) {
		c, err := s.session(at, a, name, push)
		if err != nil {
			return nil, err
		}
		c.scope = ""
		resp, err := c.send(ctx, request{method: http.MethodGet, url: "/v1/_ping"}, "")
		if err != nil {
			failures = append(failures, err)
			continue
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			failures = append(failures, errdefs.NotFound("registry %s speaks neither the protocol v2 nor v1", at))
			continue
		}
		r := &v1Repository{session: c, index: c, path: name.Path}
		if push {
			return r, nil // Begin greets the index
		}
		if err := r.greet(ctx); err != nil {
			return nil, err
		}
		return r, nil
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, first(failures)
}

// greet asks the index for a token; registries without an index have none.
func (r *v1Repository) greet(ctx context.Context) error {
	resp, err := r.index.do(ctx, request{method: http.MethodGet, url: "/v1/repositories/" + r.path + "/images", header: r.indexHeader()})
	if err != nil {
		return err
	}
	header := resp.Header
	if _, err := readAll(resp, maxListBody, "the list of images of "+r.resource); err != nil {
		return err
	}
	return r.follow(ctx, header)
}

// follow takes from an answer of the index the token, and goes to the first of
// the hosts that it names which answers.
func (r *v1Repository) follow(ctx context.Context, header http.Header) error {
	if t := header.Get("X-Docker-Token"); t != "" && !strings.ContainsAny(t, "\r\n") {
		r.mu.Lock()
		r.token = t
		r.mu.Unlock()
	}
	var failures []error
	for host := range strings.SplitSeq(strings.Join(header.Values("X-Docker-Endpoints"), ","), ",") {
		host = strings.TrimSpace(host)
		if host == "" || strings.ContainsAny(host, "/@?# ") || strings.EqualFold(host, r.index.at.base.Host) {
			continue
		}
		at := endpoint{base: url.URL{Scheme: r.index.at.base.Scheme, Host: host}, trust: r.s.insecure.has(host)}
		c, err := r.s.session(at, Auth{}, reference.Ref{}, false) // the token says who asks
		if err != nil {
			return err
		}
		c.resource = r.resource
		resp, err := c.send(ctx, request{method: http.MethodGet, url: "/v1/_ping"}, "")
		if err != nil {
			failures = append(failures, err)
			continue
		}
		resp.Body.Close()
		r.session = c
		return nil
	}
	return errors.Join(failures...)
}

// Endpoint returns the URL of the registry.
func (r *v1Repository) Endpoint() string { return r.at.String() }

// get reads a bounded document.
func (r *v1Repository) get(ctx context.Context, path string, doc any) (http.Header, []byte, error) {
	resp, err := r.do(ctx, request{method: http.MethodGet, url: "/v1/" + path, header: r.header()})
	if err != nil {
		return nil, nil, err
	}
	text, err := readAll(resp, maxListBody, "the answer of "+r.at.String()+" to /v1/"+path)
	if err != nil {
		return nil, nil, err
	}
	if doc != nil {
		if err := json.Unmarshal(text, doc); err != nil {
			return nil, nil, errdefs.Unavailable("reading the answer of %s to /v1/%s: %w", r.at, path, err)
		}
	}
	return resp.Header, text, nil
}

// Tags maps tags to ids.
func (r *v1Repository) Tags(ctx context.Context) (map[string]string, error) {
	tags := map[string]string{}
	_, _, err := r.get(ctx, "repositories/"+r.path+"/tags", &tags)
	if err != nil {
		return nil, err
	}
	for tag, id := range tags {
		if !v1ID(id) {
			return nil, errdefs.InvalidArgument("registry %s names the image of tag %q by something that is no id", r.at, printable(tag))
		}
	}
	return tags, nil
}

// v1ID tells whether a text is an id of v1.
func v1ID(id string) bool {
	_, err := hex.DecodeString(id)
	return len(id) == 64 && err == nil
}

// maxAncestry is the deepest image of v1.
const maxAncestry = 1024

// Ancestry lists an image and its parents.
func (r *v1Repository) Ancestry(ctx context.Context, id string) ([]string, error) {
	var list []string
	if _, _, err := r.get(ctx, "images/"+id+"/ancestry", &list); err != nil {
		return nil, err
	}
	if len(list) == 0 || len(list) > maxAncestry || list[0] != id || slices.ContainsFunc(list, func(s string) bool { return !v1ID(s) }) {
		return nil, errdefs.InvalidArgument("the ancestry of image %s at registry %s cannot be used", id, r.at)
	}
	return list, nil
}

// ImageJSON reads the document of an image.
func (r *v1Repository) ImageJSON(ctx context.Context, id string) ([]byte, int64, error) {
	header, text, err := r.get(ctx, "images/"+id+"/json", nil)
	if err != nil {
		return nil, 0, err
	}
	size := int64(-1)
	if n, err := fmt.Sscan(header.Get("X-Docker-Size"), &size); n != 1 || err != nil || size < 0 {
		size = -1
	}
	return text, size, nil
}

// Layer reads the layer of an image.
func (r *v1Repository) Layer(ctx context.Context, id string) (io.ReadCloser, error) {
	b := &blob{what: "the layer of image " + id + " of " + r.resource}
	b.sources = []source{{r.session, request{method: http.MethodGet, url: "/v1/images/" + id + "/layer", header: r.header()}}}
	return b.begin(ctx)
}

// HasImage tells whether the registry has an image.
func (r *v1Repository) HasImage(ctx context.Context, id string) (bool, error) {
	_, _, err := r.get(ctx, "images/"+id+"/json", nil)
	if _, ok := isMissing(err); ok {
		return false, nil
	}
	return err == nil, err
}

// PutImage stores an image.
func (r *v1Repository) PutImage(ctx context.Context, id string, raw []byte, layer io.Reader) error {
	put := func(what string, req request) error {
		req.method, req.url = http.MethodPut, "/v1/images/"+id+"/"+what
		resp, err := r.do(ctx, req)
		if err != nil {
			return fmt.Errorf("storing the %s of image %s: %w", what, id, err)
		}
		return resp.Body.Close()
	}
	if err := put("json", request{body: raw, header: r.header("Content-Type", "application/json")}); err != nil {
		return err
	}
	sum := sha256.New() // of the document and the archive, as v1 wants it
	_, _ = sum.Write(append(slices.Clone(raw), '\n'))
	lent := &lent{r: io.TeeReader(layer, sum)}
	err := put("layer", request{stream: lent, header: r.header("Content-Type", "application/octet-stream")})
	if _, whole := lent.takeBack(); err == nil && !whole {
		err = errdefs.Unavailable("the registry took image %s before all of it was sent", id)
	}
	if err != nil {
		return err
	}
	checksum := "sha256:" + hex.EncodeToString(sum.Sum(nil))
	return put("checksum", request{body: []byte{}, header: r.header("X-Docker-Checksum-Payload", checksum, "X-Docker-Checksum", checksum)})
}

// PutTag names an image.
func (r *v1Repository) PutTag(ctx context.Context, tag, id string) error {
	body, err := json.Marshal(id)
	if err != nil {
		return err
	}
	resp, err := r.do(ctx, request{
		method: http.MethodPut, url: "/v1/repositories/" + r.path + "/tags/" + url.PathEscape(tag), body: body,
		header: r.header("Content-Type", "application/json"),
	})
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// Begin tells the index what will be pushed.
func (r *v1Repository) Begin(ctx context.Context, ids []V1Image) error {
	header, err := r.tellIndex(ctx, "/v1/repositories/"+r.path+"/", ids)
	if err != nil {
		return err
	}
	return r.follow(ctx, header)
}

// End tells the index what has been pushed.
func (r *v1Repository) End(ctx context.Context, ids []V1Image) error {
	_, err := r.tellIndex(ctx, "/v1/repositories/"+r.path+"/images", ids)
	return err
}

func (r *v1Repository) tellIndex(ctx context.Context, at string, ids []V1Image) (http.Header, error) {
	body, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	resp, err := r.index.do(ctx, request{method: http.MethodPut, url: at, body: body, header: r.indexHeader()})
	if err != nil {
		return nil, err
	}
	resp.Body.Close()
	return resp.Header, nil
}
