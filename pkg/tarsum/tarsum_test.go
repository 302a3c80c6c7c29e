package tarsum

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func archive(t testing.TB, list ...tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, h := range list {
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
	return buf.Bytes()
}

func sha(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func TestSum(t *testing.T) {
	file := tar.Header{
		Name: "./d/f", Mode: 0o100644, Uid: 1, Gid: 2, Size: 3, ModTime: time.Unix(7, 0), Typeflag: tar.TypeReg,
		Uname: "u", Gname: "g", PAXRecords: map[string]string{"SCHILY.xattr.user.b": "2", "SCHILY.xattr.user.a": "1"},
	}
	dir := tar.Header{Name: "d/", Mode: 0o755, ModTime: time.Unix(9, 0), Typeflag: tar.TypeDir}
	head := "name./d/fmode33188uid1gid2size3%stypeflag0linknameunameugnamegdevmajor0devminor0%sccc"
	other := "named/mode493uid0gid0size0%stypeflag5linknameunamegnamedevmajor0devminor0"
	for v, want := range map[Version][2]string{
		V0:  {sha(fmt.Sprintf(head, "mtime7", "")), sha(fmt.Sprintf(other, "mtime9"))},
		V1:  {sha(fmt.Sprintf(head, "", "user.a1user.b2")), sha(fmt.Sprintf(other, ""))},
		Dev: {sha(fmt.Sprintf(head, "", "user.a1user.b2")), sha(fmt.Sprintf(other, ""))},
	} {
		one, err := Sum(bytes.NewReader(archive(t, dir, file)), v)
		if err != nil {
			t.Fatal(err)
		}
		two, err := Sum(bytes.NewReader(archive(t, file, dir)), v)
		if err != nil {
			t.Fatal(err)
		}
		if one.Of("d/f") != want[0] || one.Of("d") != want[1] || one.Of("none") != "" {
			t.Errorf("%v: %+v, want %v", v, one.Entries, want)
		}
		low, high := min(want[0], want[1]), max(want[0], want[1])
		if text := v.String() + "+sha256:" + sha("extra"+low+high); one.Text([]byte("extra")) != text || two.Text([]byte("extra")) != text {
			t.Errorf("%v: %s and %s, want %s", v, one.Text([]byte("extra")), two.Text([]byte("extra")), text)
		}
		if got, err := Parse(one.Text(nil)); err != nil || got != v {
			t.Errorf("%s: %v, %v", one.Text(nil), got, err)
		}
	}
}

// TestSum_Old: the old way to write a file counts as it is written.
func TestSum_Old(t *testing.T) {
	data := archive(t, tar.Header{Name: "f", Mode: 0o644, ModTime: time.Unix(1, 0), Format: tar.FormatUSTAR, Typeflag: tar.TypeReg})
	data[156] = 0
	sum := 0
	copy(data[148:], "        ")
	for _, c := range data[:512] {
		sum += int(c)
	}
	copy(data[148:], fmt.Sprintf("%06o\x00 ", sum))
	got, err := Sum(bytes.NewReader(data), V0)
	if err != nil {
		t.Fatal(err)
	}
	if want := sha("namefmode420uid0gid0size0mtime1typeflag\x00linknameunamegnamedevmajor0devminor0"); got.Of("f") != want {
		t.Errorf("%s, want %s", got.Of("f"), want)
	}
}

func TestSum_Empty(t *testing.T) {
	const nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for _, data := range [][]byte{nil, make([]byte, 1024)} {
		got, err := Sum(bytes.NewReader(data), V0)
		if err != nil || got.Text(nil) != "tarsum+sha256:"+nothing {
			t.Errorf("%v, %v", got, err)
		}
	}
}

func TestFaults(t *testing.T) {
	good := archive(t, tar.Header{Name: "f", Size: 1000, Mode: 0o644})
	for what, data := range map[string][]byte{"cut": good[:700], "cut header": good[:100], "garbage": bytes.Repeat([]byte("x"), 2000)} {
		if got, err := Sum(bytes.NewReader(data), V1); err == nil {
			t.Errorf("%s: %v", what, got)
		}
	}
	for _, text := range []string{"", "sha256:1", "tarsum.v2+sha256:1", strings.Repeat("x", 1000)} {
		if _, err := Parse(text); !errors.Is(err, ErrVersion) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
