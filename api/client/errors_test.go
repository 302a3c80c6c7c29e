package client

import (
	"errors"
	"net"
	"strings"
	"testing"
)

// The advice about TLS is for daemons that answer strangely, not for names that
// nobody knows.
func TestDialErrorAdvice(t *testing.T) {
	c := &httpClient{endpoint: endpoint{proto: "tcp", addr: "nohost:1"}}
	lookup := &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "nohost"}}
	if err := dialError(c, lookup); strings.Contains(err.Error(), "TLS") || !strings.Contains(err.Error(), "nohost") {
		t.Errorf("got %v", err)
	}
	if err := dialError(c, errors.New("malformed HTTP response")); !strings.Contains(err.Error(), "without TLS?") {
		t.Errorf("got %v", err)
	}
}
