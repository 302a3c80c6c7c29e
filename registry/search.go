package registry

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/filters"
	"github.com/enginejobs/docker/pkg/reference"
)

// Limits of a search.
const (
	searchDefault = 25
	searchMost    = 100
)

// searchDeclaration is the job search.
func (s *Service) searchDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "search", Summary: "Search a registry for repositories.",
		Args: []engine.Arg{{Name: "TERM", Summary: "what to look for; HOST/TERM asks another registry than the default one"}},
		Env: []engine.Key{
			{Name: "authConfig", Type: engine.JSON, Secret: true, Summary: "who asks"},
			{Name: "filters", Type: engine.JSON, Summary: "is-automated, is-official, stars"},
			{Name: "limit", Type: engine.Int, Summary: "at most so many, up to 100; 0: 25"},
			{Name: "metaHeaders", Type: engine.JSON, Summary: "accepted and not sent"},
		},
		Stdout: engine.JSONDocument, Handler: s.jobSearch,
	}
}

// jobSearch searches a registry.
//
// Usage:  search TERM
// Env:    authConfig, filters, limit, metaHeaders.
// Stdout: JSON list of api.SearchResult.
// Errors: InvalidArgument (limit, filters), Unavailable (the registry).
func (s *Service) jobSearch(job *engine.Job) error {
	var auth Auth
	if err := job.GetenvJson("authConfig", &auth); err != nil {
		return err
	}
	keep, err := searchFilter(job.Getenv("filters"))
	if err != nil {
		return err
	}
	found, err := s.Search(job.Context(), job.Args[0], job.GetenvInt("limit"), auth)
	if err != nil {
		return err
	}
	list := make([]SearchResult, 0, len(found))
	for _, row := range found {
		if keep(row) {
			list = append(list, row)
		}
	}
	return job.WriteJSON(list)
}

// Search asks the registry of a term. What has most stars comes first.
func (s *Service) Search(ctx context.Context, term string, limit int, a Auth) ([]SearchResult, error) {
	if limit == 0 {
		limit = searchDefault
	}
	if limit < 1 || limit > searchMost {
		return nil, errdefs.InvalidArgument("limit %d is outside the range of [1, %d]", limit, searchMost)
	}
	domain, rest := defaultDomain, term
	if host, after, ok := strings.Cut(term, "/"); ok && (strings.ContainsAny(host, ".:") || host == "localhost") {
		domain, rest = host, after
	}
	rest = strings.TrimPrefix(rest, "library/")
	if rest == "" {
		return nil, errdefs.InvalidArgument("a search needs a term")
	}
	list := s.endpoints(ctx, domain, true)
	if domain == defaultDomain || domain == "index.docker.io" {
		list = []endpoint{{base: url.URL{Scheme: "https", Host: "index.docker.io"}}}
	}
	var failures []error
	for _, at := range list {
		found, err := s.searchAt(ctx, at, rest, limit, a)
		if err == nil {
			return found, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		failures = append(failures, err)
	}
	return nil, first(failures)
}

func (s *Service) searchAt(ctx context.Context, at endpoint, term string, limit int, a Auth) ([]SearchResult, error) {
	c, err := s.session(at, a, reference.Ref{}, false)
	if err != nil {
		return nil, err
	}
	c.resource = "search " + term
	header := http.Header{"X-Docker-Token": {"true"}}
	if user, password := userAndPassword(a); user != "" {
		header.Set("Authorization", basic(user, password))
	}
	var found []SearchResult
	for page := 1; page <= limit; page++ {
		query := url.Values{"q": {term}, "n": {strconv.Itoa(limit)}}
		if page > 1 {
			query.Set("page", strconv.Itoa(page))
		}
		resp, err := c.do(ctx, request{method: http.MethodGet, url: "/v1/search?" + query.Encode(), header: header})
		if err != nil {
			return nil, err
		}
		text, err := readAll(resp, maxListBody, "what the search found")
		if err != nil {
			return nil, err
		}
		var doc struct {
			Pages   int            `json:"num_pages"`
			Results []SearchResult `json:"results"`
		}
		if err := json.Unmarshal(text, &doc); err != nil {
			return nil, errdefs.Unavailable("reading what registry %s has found: %w", at, err)
		}
		found = append(found, doc.Results...)
		if len(found) >= limit || len(doc.Results) == 0 || page >= doc.Pages {
			break
		}
	}
	found = found[:min(limit, len(found))]
	slices.SortStableFunc(found, func(a, b SearchResult) int { return b.StarCount - a.StarCount })
	return found, nil
}

// searchFilter reads the filters of a search.
func searchFilter(text string) (func(SearchResult) bool, error) {
	found, err := filters.Parse(text, "is-automated", "is-official", "stars")
	if err != nil {
		return nil, err
	}
	var tests []func(SearchResult) bool
	for key, values := range found {
		for _, value := range values {
			want, berr := strconv.ParseBool(value)
			switch key {
			case "is-automated":
				err = berr
				tests = append(tests, func(r SearchResult) bool { return r.IsAutomated == want })
			case "is-official":
				err = berr
				tests = append(tests, func(r SearchResult) bool { return r.IsOfficial == want })
			case "stars":
				stars, serr := strconv.Atoi(value)
				err = serr
				tests = append(tests, func(r SearchResult) bool { return r.StarCount >= stars })
			}
			if err != nil {
				return nil, errdefs.InvalidArgument("invalid filter '%s=%s'", key, value)
			}
		}
	}
	return func(r SearchResult) bool {
		for _, ok := range tests {
			if !ok(r) {
				return false
			}
		}
		return true
	}, nil
}
