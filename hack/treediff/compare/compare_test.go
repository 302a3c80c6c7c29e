package compare

import (
	"archive/tar"
	"bytes"
	"fmt"
	"slices"
	"testing"
)

// archive writes headers; a regular file has its name as its content.
func archive(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range headers {
		content := ""
		if h.Typeflag == tar.TypeReg {
			content = h.Name + h.Uname
			h.Size = int64(len(content))
		}
		h.Uname = ""
		err := w.WriteHeader(&h)
		if err == nil {
			_, err = w.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// image is an archive as docker save writes it.
func image(t *testing.T, config string, layers ...[]byte) *Snapshot {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	add := func(name string, content []byte) {
		err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content))})
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	names := ""
	for i, layer := range layers {
		add(fmt.Sprintf("%d/layer.tar", i), layer)
		names += fmt.Sprintf(`,"%d/layer.tar"`, i)
	}
	add("c.json", []byte(config))
	add("manifest.json", []byte(`[{"Config":"c.json","Layers":[`+names[1:]+`]}]`))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := ReadImage(&out)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func file(name string, mode int64) tar.Header {
	return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode}
}

func dir(name string) tar.Header {
	return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}
}

func TestDifferences(t *testing.T) {
	base := archive(t, dir("a/"), file("a/kept", 0o644), file("a/gone", 0o644), dir("b/"), file("b/x", 0o644), dir("c/"), file("c/y", 0o600),
		tar.Header{Typeflag: tar.TypeLink, Name: "c/z", Linkname: "c/y"})
	config := `{"created":"%s","config":{"Env":["A=b"],"Volumes":{"/v":{}},"Labels":%s,"Cmd":null},"history":[{"created":"%s","created_by":"x"}],"rootfs":{"diff_ids":["sha256:%s"]}}`
	one := image(t, fmt.Sprintf(config, "1", "{}", "1", "1"), base,
		archive(t, file("a/.wh.gone", 0), dir("b/"), file("b/.wh..wh..opq", 0), file("b/new", 0o755)))
	same := image(t, fmt.Sprintf(config, "2", "null", "2", "2"), base,
		archive(t, dir("b/"), file("b/.wh..wh..opq", 0), file("b/new", 0o755), file("a/.wh.gone", 0)))
	opt := Options{IgnoreFields: Volatile()}
	if found := append(Differences(one, same, opt), LayerDifferences(one, same, opt)...); len(found) > 0 {
		t.Errorf("the same differ: %v", found)
	}
	if f := one.Files["c/z"]; f.Same != "c/y" || f.Sum == "" || one.Files["c/y"].Same != "c/y" {
		t.Errorf("hard links: %+v", one.Files)
	}
	changed := file("a/kept", 0o4755)
	changed.Uid, changed.Uname = 7, "!"
	changed.PAXRecords = map[string]string{xattr + "user.k": "v"}
	other := image(t, fmt.Sprintf(config, "1", `{"l":"1"}`, "1", "1"), base, archive(t,
		changed, file("a/.wh.gone", 0), tar.Header{Typeflag: tar.TypeSymlink, Name: "b", Linkname: "a"}, file("c/y", 0o600)))
	var got []string
	for _, d := range Differences(one, other, opt) {
		got = append(got, d.String())
	}
	want := []string{
		"/a/kept: mode: 0644 | 4755", "/a/kept: owner: 0:0 | 7:0", "/a/kept: size: 6 | 7", `/a/kept: xattr user.k: (none) | "v"`,
		"/b: type: directory 0755 0:0 | link 0000 0:0", "/b/new: file 0755 0:0 | (none)",
		"/c/y: same file as: c/y | (none)",
		`config.Labels.l: (none) | "1"`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwanted\n%q", got, want)
	}
	opt.IgnoreFiles, opt.IgnoreFields, opt.SizesOnly = []string{"b/**", "c/*"}, append(opt.IgnoreFields, "config/Labels/*"), []string{"a/*"}
	if found := Differences(one, other, opt); len(found) != 3 {
		t.Errorf("with all of that left out: %v", found)
	}
}

func TestReadImageRefuses(t *testing.T) {
	for name, text := range map[string][]byte{
		"nothing":      nil,
		"no manifest":  archive(t, file("x", 0o644)),
		"no archive":   []byte("words that are no archive at all, and longer than one block" + string(make([]byte, 600))),
		"lost layer":   archive(t, tar.Header{Typeflag: tar.TypeSymlink, Name: "0/layer.tar", Linkname: "../1/layer.tar"}),
		"cut off":      archive(t, file("x", 0o644))[:515],
		"broken links": archive(t, tar.Header{Typeflag: tar.TypeLink, Name: "a", Linkname: "a"}),
	} {
		if s, err := ReadImage(bytes.NewReader(text)); err == nil {
			t.Errorf("%s: %+v", name, s)
		}
	}
	if err := link(map[string]File{"a": {Type: tar.TypeLink, Link: "nowhere"}}); err == nil {
		t.Error("a link to nothing is taken")
	}
}
