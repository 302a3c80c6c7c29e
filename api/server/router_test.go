package server

import (
	"strings"
	"testing"
)

func TestRouter(t *testing.T) {
	r := newRouter(routes())
	for request, want := range map[string]string{
		"GET /_ping":                              "/_ping",
		"HEAD /_ping":                             "/_ping",
		"GET /containers/json":                    "/containers/json",
		"GET /containers/web/json":                "/containers/{name:.+}/json web",
		"GET /containers/a/b/json":                "/containers/{name:.+}/json a/b",
		"GET /containers/json/json":               "/containers/{name:.+}/json json",
		"GET /images/reg.io:5000/a/b/json":        "/images/{name:.+}/json reg.io:5000/a/b",
		"GET /images/a@sha256:00/get":             "/images/{name:.+}/get a@sha256:00",
		"DELETE /images/reg/a/json":               "/images/{name:.+} reg/a/json",
		"POST /containers/w ü%/start":             "/containers/{name:.+}/start w ü%",
		"GET /containers//json":                   "",
		"GET /containers/json/":                   "",
		"GET /containers/web":                     "",
		"GET /containers/a\nb/json":               "",
		"POST /containers/web/json":               "",
		"get /_ping":                              "",
		"GET _ping":                               "",
		"GET ":                                    "",
		"GET /images/" + strings.Repeat("/", 999): "",
	} {
		method, path, _ := strings.Cut(request, " ")
		row, vars := r.find(method, path)
		got := ""
		if row != nil {
			got = row.path
			for _, value := range vars {
				got += " " + value
			}
		}
		if got != want {
			t.Errorf("%q leads to %q, want %q", request, got, want)
		}
	}
}

// Every row has a form that the router knows, and is found by it.
func TestRouterFindsEveryRow(t *testing.T) {
	table := routes()
	r := newRouter(table)
	for i := range table {
		row := &table[i]
		path := strings.Replace(row.path, "{name:.+}", "some-name", 1)
		if strings.ContainsAny(path, "{}") {
			t.Errorf("%s: the router knows {name:.+} only", row.path)
			continue
		}
		found, vars := r.find(row.method, path)
		if found != row || path != row.path && vars["name"] != "some-name" {
			t.Errorf("%s %s leads to %+v with %v", row.method, path, found, vars)
		}
	}
}
