package source

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"testing"
)

// peerContext has all that a checksum depends on. With its sums in
// TestSum_Peer it was given to dockerd 20.10.24, which told them in the history of
// "COPY NAME /x".
func peerContext(t *testing.T) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range []tar.Header{
		{Typeflag: tar.TypeReg, Name: "plain", Mode: 0o644},
		{Typeflag: tar.TypeReg, Name: "./dotted", Mode: 0o644},
		{Typeflag: tar.TypeReg, Name: "kind", Mode: 0o100644},
		{Typeflag: tar.TypeReg, Name: "mode", Mode: 0o4755},
		{Typeflag: tar.TypeReg, Name: "owner", Mode: 0o644, Uid: 1000, Gid: 1001, Uname: "someone", Gname: "users"},
		{Typeflag: tar.TypeReg, Name: "attrs", Mode: 0o644, PAXRecords: map[string]string{"SCHILY.xattr.user.b": "2", "SCHILY.xattr.user.a": "1"}},
		{Typeflag: tar.TypeLink, Name: "same", Mode: 0o644, Linkname: "plain"},
		{Typeflag: tar.TypeSymlink, Name: "link", Mode: 0o777, Linkname: "dir/file"},
		{Typeflag: tar.TypeDir, Name: "dir/", Mode: 0o750},
		{Typeflag: tar.TypeReg, Name: "dir/file", Mode: 0o600},
		{Typeflag: tar.TypeReg, Name: "made/by/name", Mode: 0o644},
		{Typeflag: tar.TypeDir, Name: "empty/", Mode: 0o755},
		{Typeflag: tar.TypeReg, Name: strings.Repeat("long/", 30) + "ü", Mode: 0o644},
		{Typeflag: tar.TypeFifo, Name: "odd/fifo", Mode: 0o644},
		{Typeflag: tar.TypeReg, Name: "Dockerfile", Mode: 0o644},
	} {
		text := ""
		if h.Typeflag == tar.TypeReg {
			if text = "content of " + h.Name; h.Name == "Dockerfile" {
				text = peerDockerfile
			}
		}
		h.Size, h.ModTime = int64(len(text)), at
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

const peerDockerfile = `FROM scratch AS first
COPY plain /x1
COPY dotted /x2
COPY kind /x3
COPY mode /x4
COPY owner /x5
COPY attrs /x6
COPY same /x7
COPY link /x8
COPY dir /x9
COPY made /x10
COPY empty /x11
COPY long /x12
COPY odd /x13
COPY plain mode dir /x14/
FROM scratch
COPY --from=first /x1 /y1
COPY --from=first /x4 /y2
COPY --from=first /x9 /y3
COPY --from=first /x6 /y4
COPY --from=first /x10 /y5
COPY --from=first /x13 /y6
`

// ask gives the checksum of a path as histories tell it.
func ask(t *testing.T, tree Tree, name string) string {
	t.Helper()
	e, err := Lookup(tree, name, true)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if !e.IsDir() {
		sum, err := tree.Sum(t.Context(), e)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return "file:" + sum
	}
	var sums []string
	if err := Walk(t.Context(), tree, e, func(e Entry) error {
		sum, err := tree.Sum(t.Context(), e)
		sums = append(sums, sum)
		return err
	}); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	slices.Sort(sums)
	sum := sha256.Sum256([]byte(strings.Join(sums, ",")))
	return "dir:" + hex.EncodeToString(sum[:])
}

func TestSum_Peer(t *testing.T) {
	a, err := spool(t, peerContext(t), SpoolOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"plain":  "file:a2033119258d5367f22e9e2f9c28acaa0acc52bfb04240b2b83795410fe6775b",
		"dotted": "file:d79669bf2f8866a19bb2dff6a6781e630ae9797fec96576c4e279aecbb171cd7",
		"kind":   "file:8b6641e6fd7967cabd7a7e3076a3d15defa7ac46bee696c3f09f4bf355d80346",
		"mode":   "file:1c66c9182a256a67ef485b58708433227fed53adff220787d1c45f9ebdc564b1",
		"owner":  "file:39f5e535b1e87a080ef6ff4504664eed7948b05bc44e1d7d21b561e3e788ad16",
		"attrs":  "file:3b4a762212f20a4919ad19c9e7ff25439aa2b16bc8037322165dfca1aa76358a",
		"same":   "file:30d2798a7a5b0e3e0f4d2cd60629896b97021eb5dcdd8dad7cb6b09bc96564bd",
		"link":   "file:e46445170afc38235b01d06307332b12232ad321b3f1813ee45aa96545b83016",
		"dir":    "dir:7d9991c5766b62d89fcb8f29c8d0594e70c29919dbbeae5f34bdbf6bc3ac3080",
		"made":   "dir:92e283ccba2642b664f8e2b157afef4e9ff5d9877254fa8161d2ebb990cb15d3",
		"empty":  "dir:15a6c147bbd6ab912dbf1e5d10ba2c281b84d271a89eca59998579b447331c75",
		"long":   "dir:0faa5b98ccc4469369baf32755d9a2e48847e0f3794a337c7482b4d43f3f87b2",
		"odd":    "dir:06ca0b8e1ed81ff283b06b296799e233fee60c667f524ea31ff903d40dae8c91",
	} {
		for range 2 { // it is remembered
			if got := ask(t, a, name); got != want {
				t.Errorf("%s is %s, dockerd says %s", name, got, want)
			}
		}
	}
}

// TestSum_Changes: what must make another checksum, and what must not.
func TestSum_Changes(t *testing.T) {
	sum := func(change func(*tar.Header)) string {
		var buf bytes.Buffer
		w := tar.NewWriter(&buf)
		for _, h := range []tar.Header{
			{Typeflag: tar.TypeReg, Name: "d/f", Mode: 0o644, Size: 1, ModTime: at}, {Typeflag: tar.TypeSymlink, Name: "d/lost", Linkname: "x"}, {Typeflag: tar.TypeSymlink, Name: "d/l", Linkname: "f"},
			{Typeflag: tar.TypeReg, Name: "d/g", Mode: 0o644, Size: 1, ModTime: at}, {Typeflag: tar.TypeDir, Name: "d/d", Mode: 0o755},
		} {
			change(&h)
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(bytes.Repeat([]byte("c"), int(h.Size))); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		a, err := spool(t, buf.Bytes(), SpoolOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return ask(t, a, "d")
	}
	same := sum(func(*tar.Header) {})
	for what, c := range map[string]struct {
		change func(*tar.Header)
		same   bool
	}{
		"time":    {func(h *tar.Header) { h.ModTime = at.Add(1e9) }, true},
		"names":   {func(h *tar.Header) { h.Uname, h.Gname = "a", "b" }, true},
		"owner":   {func(h *tar.Header) { h.Uid = 1 }, false},
		"group":   {func(h *tar.Header) { h.Gid = 1 }, false},
		"mode":    {func(h *tar.Header) { h.Mode |= 0o100 }, false},
		"name":    {func(h *tar.Header) { h.Name = strings.Replace(h.Name, "g", "h", 1) }, false},
		"size":    {func(h *tar.Header) { h.Size *= 2 }, false},
		"link":    {func(h *tar.Header) { h.Linkname = strings.Replace(h.Linkname, "f", "g", 1) }, false},
		"nowhere": {func(h *tar.Header) { h.Linkname = strings.Replace(h.Linkname, "x", "y", 1) }, false},
	} {
		if got := sum(c.change); (got == same) != c.same {
			t.Errorf("%s: the same sum: %v", what, got == same)
		}
	}
}
