package registrytest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// RefreshToken is what buys tokens after a login where Auth is "token".
const RefreshToken = "refresh-me"

// allowed tells whether a request may go on, and answers it when not. Repositories
// below "public/" may be read by all who hold a token.
func (r *Registry) allowed(w http.ResponseWriter, q *http.Request) bool {
	switch r.opt.Auth {
	case "":
		return true
	case "basic":
		if user, password, ok := q.BasicAuth(); ok && user == User && password == Password {
			return true
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
	default:
		token, _ := strings.CutPrefix(q.Header.Get("Authorization"), "Bearer ")
		r.mu.Lock()
		ok := r.tokens[token+" "+neededScope(q)] || neededScope(q) == "" && strings.HasPrefix(token, "token")
		r.mu.Unlock()
		if ok {
			return true
		}
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s/token",service="test, \"quoted\"",scope="%s"`, r.URL, neededScope(q)))
	}
	problem(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
	return false
}

// neededScope is the right that a request needs.
func neededScope(q *http.Request) string {
	path := strings.TrimPrefix(q.URL.Path, "/v2/")
	for _, mark := range []string{"/manifests/", "/blobs/", "/tags/"} {
		if repo, _, ok := strings.Cut(path, mark); ok {
			if q.Method == http.MethodGet || q.Method == http.MethodHead {
				return "repository:" + repo + ":pull"
			}
			return "repository:" + repo + ":push"
		}
	}
	return ""
}

// serveToken sells tokens.
func (r *Registry) serveToken(w http.ResponseWriter, q *http.Request) {
	if err := q.ParseForm(); err != nil {
		problem(w, http.StatusBadRequest, "INVALID", err.Error())
		return
	}
	user, password, asked := q.BasicAuth()
	known := asked && user == User && password == Password
	if q.Method == http.MethodPost {
		asked, known = true, q.Form.Get("refresh_token") == RefreshToken
	}
	if asked && !known {
		problem(w, http.StatusUnauthorized, "UNAUTHORIZED", "incorrect username or password")
		return
	}
	var scopes []string
	for _, text := range q.Form["scope"] {
		scopes = append(scopes, strings.Fields(text)...)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next++
	token := fmt.Sprint("token", r.next)
	for _, scope := range scopes {
		cut := strings.LastIndex(scope, ":")
		if cut < 0 {
			continue
		}
		for action := range strings.SplitSeq(scope[cut+1:], ",") {
			public := strings.HasPrefix(scope, "repository:public/") && action == "pull"
			if known || public {
				r.tokens[token+" "+scope[:cut+1]+action] = true
			}
		}
	}
	doc := map[string]any{"token": token, "expires_in": 300}
	if known && slices.Contains(q.Form["offline_token"], "true") {
		doc["refresh_token"] = RefreshToken
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(doc)
}

// ForgetTokens makes all tokens that were sold invalid.
func (r *Registry) ForgetTokens() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.tokens)
}
