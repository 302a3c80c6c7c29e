package registrytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// What tokens say of who made them and who they are for.
const (
	tokenIssuer  = "tokens of the test"
	tokenService = "registry of the test"
	tokenLife    = 5 * time.Minute
)

// TokenServer sells tokens that other registries can check: signed documents, as
// https://distribution.github.io/distribution/spec/auth/jwt/ has them.
type TokenServer struct {
	*httptest.Server
	Root []byte // PEM of the certificate that a registry has to trust

	key  *ecdsa.PrivateKey
	leaf []byte // DER

	mu   sync.Mutex
	sold int // guarded by mu
}

// NewTokenServer starts one that the test's end stops.
func NewTokenServer(t testing.TB) *TokenServer {
	t.Helper()
	keyPEM, certPEM := Certificate(t)
	block, _ := pem.Decode(keyPEM)
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	leaf, _ := pem.Decode(certPEM)
	s := &TokenServer{Root: certPEM, key: key, leaf: leaf.Bytes}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

// Certificate makes a key and a certificate that signs itself, for 127.0.0.1.
func Certificate(t testing.TB) (key, cert []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "registrytest"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// Sold is how many tokens were sold.
func (s *TokenServer) Sold() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sold
}

// access is one row of what a token allows.
type access struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

// serve sells a token: everything to the user, reading of "public/…" to all.
func (s *TokenServer) serve(w http.ResponseWriter, q *http.Request) {
	if err := q.ParseForm(); err != nil {
		problem(w, http.StatusBadRequest, "INVALID", err.Error())
		return
	}
	user, password, asked := q.BasicAuth()
	known := user == User && password == Password
	if q.Method == http.MethodPost {
		asked, known = true, q.Form.Get("refresh_token") == RefreshToken
	}
	if asked && !known {
		problem(w, http.StatusUnauthorized, "UNAUTHORIZED", "incorrect username or password")
		return
	}
	rights := []access{}
	for _, scope := range strings.Fields(strings.Join(q.Form["scope"], " ")) {
		kind, rest, _ := strings.Cut(scope, ":")
		cut := strings.LastIndex(rest, ":")
		if cut < 0 {
			continue
		}
		row := access{kind, rest[:cut], strings.Split(rest[cut+1:], ",")}
		if !known {
			row.Actions = slices.DeleteFunc(row.Actions, func(a string) bool { return a != "pull" || !strings.HasPrefix(row.Name, "public/") })
		}
		rights = append(rights, row)
	}
	text, err := s.sign(rights)
	if err != nil {
		problem(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
		return
	}
	doc := map[string]any{"token": text, "access_token": text, "expires_in": int(tokenLife.Seconds())}
	if known && slices.Contains(q.Form["offline_token"], "true") {
		doc["refresh_token"] = RefreshToken
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(doc)
}

// sign makes a token (RFC 7519, signed with ES256).
func (s *TokenServer) sign(rights []access) (string, error) {
	s.mu.Lock()
	s.sold++
	id := s.sold
	s.mu.Unlock()
	now := time.Now()
	header, err := json.Marshal(map[string]any{"typ": "JWT", "alg": "ES256", "x5c": []string{base64.StdEncoding.EncodeToString(s.leaf)}})
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{
		"iss": tokenIssuer, "aud": tokenService, "sub": User, "jti": fmt.Sprint(id), "access": rights,
		"iat": now.Unix(), "nbf": now.Add(-time.Minute).Unix(), "exp": now.Add(tokenLife).Unix(),
	})
	if err != nil {
		return "", err
	}
	enc := base64.RawURLEncoding
	text := enc.EncodeToString(header) + "." + enc.EncodeToString(claims)
	sum := sha256.Sum256([]byte(text))
	r, v, err := ecdsa.Sign(rand.Reader, s.key, sum[:])
	if err != nil {
		return "", err
	}
	signature := append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...)
	return text + "." + enc.EncodeToString(signature), nil
}
