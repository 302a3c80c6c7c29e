package reference

import (
	_ "crypto/sha512" // the library takes the digests of the hashes that are linked; the daemon links this one
	"errors"
	"fmt"
	"strings"
	"testing"

	oracle "github.com/distribution/reference"
)

const (
	hex64  = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	hex128 = hex64 + hex64
)

// names are the corners of the grammar; the fuzz test starts from them too.
var names = []string{
	"", "a", "ubuntu", "ubuntu:22.04", "library/ubuntu", "docker.io/ubuntu", "docker.io/library/ubuntu",
	"index.docker.io/ubuntu", "index.docker.io/team/app", "team/app", "docker.io/a/b/c", "docker.io/library/a/b",
	"docker.io", "docker.io/", "Docker.io/x", "/", "/a", "a/", "a//b", "a/b/", "//", ":", "@", ":tag", "@" + "sha256:" + hex64,
	// hosts
	"localhost/app", "localhost:5000/app", "localhost", "localhost:5000", "LOCALHOST/app", "Team/app", "host:80/app",
	"host:/app", "host:x/app", "host:80:80/app", "my-host.com/app", "-host.com/app", "host-.com/app", "host..com/app",
	".com/app", "com./app", "127.0.0.1:5000/app", "[::1]/app", "[::1]:5000/app", "[::1/app", "::1]/app", "[]/app",
	"[::g]/app", "[fe80::1%eth0]/app", "[::1]5000/app", "[::1]:/app", "[A:b]/app", "[a]/app", "[:]:1/x", "a_b.c/app", "a__b.c/app/d:t",
	"a_b:80/app", "A_b.c/app", "a.b.c.d/e", "xn--n3h.com/app", "a.b/c.d/e_f/g__h/i---j",
	// paths
	"a.b", "a..b", "a_b", "a__b", "a___b", "a-b", "a--b", "a.-b", "a-.b", "a_.b", ".a", "a.", "_a", "a_", "-a", "a-", "a__",
	"A", "aB", "a/B", "x.y/B", "x.y/B:T", "é", "\u212a", "host.com/\u212a", "a:\u212a", "a\x00", "a\xff", "a b", "a\n", "\u212a.com/a", "É.com/a",
	strings.Repeat("a", 247), strings.Repeat("a", 248), "x.y/" + strings.Repeat("a", 255), "x.y/" + strings.Repeat("a", 256),
	// tags
	"a:", "a:b", "a:B", "a:_", "a:-", "a:.", "a:a.", "a:a-", "a:b:c", "a:b/c", "a:é", "a:b@", "a:b c", "a:@b",
	"a:" + strings.Repeat("t", 128), "a:" + strings.Repeat("t", 129), "x.y:80/a:b", "x.y:80/a:b:c",
	// digests and identifiers
	hex64, "a" + hex64, hex64[1:], strings.ToUpper(hex64), hex64 + ":t", "team/" + hex64, "sha256:" + hex64,
	"a@sha256:" + hex64, "a:t@sha256:" + hex64, "x.y/a@sha512:" + hex128, "a@sha384:" + hex128[:96], "a@sha256:" + hex64[1:],
	"a@sha256:" + strings.ToUpper(hex64), "a@SHA256:" + hex64, "a:t@SHA256:" + hex64, "a@md5:" + hex64[:32], "a@md5:" + hex64[:31],
	"a@sha256", "a@sha256:", "a@:" + hex64, "a@sha256+b64:" + hex64, "a@sha256+:" + hex64, "a@+sha:" + hex64, "a@a++b:" + hex64,
	"a@a+1:" + hex64, "a@1a:" + hex64, "a:t@A.b:" + hex64, "a@sha256:" + hex64 + "@sha256:" + hex64, "a@sha256:" + hex64 + ":t", "a@sha256:" + hex64[:63] + "g",
	"A_b.c/app@md5:" + hex64, "a@b@sha256:" + hex64,
}

// compare holds Parse and every method against the library.
func compare(t *testing.T, s string) {
	t.Helper()
	want, wantErr := oracle.ParseNormalizedNamed(s)
	got, err := Parse(s)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("Parse(%q) = %+v, %v; the library says %v, %v", s, got, err, want, wantErr)
	}
	if err != nil {
		if text(err) != text(wantErr) {
			t.Errorf("Parse(%q) fails with %q; the library says %q", s, err, wantErr)
		}
		if !got.IsZero() {
			t.Errorf("Parse(%q) gives %+v beside its error", s, got)
		}
		return
	}
	same := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%q: %s is %q; the library says %q", s, what, got, want)
		}
	}
	same("domain", got.Domain, oracle.Domain(want))
	same("path", got.Path, oracle.Path(want))
	same("name", got.Name(), want.Name())
	same("string", got.String(), want.String())
	same("familiar name", got.FamiliarName(), oracle.FamiliarName(want))
	same("familiar string", got.FamiliarString(), oracle.FamiliarString(want))
	same("with default tag", got.WithDefaultTag().String(), oracle.TagNameOnly(want).String())
	same("name only", fmt.Sprint(got.IsNameOnly()), fmt.Sprint(oracle.IsNameOnly(want)))
	tag, digest := "", ""
	if tagged, ok := want.(oracle.Tagged); ok {
		tag = tagged.Tag()
	}
	if digested, ok := want.(oracle.Digested); ok {
		digest = digested.Digest().String()
	}
	same("tag", got.Tag, tag)
	same("digest", got.Digest, digest)
	for _, pattern := range []string{"*", "ubuntu", "*:*", "*/*", "[", "a[", "*[", s} {
		ok, err := got.Matches(pattern)
		wantOK, wantErr := oracle.FamiliarMatch(pattern, want)
		same("match with "+pattern, fmt.Sprint(ok, err), fmt.Sprint(wantOK, wantErr))
	}
	if again, err := Parse(got.String()); err != nil || again != got {
		t.Errorf("%q: %q reads as %+v, %v", s, got.String(), again, err)
	}
}

// text is the message; where ours names the format too, without that.
func text(err error) string { return strings.TrimPrefix(err.Error(), ErrFormat.Error()+": ") }

func TestParseLikeTheLibrary(t *testing.T) {
	for _, s := range names {
		compare(t, s)
	}
	// Every host before every path, with every ending.
	for _, host := range []string{"", "localhost/", "a.b/", "a.b:1/", "a_b.c/", "Ab/", "[::1]:1/", "-a.b/", "index.docker.io/", "docker.io/", "x/"} {
		for _, path := range []string{"", "a", "library/a", "a/b", "a__b-c", "a.", "A"} {
			for _, end := range []string{"", ":", ":T", ":t@sha256:" + hex64, "@sha256:" + hex64, "@sha256:x", ":.t"} {
				compare(t, host+path+end)
			}
		}
	}
}

func TestWithTag(t *testing.T) {
	tags := []string{"", "t", "1.0", "-t", ".t", "_t", "a/b", "a:b", "é", "t\n", strings.Repeat("t", 128), strings.Repeat("t", 129)}
	for _, tag := range tags {
		named, err := oracle.ParseNormalizedNamed("team/app")
		if err != nil {
			t.Fatal(err)
		}
		want, wantErr := oracle.WithTag(named, tag)
		ref, err := Parse("team/app:old@sha256:" + hex64)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ref.WithTag(tag)
		switch {
		case (err == nil) != (wantErr == nil):
			t.Errorf("WithTag(%q): %v; the library says %v", tag, err, wantErr)
		case err == nil && got.String() != want.String():
			t.Errorf("WithTag(%q) = %s; the library says %s", tag, got, want)
		case err != nil && !errors.Is(err, ErrTag):
			t.Errorf("WithTag(%q) fails with %v", tag, err)
		}
	}
}

func TestErrorsHaveKinds(t *testing.T) {
	for s, want := range map[string]error{
		hex64: ErrIdentifier, "A": ErrFormat, "a..b": ErrFormat, "A_b.c/app": ErrUppercase, "x.y/" + strings.Repeat("a", 256): ErrTooLong,
		"a@sha256:" + hex64[:62]: ErrDigestSize, "a@md5:" + hex64: ErrUnsupported, "a@sha256:" + strings.ToUpper(hex64): ErrDigest,
	} {
		if _, err := Parse(s); !errors.Is(err, want) {
			t.Errorf("Parse(%q) fails with %v; want %v", s, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range names {
		f.Add(s)
	}
	f.Fuzz(compare)
}

func BenchmarkParse(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		for b.Loop() {
			_, _ = Parse("localhost:5000/team/app:1.2")
		}
	})
	b.Run("library", func(b *testing.B) {
		for b.Loop() {
			_, _ = oracle.ParseNormalizedNamed("localhost:5000/team/app:1.2")
		}
	})
}
