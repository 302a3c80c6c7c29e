package registrytest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// v1Store is the images of a registry of v1.
type v1Store struct {
	images map[string]*v1Image          // by id
	tags   map[string]map[string]string // repository → tag → id
	found  []map[string]any             // rows of every search
}

type v1Image struct{ doc, layer []byte }

func newV1Store() v1Store {
	return v1Store{images: map[string]*v1Image{}, tags: map[string]map[string]string{}}
}

// AddV1 puts an image of v1 into a repository, under a tag unless it is "".
func (r *Registry) AddV1(repo, tag, id string, doc, layer []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.v1.images[id] = &v1Image{doc, layer}
	if r.v1.tags[repo] == nil {
		r.v1.tags[repo] = map[string]string{}
	}
	if tag != "" {
		r.v1.tags[repo][tag] = id
	}
}

// V1Tag is the id that a tag of a repository names, "" for none.
func (r *Registry) V1Tag(repo, tag string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.v1.tags[repo][tag]
}

// Find sets the rows that every search finds.
func (r *Registry) Find(rows ...map[string]any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.v1.found = rows
}

// serveV1 answers requests of v1, and searches in any case.
func (r *Registry) serveV1(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	path := strings.TrimPrefix(q.URL.Path, "/v1/")
	if path == "search" {
		_ = json.NewEncoder(w).Encode(map[string]any{"query": q.URL.Query().Get("q"), "results": r.v1.found})
		return
	}
	if !r.opt.V1 {
		http.NotFound(w, q)
		return
	}
	kind, rest, _ := strings.Cut(path, "/")
	switch kind {
	case "_ping":
		_, _ = io.WriteString(w, "true")
	case "repositories":
		r.v1Repository(w, q, rest)
	case "images":
		id, what, _ := strings.Cut(rest, "/")
		r.v1Image(w, q, id, what)
	default:
		http.NotFound(w, q)
	}
}

func (r *Registry) v1Repository(w http.ResponseWriter, q *http.Request, rest string) {
	if repo, tag, ok := strings.Cut(rest, "/tags"); ok {
		if q.Method == http.MethodPut {
			var id string
			if json.NewDecoder(q.Body).Decode(&id) == nil {
				if r.v1.tags[repo] == nil {
					r.v1.tags[repo] = map[string]string{}
				}
				r.v1.tags[repo][strings.TrimPrefix(tag, "/")] = id
			}
			return
		}
		if r.v1.tags[repo] == nil {
			http.NotFound(w, q)
			return
		}
		_ = json.NewEncoder(w).Encode(r.v1.tags[repo])
		return
	}
	repo := strings.TrimSuffix(strings.TrimSuffix(rest, "images"), "/")
	if q.Method == http.MethodGet && r.v1.tags[repo] == nil {
		http.NotFound(w, q)
		return
	}
	w.Header().Set("X-Docker-Token", "signature=1")
	if q.Method == http.MethodPut {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	_, _ = io.WriteString(w, "[]")
}

func (r *Registry) v1Image(w http.ResponseWriter, q *http.Request, id, what string) {
	img := r.v1.images[id]
	if q.Method == http.MethodPut {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			return
		}
		if img == nil {
			img = &v1Image{}
			r.v1.images[id] = img
		}
		switch what {
		case "json":
			img.doc = body
		case "layer":
			img.layer = body
		}
		return
	}
	if img == nil {
		http.NotFound(w, q)
		return
	}
	switch what {
	case "json":
		_, _ = w.Write(img.doc)
	case "layer":
		_, _ = w.Write(img.layer)
	case "ancestry":
		list := []string{}
		for at := id; at != "" && r.v1.images[at] != nil; {
			list = append(list, at)
			var doc struct {
				Parent string `json:"parent"`
			}
			if json.Unmarshal(r.v1.images[at].doc, &doc) != nil {
				break
			}
			at = doc.Parent
		}
		_ = json.NewEncoder(w).Encode(list)
	default:
		http.NotFound(w, q)
	}
}
