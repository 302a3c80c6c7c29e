package enginetest

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func same(a, b Take) bool {
	return a.Name == b.Name && slices.Equal(a.Args, b.Args) && maps.Equal(a.Env, b.Env) && a.Began == b.Began && a.Ended == b.Ended &&
		a.Status == b.Status && a.Kind == b.Kind && a.Code == b.Code && a.Error == b.Error &&
		a.Stdin == b.Stdin && a.Stdout == b.Stdout && a.Stderr == b.Stderr
}

func TestTapeKeepsEverything(t *testing.T) {
	var takes []Take
	for i, text := range []string{
		"", "\n", "a", "a\n", "a\n\n", "-- 1/stdin --\n", "x\n-- 9/y --\nz\n", "a\r\n", "\x00", "\xff\xfe", "é\n", "`\"\\\n", " --\n", "-- \n",
	} {
		takes = append(takes, Take{Name: "job " + text, Began: 2*i + 1, Ended: 2*i + 2, Stdin: text, Stdout: text, Stderr: text})
	}
	takes[1].Name = "job one"
	for i := range takes {
		if i != 9 {
			continue
		}
		takes[i].Name = "not text" // a name is text
	}
	text, err := format(takes)
	if err != nil {
		t.Fatal(err)
	}
	again, err := parse(string(text))
	if err != nil || !slices.EqualFunc(takes, again, same) {
		t.Errorf("%v\n%+v\n%+v\n%s", err, takes, again, text)
	}
}

func TestTapeRefusesGarbage(t *testing.T) {
	for _, text := range []string{
		"", "enginejobs recording 2\n", tapeHeader + "\n-- x --\n", tapeHeader + "\n-- 2/a.json --\n{}\n",
		tapeHeader + "\n-- 1/stdin --\n", tapeHeader + "\n-- 1/a.json --\n{\n", tapeHeader + "\n-- 1/a.json --\n{}\n-- 1/foo --\n",
		tapeHeader + "\n-- 1/a.json --\n{}\n-- 1/stdin.base64 --\n!\n", tapeHeader + "\n-- 1/a.json --\n{}\n-- 1/stdin.quoted --\nx\n",
		tapeHeader + "\n-- 1/a.json --\n{}\n-- 1/stdin.zip --\nx\n", tapeHeader + "\n-- 0/stdin --\n", tapeHeader + "\n-- -1/stdin --\n",
	} {
		if takes, err := parse(text); err == nil {
			t.Errorf("%q was read as %+v", text, takes)
		}
	}
}

func FuzzTape(f *testing.F) {
	text, err := format([]Take{{Name: "a", Args: []string{"x"}, Began: 1, Ended: 2, Stdin: "a", Stdout: "b\n", Stderr: "\xff"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add(tapeHeader + "\n-- 1/a.json --\n{}\n-- 1/stdin --")
	f.Fuzz(func(t *testing.T, text string) {
		takes, err := parse(text)
		if err != nil {
			return
		}
		again, err := format(takes)
		if err != nil {
			t.Fatal(err)
		}
		back, err := parse(string(again))
		if err != nil || !slices.EqualFunc(takes, back, same) {
			t.Errorf("%v\n%+v\n%+v", err, takes, back)
		}
	})
}

func TestTokens(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 4)
	for text, want := range map[string]string{
		"":                                    "",
		long:                                  "<id1>",
		"sha256:" + long + " " + long[:12]:    "sha256:<id1> <id1>",
		"x" + long:                            "x" + long,
		long + "0":                            long + "0",
		"abcdefabcdef /fedcbafedcba\n":        "<id1> /<id2>\n",
		"2014-03-13T12:00:00Z":                "<time>",
		"at 2014-03-13T12:00:00.123456+01:00": "at <time>",
		"2014-03-13T12:00:00":                 "2014-03-13T12:00:00",
		`"time":1394712000,`:                  `"time":<time>,`,
		"1394712000123456789 12345":           "<time> 12345",
	} {
		if got := (&names{}).normalise(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestBinding(t *testing.T) {
	a, b := strings.Repeat("a", 64), strings.Repeat("b", 64)
	bound := binding{}
	for _, c := range []struct {
		want, got string
		ok        bool
	}{
		{"id " + a, "id " + b, true},
		{a[:12], b[:12], true},
		{a, a, true}, // literally the same is always right
		{a, strings.Repeat("c", 64), false},
		{a + " x", b + " y", false},
		{"ffffffffffff eeeeeeeeeeee", "111111111111 222222222222", true},
		{"eeeeeeeeeeee", "111111111111", false},
		{"2014-03-13T12:00:00Z", "2026-01-01T00:00:00.5Z", true},
		{a[:12], b, false},
	} {
		if ok := bound.match(c.want, c.got); ok != c.ok {
			t.Errorf("%q, %q: %v", c.want, c.got, ok)
		}
	}
	if got := bound.translate("rm " + a + " " + a[:12] + " dddddddddddd"); got != "rm "+b+" "+b[:12]+" dddddddddddd" {
		t.Errorf("translated: %s", got)
	}
}
