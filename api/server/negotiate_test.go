package server

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// Only docker-compose 1 is told of an older version than there is.
func TestDockerComposeOneIsToldOfAVersionThatItCanSpeak(t *testing.T) {
	b := newBench(t)
	b.fake("version", `{"Version":"1","ApiVersion":"1.55"}`)
	for agent, want := range map[string]string{
		"docker-compose/1.29.2 docker-py/5.0.3 Linux/6.1":  `"ApiVersion":"1.44"`,
		"docker-compose/1.6.2 docker-py/1.7.2 Linux/3.13":  `"ApiVersion":"1.44"`,
		"docker-compose/2.40.3":                            `"ApiVersion":"1.55"`,
		"compose/5.6.0 (linux)":                            `"ApiVersion":"1.55"`,
		"docker-sdk-python/5.0.3":                          `"ApiVersion":"1.55"`,
		"Docker-Client/28.2.2 (linux) docker-compose/1.29": `"ApiVersion":"1.55"`,
		"": `"ApiVersion":"1.55"`,
	} {
		r := httptest.NewRequest("GET", "/version", nil)
		r.Header.Set("User-Agent", agent)
		w := httptest.NewRecorder()
		b.srv.Handler("").ServeHTTP(w, r)
		if w.Code != 200 || !strings.Contains(w.Body.String(), want) || !strings.Contains(w.Body.String(), `"Version":"1"`) {
			t.Errorf("%q: %d %s", agent, w.Code, w.Body)
		}
	}
}
