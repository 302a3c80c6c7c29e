package registry

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/reference"
)

// Install puts the jobs of the registries on the engine.
func (s *Service) Install(eng *engine.Engine) error {
	return eng.Declare(
		s.authDeclaration(), s.searchDeclaration(),
		s.registryConfigDeclaration(), s.resolveIndexDeclaration(), s.resolveRepositoryDeclaration(),
	)
}

// authDeclaration is the job auth.
func (s *Service) authDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "auth", Summary: "Find out whether a registry accepts credentials.",
		Env: []engine.Key{
			{Name: "authConfig", Type: engine.JSON, Secret: true, Summary: "username, password, email, serveraddress, identitytoken"},
			{Name: "json", Type: engine.Bool, Summary: "answer with an api.AuthResponse instead of a line"},
		},
		Stdout: engine.Bytes, Handler: s.jobAuth,
	}
}

// jobAuth logs in. Nothing is kept: whoever asks sends the credentials again.
//
// Usage:  auth
// Env:    authConfig, json.
// Stdout: the status in words, or one api.AuthResponse.
// Errors: Unauthorized (the registry refuses), Unavailable (it does not answer), InvalidArgument (its address).
func (s *Service) jobAuth(job *engine.Job) error {
	var auth Auth
	if err := job.GetenvJson("authConfig", &auth); err != nil {
		return err
	}
	status, identity, err := s.Login(job.Context(), auth)
	if err != nil {
		return err
	}
	if job.GetenvBool("json") {
		return job.WriteJSON(api.AuthResponse{Status: status, IdentityToken: identity})
	}
	_, err = io.WriteString(job.Stdout, status+"\n")
	return err
}

// Login asks a registry whether it accepts credentials. identity is what buys
// tokens from then on in place of the password, where the registry has it.
func (s *Service) Login(ctx context.Context, a Auth) (status, identity string, err error) {
	domain := hostOf(a.ServerAddress)
	if domain == "" || strings.ContainsAny(domain, " \t\r\n@?#") {
		return "", "", errdefs.InvalidArgument("%q is not the address of a registry", a.ServerAddress)
	}
	var failures []error
	for _, at := range s.endpoints(ctx, domain, true) {
		c, err := s.session(at, a, reference.Ref{}, false)
		if err != nil {
			return "", "", err
		}
		c.resource = "login"
		identity, err := s.loginAt(ctx, c)
		if err == nil {
			return "Login Succeeded", identity, nil
		}
		if ctx.Err() != nil {
			return "", "", context.Cause(ctx)
		}
		if errdefs.Is(err, errdefs.KindUnauthorized) {
			return "", "", err
		}
		failures = append(failures, err)
	}
	return "", "", first(failures)
}

// loginAt tries credentials at one endpoint.
func (s *Service) loginAt(ctx context.Context, c *session) (identity string, err error) {
	resp, err := c.knock(ctx)
	if err != nil {
		return "", err
	}
	resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound {
		return "", s.loginV1(ctx, c)
	}
	if resp.StatusCode != http.StatusUnauthorized {
		if resp.StatusCode < 400 {
			return "", nil // it asks nobody who he is
		}
		return "", c.errorOf(resp.StatusCode, resp.Status)
	}
	for _, ch := range parseChallenges(resp.Header.Values("WWW-Authenticate")) {
		header := ""
		switch ch.scheme {
		case "basic":
			header = basic(userAndPassword(c.auth))
		case "bearer":
			t, refresh, err := s.buy(ctx, c, ch, true)
			if err != nil {
				return "", err
			}
			header, identity = "Bearer "+t.text, refresh
		default:
			continue
		}
		if resp, err = c.send(ctx, request{method: http.MethodGet, url: "/v2/"}, header); err != nil {
			return "", err
		}
		if resp.StatusCode < 400 {
			resp.Body.Close()
			return identity, nil
		}
		if err := c.failure(resp); resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusForbidden {
			return "", err
		}
		return "", wrongLogin()
	}
	return "", errdefs.Unavailable("registry %s does not say how it wants to know who asks", c.at)
}

func wrongLogin() error {
	return errdefs.Unauthorized("unauthorized: incorrect username or password")
}

// loginV1 tries credentials at a registry of v1.
func (s *Service) loginV1(ctx context.Context, c *session) error {
	resp, err := c.send(ctx, request{method: http.MethodGet, url: "/v1/users/"}, basic(userAndPassword(c.auth)))
	if err != nil {
		return err
	}
	resp.Body.Close()
	switch {
	case resp.StatusCode < 400:
		return nil
	case resp.StatusCode == http.StatusUnauthorized:
		return errdefs.Unauthorized("Wrong login/password, please try again")
	case resp.StatusCode == http.StatusForbidden:
		return errdefs.Unauthorized("Login: Account is not Active. Please see the documentation of the registry %s for instructions how to activate it.", c.at)
	}
	return c.errorOf(resp.StatusCode, resp.Status)
}

// hostOf is the registry that an address in credentials means.
func hostOf(address string) string {
	host := address
	if _, rest, ok := strings.Cut(address, "://"); ok {
		host = rest
	}
	host, _, _ = strings.Cut(host, "/")
	switch host {
	case "", "index.docker.io", defaultHost:
		return defaultDomain
	}
	return host
}
