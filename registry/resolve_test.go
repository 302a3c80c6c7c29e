package registry

import (
	"strings"
	"testing"

	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
)

func TestJobsResolve(t *testing.T) {
	s := service(t, Options{Mirrors: []string{"https://m.example/"}, Insecure: []string{"plain.example:5000", "10.0.0.0/8"}})
	eng := enginetest.New(t)
	if err := s.Install(eng); err != nil {
		t.Fatal(err)
	}
	hub := `{"Name":"docker.io","Mirrors":["https://m.example/"],"Secure":true,"Official":true}`
	plain := `{"Name":"plain.example:5000","Mirrors":[],"Secure":false,"Official":false}`
	for _, tc := range [][3]string{
		{"resolve_repository", "ubuntu", `{"repository":{"Index":` + hub + `,"RemoteName":"library/ubuntu","LocalName":"ubuntu","CanonicalName":"docker.io/ubuntu","Official":true}}`},
		{"resolve_repository", "me/app", `{"repository":{"Index":` + hub + `,"RemoteName":"me/app","LocalName":"me/app","CanonicalName":"docker.io/me/app","Official":false}}`},
		{"resolve_repository", "plain.example:5000/a/b", `{"repository":{"Index":` + plain + `,"RemoteName":"a/b","LocalName":"plain.example:5000/a/b","CanonicalName":"plain.example:5000/a/b","Official":false}}`},
		{"resolve_index", "docker.io", `{"index":` + hub + `}`},
		{"resolve_index", "index.docker.io", `{"index":` + hub + `}`},
		{"resolve_index", "plain.example:5000", `{"index":` + plain + `}`},
		{"resolve_index", "r.example", `{"index":{"Name":"r.example","Mirrors":[],"Secure":true,"Official":false}}`},
		{"registry_config", "", `{"config":{"InsecureRegistryCIDRs":["127.0.0.0/8","::1/128","10.0.0.0/8"],"IndexConfigs":{"docker.io":` + hub + `,"plain.example:5000":` + plain + `},"Mirrors":["https://m.example/"]}}`},
	} {
		args := []string{tc[1]}
		if tc[1] == "" {
			args = nil
		}
		if got := enginetest.Run(eng.Job(tc[0], args...)); got.Err != nil || strings.TrimSpace(got.Stdout) != tc[2] {
			t.Errorf("%s %s: %+v", tc[0], tc[1], got)
		}
	}
	for _, job := range [][]string{{"resolve_repository", "UP"}, {"resolve_index", "a b"}} {
		if got := enginetest.Run(eng.Job(job[0], job[1])); !errdefs.Is(got.Err, errdefs.KindInvalidArgument) {
			t.Errorf("%q: %+v", job, got)
		}
	}
}
