package registry

import (
	"fmt"
	"strings"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/registry/registrytest"
)

// The same with a registry that others have made.
func TestDebianRegistry(t *testing.T) {
	for _, opt := range []registrytest.Options{{}, {TLS: true}, {Auth: "basic", TLS: true}, {Auth: "token"}, {Auth: "token", TLS: true}} {
		t.Run(fmt.Sprintf("%+v", opt), func(t *testing.T) {
			peer := registrytest.Debian(t, opt)
			roundTrip(t, peer.Host)
			s := service(t, Options{})
			good := tester
			good.ServerAddress = peer.Host
			if status, _, err := s.Login(t.Context(), good); err != nil || status != "Login Succeeded" {
				t.Errorf("login: %q %v", status, err)
			}
			if opt.Auth == "" {
				return
			}
			good.Password = "wrong"
			if _, _, err := s.Login(t.Context(), good); !errdefs.Is(err, errdefs.KindUnauthorized) {
				t.Errorf("login with a wrong password: %v", err)
			}
			_, err := open(t, s, peer.Host+"/a/b", Auth{}, false).Manifest(t.Context(), "v1")
			if !errdefs.IsNotFound(err) || !strings.Contains(err.Error(), "pull access denied for "+peer.Host+"/a/b, repository does not exist or may require 'docker login'") {
				t.Errorf("anonymous: %v", err)
			}
			if _, err := open(t, s, peer.Host+"/a/b", Auth{}, true).Upload(t.Context()); !errdefs.Is(err, errdefs.KindUnauthorized) {
				t.Errorf("anonymous push: %v", err)
			}
		})
	}
}
