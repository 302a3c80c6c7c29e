package registry

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// Tokens are bought as https://distribution.github.io/distribution/spec/auth/token/
// and …/auth/oauth/ say.

// tokenKey names a token by who may do what with it.
type tokenKey struct{ realm, service, scope, user, secret string }

// token is a bearer token until it ends.
type token struct {
	text string
	ends time.Time
}

// maxTokenBody bounds the answer of a token server.
const maxTokenBody = 1 << 20

// challenge is one WWW-Authenticate of RFC 9110, section 11.6.1.
type challenge struct {
	scheme string // in lower case
	params map[string]string
}

// parseChallenges reads what it understands of headers.
func parseChallenges(headers []string) []challenge {
	var list []challenge
	for _, text := range headers {
		for text = strings.TrimLeft(text, " ,"); text != ""; text = strings.TrimLeft(text, " ,") {
			scheme, rest := word(text)
			if scheme == "" {
				break
			}
			ch := challenge{strings.ToLower(scheme), map[string]string{}}
			text = strings.TrimLeft(rest, " ")
			for {
				name, rest := word(text)
				if name == "" || !strings.HasPrefix(rest, "=") {
					break // the next challenge, or the end
				}
				value, rest, ok := paramValue(rest[1:])
				if !ok {
					return append(list, ch)
				}
				ch.params[strings.ToLower(name)] = value
				text = strings.TrimLeft(rest, " ,")
			}
			list = append(list, ch)
		}
	}
	return list
}

// word parts the token at the beginning of text from the rest.
func word(text string) (string, string) {
	i := strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || strings.ContainsRune(`=,"`, r) || r >= 0x7f })
	if i < 0 {
		i = len(text)
	}
	return text[:i], text[i:]
}

// paramValue parts a value, which may be in quotes, from the rest.
func paramValue(text string) (value, rest string, ok bool) {
	if !strings.HasPrefix(text, `"`) {
		value, rest = word(text)
		return value, rest, true
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return b.String(), text[i+1:], true
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

// userAndPassword of an Auth, which may have them in one string.
func userAndPassword(a Auth) (user, password string) {
	if a.Username != "" || a.Auth == "" {
		return a.Username, a.Password
	}
	text, err := base64.StdEncoding.DecodeString(a.Auth)
	if err != nil {
		return "", ""
	}
	user, password, _ = strings.Cut(string(text), ":")
	return user, strings.TrimRight(password, "\x00")
}

// anonymous tells whether an Auth says nothing of who asks.
func anonymous(a Auth) bool {
	return a.Username == "" && a.Password == "" && a.Auth == "" && a.IdentityToken == "" && a.RegistryToken == ""
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// credentials is what a session can send before it is asked: what has worked.
func (s *Service) credentials(c *session) string {
	if c.auth.RegistryToken != "" {
		return "Bearer " + c.auth.RegistryToken
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.tokens[c.key("", "")]
	if !ok || !t.ends.IsZero() && time.Until(t.ends) < 5*time.Second {
		return ""
	}
	return t.text
}

// tokenEnded tells whether a session had a token that is no good any more.
func (s *Service) tokenEnded(c *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.tokens[c.key("", "")]
	return ok && !t.ends.IsZero() && time.Until(t.ends) < leastLife/2
}

// dropToken forgets the token of a session.
func (s *Service) dropToken(c *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tokens, c.key("", ""))
}

// key is where the answer of a session to the last challenge is kept.
func (c *session) key(realm, service string) tokenKey {
	user, password := userAndPassword(c.auth)
	return tokenKey{realm, service, c.at.String() + " " + c.scope + " " + c.more, user, password + c.auth.IdentityToken}
}

// answerChallenge makes the Authorization for a challenge. known is false when
// there is none that one could answer.
func (s *Service) answerChallenge(ctx context.Context, c *session, headers []string) (header string, known bool, err error) {
	for _, ch := range parseChallenges(headers) {
		var t token
		switch ch.scheme {
		case "basic":
			user, password := userAndPassword(c.auth)
			if user == "" {
				continue
			}
			t = token{text: basic(user, password)}
		case "bearer":
			if t, _, err = s.buy(ctx, c, ch, false); err != nil {
				return "", false, err
			}
			t.text = "Bearer " + t.text
		default:
			continue
		}
		s.keepToken(c, t)
		return t.text, true, nil
	}
	return "", false, nil
}

// maxTokens is how many tokens are kept; one is bought again when it is missing.
const maxTokens = 1024

func (s *Service) keepToken(c *session, t token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tokens) >= maxTokens {
		now := time.Now()
		maps.DeleteFunc(s.tokens, func(_ tokenKey, t token) bool { return !t.ends.IsZero() && t.ends.Before(now) })
	}
	if len(s.tokens) >= maxTokens {
		clear(s.tokens)
	}
	s.tokens[c.key("", "")] = t
}

// bought is the answer of a token server.
type bought struct {
	Token        string `json:"token"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	ExpiresIn    int    `json:"expires_in"` // seconds
}

// buy gets a token, and with offline also what buys further ones.
func (s *Service) buy(ctx context.Context, c *session, ch challenge, offline bool) (token, string, error) {
	realm, err := url.Parse(ch.params["realm"])
	if err != nil || realm.Host == "" || realm.Scheme != "https" && realm.Scheme != "http" {
		return token{}, "", errdefs.Unavailable("registry %s names no usable token server", c.at)
	}
	if realm.Scheme == "http" && !anonymous(c.auth) && !s.insecure.has(realm.Host) {
		return token{}, "", errdefs.Unavailable("registry %s wants credentials to be sent to %s without encryption; name it with --insecure-registry to allow that", c.at, realm.Host)
	}
	form := url.Values{}
	if service := ch.params["service"]; service != "" {
		form.Set("service", service)
	}
	for _, scope := range []string{c.scope, c.more} {
		if scope != "" {
			form.Add("scope", scope)
		}
	}
	for _, scope := range strings.Fields(ch.params["scope"]) { // registries may know a repository by another name
		what := scope[:strings.LastIndex(scope, ":")+1]
		if !strings.HasPrefix(c.scope, what) && !strings.HasPrefix(c.more, what) && len(form["scope"]) < maxScopes {
			form.Add("scope", scope)
		}
	}
	client, err := s.client(endpoint{base: url.URL{Scheme: realm.Scheme, Host: realm.Host}, trust: s.insecure.has(realm.Host)})
	if err != nil {
		return token{}, "", err
	}
	seller := &session{s: s, at: endpoint{base: url.URL{Scheme: realm.Scheme, Host: realm.Host}}, http: client, auth: c.auth, resource: c.resource}
	resp, err := seller.send(ctx, tokenRequest(realm, form, c.auth, offline), tokenCredentials(c.auth))
	for try, wait := 1, s.opt.Backoff; try < tries && (err == nil && passing(resp.StatusCode) || err != nil && worthRetrying(err)); try, wait = try+1, 2*wait {
		if err == nil {
			wait = max(wait, retryAfter(resp))
			resp.Body.Close()
		}
		select {
		case <-time.After(min(wait, maxRetryWait)):
		case <-ctx.Done():
			return token{}, "", context.Cause(ctx)
		}
		resp, err = seller.send(ctx, tokenRequest(realm, form, c.auth, offline), tokenCredentials(c.auth))
	}
	if err != nil {
		return token{}, "", err
	}
	if resp.StatusCode >= 400 {
		err := seller.failure(resp)
		if resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden {
			if anonymous(c.auth) {
				return token{}, "", err
			}
			return token{}, "", errdefs.Unauthorized("unauthorized: the token server of %s does not accept the credentials: %w", c.at, err)
		}
		return token{}, "", err
	}
	text, err := readAll(resp, maxTokenBody, "the answer of the token server of "+c.at.String())
	if err != nil {
		return token{}, "", err
	}
	return readToken(text, c)
}

// tokenCredentials is who asks a token server with GET.
func tokenCredentials(a Auth) string {
	if user, password := userAndPassword(a); user != "" && a.IdentityToken == "" {
		return basic(user, password)
	}
	return ""
}

// tokenRequest asks for a token: with POST when an identity token pays for it.
func tokenRequest(realm *url.URL, form url.Values, a Auth, offline bool) request {
	if a.IdentityToken != "" {
		post := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.IdentityToken}, "client_id": {"docker"}, "service": form["service"]}
		post.Set("scope", strings.Join(form["scope"], " "))
		return request{
			method: http.MethodPost, url: realm.String(), body: []byte(post.Encode()),
			header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		}
	}
	query := realm.Query()
	for key, values := range form {
		query[key] = values
	}
	if user, _ := userAndPassword(a); user != "" {
		query.Set("account", user)
	}
	if offline {
		query.Set("offline_token", "true")
		query.Set("client_id", "docker")
	}
	at := *realm
	at.RawQuery = query.Encode()
	return request{method: http.MethodGet, url: at.String()}
}

// maxScopes is how many rights a token is asked for.
const maxScopes = 4

// leastLife is how long a token lives when its server does not say so, or says
// less (the token specification).
const leastLife = time.Minute

func readToken(text []byte, c *session) (token, string, error) {
	var doc bought
	if err := json.Unmarshal(text, &doc); err != nil {
		return token{}, "", errdefs.Unavailable("reading the answer of the token server of %s: %w", c.at, err)
	}
	if doc.Token == "" {
		doc.Token = doc.AccessToken
	}
	if doc.Token == "" || strings.ContainsAny(doc.Token, "\r\n") {
		return token{}, "", errdefs.Unavailable("the token server of %s gives no token: %w", c.at, errors.New("the answer has none"))
	}
	life := max(leastLife, time.Duration(min(doc.ExpiresIn, 86400))*time.Second)
	return token{text: doc.Token, ends: time.Now().Add(life)}, doc.RefreshToken, nil
}
