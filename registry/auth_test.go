package registry

import (
	"strings"
	"testing"

	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/registry/registrytest"
)

func TestLogin(t *testing.T) {
	for _, opt := range []registrytest.Options{{}, {Auth: "basic"}, {Auth: "token"}, {Auth: "token", TLS: true}} {
		peer := registrytest.New(t, opt)
		s := service(t, Options{})
		good := tester
		good.ServerAddress = peer.Host()
		status, identity, err := s.Login(t.Context(), good)
		if err != nil || status != "Login Succeeded" || (identity != "") != (opt.Auth == "token") {
			t.Errorf("%+v: %q %q %v", opt, status, identity, err)
		}
		bad := good
		bad.Password = "wrong"
		if _, _, err := s.Login(t.Context(), bad); opt.Auth != "" && !errdefs.Is(err, errdefs.KindUnauthorized) {
			t.Errorf("%+v: a wrong password: %v", opt, err)
		}
	}
	if _, _, err := service(t, Options{}).Login(t.Context(), Auth{ServerAddress: "a b"}); !errdefs.Is(err, errdefs.KindInvalidArgument) {
		t.Error(err)
	}
}

func TestJobAuth(t *testing.T) {
	peer := registrytest.New(t, registrytest.Options{Auth: "token"})
	eng := enginetest.New(t)
	if err := service(t, Options{}).Install(eng); err != nil {
		t.Fatal(err)
	}
	auth := func(password string, asJSON bool) enginetest.Result {
		job := eng.Job("auth")
		if err := job.SetenvJson("authConfig", Auth{Username: registrytest.User, Password: password, ServerAddress: peer.URL + "/v1/"}); err != nil {
			t.Fatal(err)
		}
		job.SetenvBool("json", asJSON)
		return enginetest.Run(job)
	}
	if got := auth(registrytest.Password, false); got.Err != nil || got.Stdout != "Login Succeeded\n" {
		t.Errorf("%+v", got)
	}
	if got := auth(registrytest.Password, true); got.Err != nil || !strings.Contains(got.Stdout, registrytest.RefreshToken) {
		t.Errorf("%+v", got)
	}
	if got := auth("wrong", false); !errdefs.Is(got.Err, errdefs.KindUnauthorized) || got.Stdout != "" || strings.Contains(got.Err.Error(), "wrong") {
		t.Errorf("%+v", got)
	}
}

// A registry of v1 knows users, too.
func TestLoginV1(t *testing.T) {
	for status, want := range map[int]string{
		200: "", 401: "Wrong login/password, please try again", 403: "Account is not Active",
	} {
		peer := registrytest.New(t, registrytest.Options{V1: true})
		peer.Fail(registrytest.Fault{Path: "/v1/users/", Status: status})
		good := tester
		good.ServerAddress = peer.Host()
		_, _, err := service(t, Options{}).Login(t.Context(), good)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%d: %v", status, err)
		}
	}
}
