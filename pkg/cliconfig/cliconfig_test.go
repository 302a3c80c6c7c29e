package cliconfig

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func load(t *testing.T, dir, home string) *File {
	t.Helper()
	f, err := Load(dir, home)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestStoreGetErase(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", ".docker")
	f := load(t, dir, dir)
	for _, a := range []Auth{{Username: "u", Password: "p:q", Server: "reg.example:5000"}, {Username: "h", IdentityToken: "id", Server: DefaultServer}} {
		if plain, err := f.Store(t.Context(), a); err != nil || !plain {
			t.Fatal(plain, err)
		}
	}
	f = load(t, dir, dir)
	for server, want := range map[string]Auth{
		"reg.example:5000":            {Username: "u", Password: "p:q", Server: "reg.example:5000"},
		"https://reg.example:5000/v1": {Username: "u", Password: "p:q", Server: "reg.example:5000"},
		"docker.io":                   {Username: "h", IdentityToken: "id", Server: DefaultServer},
		"other":                       {Server: "other"},
	} {
		if got, err := f.Get(t.Context(), server); err != nil || got != want {
			t.Errorf("%s: %+v %v", server, got, err)
		}
	}
	if info, err := os.Stat(f.Path()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if known, err := f.Erase(t.Context(), "reg.example:5000"); err != nil || !known {
		t.Error(known, err)
	}
	if known, err := f.Erase(t.Context(), "reg.example:5000"); err != nil || known {
		t.Error(known, err)
	}
	if all, err := load(t, dir, dir).All(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("%v %v", all, err)
	}
}

// What is not understood stays, and a link stays a link.
func TestUnknownMembersStay(t *testing.T) {
	dir, real := t.TempDir(), filepath.Join(t.TempDir(), "real.json")
	if err := os.WriteFile(real, []byte(`{"psFormat":"x","auths":null,"HttpHeaders":{"A":"b"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, filepath.Join(dir, "config.json")); err != nil {
		t.Fatal(err)
	}
	f := load(t, dir, dir)
	if f.Headers()["A"] != "b" {
		t.Error(f.Headers())
	}
	if _, err := f.Store(t.Context(), Auth{Username: "u", Password: "p", Server: "r"}); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(real)
	var doc map[string]any
	if err != nil || json.Unmarshal(raw, &doc) != nil || doc["psFormat"] != "x" || doc["auths"] == nil {
		t.Errorf("%s %v", raw, err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(real), ".config-*")); len(left) > 0 {
		t.Error(left)
	}
}

func TestClassic(t *testing.T) {
	for text, want := range map[string]Auth{
		`{"https://index.docker.io/v1/":{"auth":"dTpw","email":"e"}}`: {Username: "u", Password: "p", Email: "e", Server: DefaultServer},
		"auth = dTpw\nemail = e\n":                                    {Username: "u", Password: "p", Email: "e", Server: DefaultServer},
	} {
		dir, home := t.TempDir(), t.TempDir()
		if err := os.WriteFile(filepath.Join(home, ".dockercfg"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f := load(t, dir, home)
		if got, err := f.Get(t.Context(), DefaultServer); err != nil || got != want {
			t.Errorf("%q: %+v %v", text, got, err)
		}
		if _, err := f.Store(t.Context(), Auth{Username: "x", Password: "y", Server: "r"}); err != nil {
			t.Fatal(err)
		}
		if all, err := load(t, dir, t.TempDir()).All(t.Context()); err != nil || len(all) != 2 {
			t.Errorf("after a change %v %v", all, err)
		}
	}
}

func TestBadFiles(t *testing.T) {
	for _, text := range []string{"{", "[]", `{"auths":3}`, `{"credsStore":{}}`} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(dir, dir); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"auths":{"r":{"auth":"!"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := load(t, dir, dir).Get(t.Context(), "r"); err == nil || strings.Contains(err.Error(), "!") {
		t.Error(err)
	}
}

// helper is a program that keeps one secret in a file.
const helper = `#!/bin/sh
case $1 in
store) cat >"$KEEP" ;;
get) cat >/dev/null; if [ -s "$KEEP" ]; then cat "$KEEP"; else echo "credentials not found in native keychain"; exit 1; fi ;;
erase) cat >/dev/null; rm -f "$KEEP" ;;
*) exit 1 ;;
esac
`

func TestHelper(t *testing.T) {
	bin, dir := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "docker-credential-test"), []byte(helper), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("KEEP", filepath.Join(bin, "secret"))
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"credHelpers":{"r.example":"test","gone.example":"missing"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	f := load(t, dir, dir)
	if a, err := f.Get(t.Context(), "r.example"); err != nil || !a.IsZero() {
		t.Errorf("%+v %v", a, err)
	}
	if plain, err := f.Store(t.Context(), Auth{Username: "u", Password: "topsecret", Server: "r.example"}); err != nil || plain {
		t.Fatal(plain, err)
	}
	if a, err := f.Get(t.Context(), "r.example"); err != nil || a.Password != "topsecret" {
		t.Errorf("%+v %v", a, err)
	}
	if raw, err := os.ReadFile(f.Path()); err != nil || strings.Contains(string(raw), "topsecret") {
		t.Errorf("%s %v", raw, err)
	}
	if _, err := f.Erase(t.Context(), "r.example"); err != nil {
		t.Error(err)
	}
	if a, err := f.Get(t.Context(), "r.example"); err != nil || !a.IsZero() {
		t.Errorf("%+v %v", a, err)
	}
	if _, err := f.Get(t.Context(), "gone.example"); err == nil || !strings.Contains(err.Error(), "docker-credential-missing") {
		t.Error(err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(`{"auths":{"r":{"auth":"dTpw"}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if file, err := Load(dir, dir); err == nil && file.store == "" && len(file.helpers) == 0 {
			_, _ = file.All(t.Context())
		}
	})
}
