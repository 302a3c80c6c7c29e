package registry

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/reference"
)

// Open finds the registry of a name. Mirrors come first when nothing is to be
// pushed; what one of them cannot give is asked for at the next, and the registry
// is not asked as long as a mirror gives all. A registry that speaks only the
// protocol v1 is ErrNoV2.
func (s *Service) Open(ctx context.Context, name reference.Ref, a Auth, push bool) (Repository, error) {
	var all []*repository
	for _, at := range s.candidates(ctx, name.Domain, push) {
		user := a
		if at.mirror {
			user = Auth{} // credentials are for the registry, not for who stands before it
		}
		c, err := s.session(at, user, name, push)
		if err != nil {
			return nil, err
		}
		all = append(all, &repository{session: c, path: name.Path})
	}
	if len(all) > 1 && all[0].at.mirror {
		return newMirrored(all), nil
	}
	var failures []error
	for _, r := range all {
		err := s.ping(ctx, r.session, name.Domain)
		if err == nil {
			return r, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		failures = append(failures, err)
	}
	return nil, first(failures)
}

// first is the error to show of those of several addresses: an answer is worth
// more than none.
func first(failures []error) error {
	if len(failures) == 0 {
		return errdefs.NotFound("the name leads to no registry")
	}
	for _, err := range failures {
		if errors.Is(err, ErrNoV2) {
			return err
		}
	}
	for _, err := range failures {
		if !errdefs.Is(err, errdefs.KindUnavailable) {
			return err
		}
	}
	return failures[0]
}

// candidates are the endpoints of a domain, the one that has answered before
// in the place of the others.
func (s *Service) candidates(ctx context.Context, domain string, push bool) []endpoint {
	s.mu.Lock()
	at, ok := s.known[domain]
	s.mu.Unlock()
	if ok && domain != defaultDomain { // which alone has mirrors
		return []endpoint{at}
	}
	list := s.endpoints(ctx, domain, push)
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []endpoint
	for _, e := range list {
		if e.mirror && time.Now().After(s.resting[e]) || !e.mirror && !ok {
			out = append(out, e)
		}
	}
	if ok {
		out = append(out, at)
	}
	return out
}

// mirrorRest is how long a mirror that did not answer is left alone.
const mirrorRest = 30 * time.Second

func (s *Service) rest(at endpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resting[at] = time.Now().Add(mirrorRest)
}

// forget that an endpoint has answered: the next Open tries all of the domain.
func (s *Service) forget(at endpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for domain, known := range s.known {
		if known == at {
			delete(s.known, domain)
		}
	}
}

func (s *Service) session(at endpoint, a Auth, name reference.Ref, push bool) (*session, error) {
	client, err := s.client(at)
	if err != nil {
		return nil, err
	}
	actions := "pull"
	if push {
		actions = "pull,push"
	}
	c := &session{s: s, at: at, http: client, auth: a, resource: name.FamiliarName()}
	if name.Path != "" {
		c.scope = "repository:" + name.Path + ":" + actions
	}
	return c, nil
}

// knock asks for the first page of the protocol, whatever the status. It is
// patient with who answers badly, not with who does not: another address may.
func (c *session) knock(ctx context.Context) (*http.Response, error) {
	for try, wait := 1, c.s.opt.Backoff; ; try, wait = try+1, min(2*wait, maxBackoff) {
		resp, err := c.send(ctx, request{method: http.MethodGet, url: "/v2/"}, "")
		if try == c.tries() || err != nil && (!worthRetrying(err) || c.at.trust || unreached(err)) || err == nil && !passing(resp.StatusCode) {
			return resp, err
		}
		pause := wait
		if err == nil {
			pause = max(wait, retryAfter(resp))
			if pause > maxRetryWait {
				return resp, nil
			}
			resp.Body.Close()
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// unreached tells whether there was nobody to talk to.
func unreached(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// ping finds out whether an endpoint speaks the protocol. It is skipped for one
// that has been seen to.
func (s *Service) ping(ctx context.Context, c *session, domain string) error {
	if c.at.mirror {
		domain = c.at.String()
	}
	s.mu.Lock()
	at, ok := s.known[domain]
	s.mu.Unlock()
	if ok && at == c.at {
		return nil
	}
	resp, err := c.knock(ctx)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	v2 := resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusUnauthorized
	for _, text := range resp.Header.Values("Docker-Distribution-Api-Version") {
		v2 = v2 || strings.Contains(text, "registry/2.0")
	}
	if resp.StatusCode >= 500 {
		return c.errorOf(resp.StatusCode, resp.Status)
	}
	if !v2 {
		return errdefs.NotImplemented("registry %s: %w", c.at, ErrNoV2)
	}
	s.mu.Lock()
	s.known[domain] = c.at
	s.mu.Unlock()
	return nil
}
