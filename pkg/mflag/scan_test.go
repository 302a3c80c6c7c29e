package mflag

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestScan(t *testing.T) {
	tests := []struct {
		words, wanting, args string
		interspersed, over   bool
	}{
		{words: ""},
		{words: "-i --name", wanting: "--name"},
		{words: "-i --name x"},
		{words: "--name=x"},
		{words: "-itp", wanting: "-p --publish"},
		{words: "-itp 80"},
		{words: "-p80:80"},
		{words: "-x --nope"},
		{words: "-i img -p", args: "img -p", over: true},
		{words: "a -p", args: "a", wanting: "-p --publish", interspersed: true},
		{words: "a -p 1 b -- -p", args: "a b -p", interspersed: true, over: true},
		{words: "- -i", args: "- -i", over: true},
	}
	for _, tt := range tests {
		s := newSet(&values{}, new(bytes.Buffer))
		s.Interspersed = tt.interspersed
		wanting, args, over := s.Scan(strings.Fields(tt.words))
		if strings.Join(wanting, " ") != tt.wanting || strings.Join(args, " ") != tt.args || over != tt.over {
			t.Errorf("%q: wanting %q, args %q, over %v", tt.words, wanting, args, over)
		}
	}
	s := newSet(&values{}, new(bytes.Buffer))
	if !slices.Equal(s.Values("-p"), []string{"-p", "--publish"}) || s.Values("-i") != nil || s.Values("--nope") != nil {
		t.Error("Values is wrong")
	}
	for _, f := range s.Shown() {
		if f.Names[len(f.Names)-1] == "--name" && (!f.Takes || f.Usage == "") {
			t.Errorf("Shown has %+v", f)
		}
	}
}

// Whatever is typed, Parse and Scan end, and agree on the positional words.
func FuzzScan(f *testing.F) {
	for _, s := range []string{"-it img -x", "-p80:80 --", "-itv", "-ite=A=b x", "--name", "---x", "-=x", "-rm - -i", "-pi x y", "-ppp a b", "-\xff\xff"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, text string, interspersed bool) {
		words := strings.Split(text, " ")
		var v values
		s := newSet(&v, new(bytes.Buffer))
		s.Interspersed = interspersed
		wanting, args, _ := s.Scan(words)
		if err := s.Parse(words); err != nil {
			return
		}
		if wanting != nil || !slices.Equal(args, s.Args()) {
			t.Errorf("%q: scanned as %q (wanting %q), parsed as %q", words, args, wanting, s.Args())
		}
	})
}
