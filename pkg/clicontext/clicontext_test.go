package clicontext_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/clicontext"
)

func TestStore(t *testing.T) {
	dir := t.TempDir()
	s := clicontext.New(dir)
	if list, err := s.List(); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	one := clicontext.Context{Name: "one", Description: "first", Host: "tcp://a:1", SkipVerify: true}
	keys := clicontext.TLS{CA: []byte("ca"), Key: []byte("key")}
	if err := s.Save(one, &keys); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(clicontext.Context{Name: "a.b", Host: "ssh://x"}, nil); err != nil {
		t.Fatal(err)
	}
	got, err := s.Get("one")
	if err != nil || got.Host != one.Host || got.Description != one.Description || !got.SkipVerify {
		t.Errorf("%+v, %v", got, err)
	}
	if read, err := s.TLS("one"); err != nil || !reflect.DeepEqual(read, keys) {
		t.Errorf("%+v, %v", read, err)
	}
	list, err := s.List()
	if err != nil || len(list) != 2 || list[0].Name != "a.b" || list[1].Name != "one" {
		t.Errorf("%v, %v", list, err)
	}
	if info, err := os.Stat(filepath.Join(s.TLSPath("one"), "docker", "key.pem")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key: %v, %v", info, err)
	}
	if err := s.Save(got, &clicontext.TLS{}); err != nil {
		t.Error(err)
	}
	if read, err := s.TLS("one"); err != nil || !read.IsZero() {
		t.Errorf("%+v, %v", read, err)
	}
	if err := s.Remove("one"); err != nil {
		t.Error(err)
	}
	for _, err := range []error{s.Remove("one"), func() error { _, err := s.Get("one"); return err }()} {
		if !errdefs.IsNotFound(err) {
			t.Errorf("%v", err)
		}
	}
}

// What others have written of a context stays when it is written again.
func TestStore_KeepsWhatItDoesNotKnow(t *testing.T) {
	s := clicontext.New(t.TempDir())
	if err := os.MkdirAll(s.MetadataPath("xx"), 0o755); err != nil {
		t.Fatal(err)
	}
	meta := filepath.Join(s.MetadataPath("xx"), "meta.json")
	text := `{"Name":"xx","Metadata":{"Description":"d","StackOrchestrator":"swarm"},"Endpoints":{"docker":{"Host":"tcp://a:1","SkipTLSVerify":false},"kubernetes":{"x":1}}}`
	if err := os.WriteFile(meta, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := s.Get("xx")
	if err != nil {
		t.Fatal(err)
	}
	c.Description = ""
	if err := s.Save(c, nil); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(meta)
	if want := strings.Replace(text, `"Description":"d",`, "", 1); err != nil || string(got) != want {
		t.Errorf("%s, want %s, %v", got, want, err)
	}
}

func TestCheckName(t *testing.T) {
	for name, ok := range map[string]bool{
		"ab": true, "a1_.+-": true, "9x": true, "default": false, "": false, "a": false, "a/b": false, "../x": false, "-ab": false, "a b": false, "aé": false,
	} {
		if err := clicontext.CheckName(name); (err == nil) != ok || err != nil && !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestExportAndImport(t *testing.T) {
	s := clicontext.New(t.TempDir())
	keys := clicontext.TLS{CA: []byte("ca"), Cert: []byte("cert"), Key: []byte("key")}
	if err := s.Save(clicontext.Context{Name: "one", Description: "d", Host: "tcp://a:1"}, &keys); err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	if err := s.Export("one", &archive); err != nil {
		t.Fatal(err)
	}
	if err := s.Import("two", bytes.NewReader(archive.Bytes())); err != nil {
		t.Fatal(err)
	}
	got, err := s.Get("two")
	if err != nil || got.Name != "two" || got.Host != "tcp://a:1" || got.Description != "d" {
		t.Errorf("%+v, %v", got, err)
	}
	if read, err := s.TLS("two"); err != nil || !reflect.DeepEqual(read, keys) {
		t.Errorf("%+v, %v", read, err)
	}
	if err := s.Import("two", bytes.NewReader(archive.Bytes())); !errdefs.IsConflict(err) {
		t.Errorf("%v", err)
	}
	if err := s.Import("zipped", bytes.NewReader(zipped(t, "meta.json", `{"Endpoints":{"docker":{"Host":"ssh://h"}}}`, "tls/docker/ca.pem", "x"))); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get("zipped"); err != nil || got.Host != "ssh://h" {
		t.Errorf("%+v, %v", got, err)
	}
}

func zipped(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err == nil {
			_, err = f.Write([]byte(files[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarred(t *testing.T, kind byte, name, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Typeflag: kind, Name: name, Size: int64(len(text)), Linkname: "/etc/passwd"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestImport_Hostile: what is no context leaves nothing.
func TestImport_Hostile(t *testing.T) {
	for name, data := range map[string][]byte{
		"nothing":     nil,
		"garbage":     bytes.Repeat([]byte("x"), 2000),
		"no zip":      []byte("PKxxxx"),
		"no document": tarred(t, tar.TypeReg, "tls/docker/ca.pem", "x"),
		"broken":      tarred(t, tar.TypeReg, "meta.json", "{"),
		"elsewhere":   tarred(t, tar.TypeReg, "../../x", "x"),
		"outside":     tarred(t, tar.TypeReg, "tls/../../x", "x"),
		"a link":      tarred(t, tar.TypeSymlink, "meta.json", ""),
		"large":       tarred(t, tar.TypeReg, "meta.json", strings.Repeat(" ", 2<<20)),
		"huge":        make([]byte, 11<<20),
	} {
		dir := t.TempDir()
		s := clicontext.New(dir)
		if err := s.Import("xx", bytes.NewReader(data)); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%s: %v", name, err)
		}
		if list, err := os.ReadDir(dir); err != nil || len(list) != 0 {
			t.Errorf("%s: left %v, %v", name, list, err)
		}
	}
}

func FuzzImport(f *testing.F) {
	f.Add([]byte("PK\x03\x04"))
	f.Add([]byte("meta.json"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := clicontext.New(t.TempDir())
		if s.Import("xx", bytes.NewReader(data)) == nil {
			if _, err := s.Get("xx"); err != nil {
				t.Error(err)
			}
		}
	})
}
