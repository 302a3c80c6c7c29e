package mflag

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

type values struct {
	it, tty, rm, all bool
	name             string
	ports            []string
	env              []string
	n                int
}

func newSet(v *values, warn *bytes.Buffer) *Set {
	s := &Set{Warn: warn}
	s.Bool(&v.it, "-i --interactive", "keep stdin open")
	s.Bool(&v.tty, "-t --tty", "a terminal")
	s.Bool(&v.rm, "~-rm --rm", "remove")
	s.Bool(&v.all, "~-viz ~--viz", "old")
	s.String(&v.name, "--name !--nom", "a name\nsecond line")
	s.List(&v.ports, "-p --publish", "publish", func(p string) (string, error) {
		if p == "bad" {
			return "", errors.New("no good")
		}
		return p, nil
	})
	s.List(&v.env, "-e --env", "environment", nil)
	s.Int(&v.n, "-n", "a number")
	return s
}

func TestParse(t *testing.T) {
	tests := []struct {
		args string
		want values
		rest string
		warn string
		err  string
	}{
		{args: "-i -t img cmd -x", want: values{it: true, tty: true}, rest: "img cmd -x"},
		{args: "-it img", want: values{it: true, tty: true}, rest: "img"},
		{args: "-it=false img", want: values{it: true}, rest: "img"},
		{args: "-itp 80:80 img", want: values{it: true, tty: true, ports: []string{"80:80"}}, rest: "img"},
		{args: "-pit 80 img", want: values{it: true, tty: true, ports: []string{"80"}}, rest: "img"},
		{args: "-p80:80 img", want: values{ports: []string{"80:80"}}, rest: "img"},
		{args: "-eA=b img", want: values{env: []string{"A=b"}}, rest: "img"},
		{args: "-ite=A=b img", want: values{it: true, tty: true, env: []string{"A=b"}}, rest: "img"},
		{args: "--name=x --name y", want: values{name: "y"}},
		{args: "--name='q' -n=0x10", want: values{name: "q", n: 16}},
		{args: "--nom z -n -3", want: values{name: "z", n: -3}},
		{args: "-p a -p=b -- -p", want: values{ports: []string{"a", "b"}}, rest: "-p"},
		{args: "-rm - -i", want: values{rm: true}, rest: "- -i",
			warn: "Warning: '-rm' is deprecated, it will be replaced by '--rm' soon. See usage.\n"},
		{args: "--viz", want: values{all: true},
			warn: "Warning: '--viz' is deprecated, it will be removed soon. See usage.\n"},
		{args: "-e -i", want: values{env: []string{"-i"}}},
		{args: "--t", err: "flag provided but not defined: --t"},
		{args: "-x", err: "flag provided but not defined: -x"},
		{args: "-ix", err: "flag provided but not defined: -ix"},
		{args: "--name", err: "flag needs an argument: --name"},
		{args: "-it -p", err: "flag needs an argument: -p"},
		{args: "-p bad", err: `invalid value "bad" for flag -p: no good`},
		{args: "-n z", err: `invalid value "z" for flag -n: invalid syntax`},
		{args: "-i=maybe", err: `invalid boolean value "maybe" for  -i: invalid syntax`},
		{args: "-=x", err: "bad flag syntax: -=x"},
		{args: "--=x", err: "bad flag syntax: --=x"},
		{args: "---x", err: "bad flag syntax: ---x"},
		{args: "-h", err: ErrHelp.Error()},
		{args: "-i --help", err: ErrHelp.Error()},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			var v values
			var warn bytes.Buffer
			s := newSet(&v, &warn)
			err := s.Parse(strings.Fields(tt.args))
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Fatalf("error %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if v.it != tt.want.it || v.tty != tt.want.tty || v.rm != tt.want.rm || v.all != tt.want.all ||
				v.name != tt.want.name || v.n != tt.want.n ||
				!slices.Equal(v.ports, tt.want.ports) || !slices.Equal(v.env, tt.want.env) {
				t.Errorf("got %+v, want %+v", v, tt.want)
			}
			if got := strings.Join(s.Args(), " "); got != tt.rest {
				t.Errorf("rest %q, want %q", got, tt.rest)
			}
			if warn.String() != tt.warn {
				t.Errorf("warning %q, want %q", warn.String(), tt.warn)
			}
		})
	}
}

func TestInterspersed(t *testing.T) {
	var v values
	s := newSet(&v, nil)
	s.Interspersed = true
	if err := s.Parse([]string{"a", "-i", "b", "--", "-t"}); err != nil {
		t.Fatal(err)
	}
	if !v.it || v.tty || !slices.Equal(s.Args(), []string{"a", "b", "-t"}) {
		t.Errorf("got %+v, args %q", v, s.Args())
	}
	if !s.IsSet("--interactive") || s.IsSet("-t") {
		t.Error("IsSet is wrong")
	}
}

func TestPrintDefaults(t *testing.T) {
	var v values
	var out bytes.Buffer
	newSet(&v, nil).PrintDefaults(&out)
	want := `  -e, --env=[]              environment
  -i, --interactive=false   keep stdin open
  -n=0                      a number
  --name=""                 a name
                              second line
  -p, --publish=[]          publish
  --rm=false                remove
  -t, --tty=false           a terminal
`
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("-it -p 80 -e A=b img")
	f.Add("-=\x00 --name='")
	f.Fuzz(func(_ *testing.T, line string) {
		var v values
		_ = newSet(&v, &bytes.Buffer{}).Parse(strings.Split(line, " "))
	})
}
