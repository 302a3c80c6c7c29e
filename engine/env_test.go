package engine_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
)

func TestParseJob(t *testing.T) {
	eng := enginetest.New(t)
	for _, c := range []struct{ text, name, args, env string }{
		{"VERBOSE=1 echo hello TEST=true world", "echo", "[hello world]", "map[TEST:true VERBOSE:1]"},
		{"echo a=b=c K= 'q r'", "echo", "['q r']", "map[K: a:b=c]"},
		{"=x echo", "echo", "[]", "map[:x]"},
		{" \t echo\n", "echo", "[]", "map[]"},
	} {
		job, err := eng.ParseJob(c.text)
		if err != nil || job.Name != c.name || fmt.Sprint(job.Args) != c.args || fmt.Sprint(job.Environ()) != c.env {
			t.Errorf("%q: %v, %+v", c.text, err, job)
		}
	}
	for _, text := range []string{"A=1", "", "  "} {
		_, err := eng.ParseJob(text)
		if !errdefs.Is(err, errdefs.KindInvalidArgument) || err.Error() != "empty command: '"+text+"'" {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestLooseReading(t *testing.T) {
	var env engine.Env
	for value, want := range map[string]bool{
		"": false, "0": false, "No": false, " false\t": false, "none": false,
		"1": true, "true": true, "off": true, "f": true, "00": true, "false\n": true,
	} {
		env.Set("b", value)
		if env.GetBool("b") != want {
			t.Errorf("bool %q is %v", value, !want)
		}
	}
	for value, want := range map[string]int{"": 0, " 7\t": 7, "-3": -3, "1.0": 0, "true": 0, "99999999999999999999": 0} {
		env.Set("i", value)
		if got := env.GetInt("i"); got != want {
			t.Errorf("int %q is %d", value, got)
		}
	}
	for value, want := range map[string]string{
		"": "[]", "foo": `["foo"]`, `["a","b"]`: `["a" "b"]`, "null": "[]", `["a",1]`: `["[\"a\",1]"]`, "[]": "[]",
	} {
		env.Set("l", value)
		if got := fmt.Sprintf("%q", env.GetList("l")); got != want {
			t.Errorf("list %q is %s, want %s", value, got, want)
		}
	}
}

func TestDecodeEnv(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":"x"}`:                  "map[a:x]",
		`{"a":null,"b":""}`:          "map[b:]",
		`{"a":true,"b":-1.5}`:        "map[a:true b:-1.5]",
		`{"a":1e3,"b":2.0}`:          "map[a:1000 b:2]",
		`{"a":9007199254740993}`:     "map[a:9007199254740993]",
		`{"a":1.0e300}`:              "map[a:1.0e300]",
		`{"a":[ "x", 1 ]}`:           `map[a:["x",1]]`,
		`{"a":{"k": 2.5}}`:           `map[a:{"k":2.5}]`,
		`{"a":"1","a":"2"}`:          "map[a:2]",
		`{}`:                         "map[]",
		`[]`:                         "error",
		`7`:                          "error",
		`{"a":`:                      "error",
		``:                           "error",
		`{"a":"x"} and what follows`: "map[a:x]",
	} {
		var env engine.Env
		got := "error"
		if err := env.Decode(strings.NewReader(in)); err == nil {
			got = fmt.Sprint(env.Map())
		}
		if got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestEncodeEnv(t *testing.T) {
	var env, sub engine.Env
	sub.SetInt("n", 1)
	env.Set("string", "true")
	env.Set("quoted", `say "x"`)
	env.SetBool("yes", true)
	env.SetBool("no", false)
	env.SetInt("int", -5)
	env.SetList("none", nil)
	env.SetList("list", []string{"a"})
	env.SetTime("time", time.Unix(0, 5).UTC())
	must(t, env.SetSubEnv("sub", &sub))
	must(t, env.SetAuto("auto", 3.0))
	must(t, env.SetAuto("nil", nil))
	must(t, env.Import(struct{ Struct []int }{[]int{1}}))
	var b bytes.Buffer
	n, err := env.WriteTo(&b)
	want := `{"Struct":[1],"auto":3,"int":-5,"list":["a"],"no":false,"none":null,"quoted":"say \"x\"","string":"true",` +
		`"sub":{"n":1},"time":"1970-01-01T00:00:00.000000005Z","yes":true}` + "\n"
	if err != nil || b.String() != want || n != int64(len(want)) {
		t.Errorf("%d, %v\ngot  %swant %s", n, err, b.String(), want)
	}
	if got := env.GetSubEnv("sub"); got == nil || got.GetInt("n") != 1 {
		t.Errorf("sub: %v", got)
	}
	if env.GetSubEnv("int") != nil || env.GetSubEnv("missing") != nil {
		t.Error("a number was read as an object")
	}
	if err := env.SetJson("bad", func() {}); err == nil {
		t.Error("a function has no JSON")
	}
	if err := env.Import("text"); err == nil {
		t.Error("a string has no members")
	}
}

func TestMultiMap(t *testing.T) {
	var a, b engine.Env
	a.InitMultiMap(map[string][]string{"x": {"1", "2"}, "y": {"3"}})
	b.Init(&a)
	b.Set("x", "4")
	if got := fmt.Sprint(b.MultiMap(), a.MultiMap()); got != "map[x:[1 2 4] y:[3]] map[x:[1 2] y:[3]]" {
		t.Errorf("got %s", got)
	}
}

func TestParseTime(t *testing.T) {
	for in, want := range map[string]int64{
		"0": 0, "1.5": 1500000000, "1.000000001": 1000000001, "-1.5": -1500000000, "-1": -1000000000,
		"1970-01-01T00:00:01Z": 1000000000, "1970-01-01T01:00:00.25+01:00": 250000000,
	} {
		got, err := engine.ParseTime(in)
		if err != nil || got.UnixNano() != want {
			t.Errorf("%s: %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", ".5", "1.", "1.+5", "1.1234567890", "1e3", "now", "1970-01-01", "1.-5"} {
		if got, err := engine.ParseTime(in); err == nil {
			t.Errorf("%q is %v", in, got)
		}
	}
}

func FuzzParseJob(f *testing.F) {
	for _, text := range []string{"A=1 echo x", "=", "", "\x00 =\n", "a b=c=d \u2003e"} {
		f.Add(text)
	}
	eng := engine.New()
	f.Fuzz(func(t *testing.T, text string) {
		job, err := eng.ParseJob(text)
		if err != nil {
			return
		}
		words := 1 + len(job.Args)
		for _, values := range job.Env().MultiMap() {
			words += len(values)
		}
		if words != len(strings.Fields(text)) || job.Name == "" || strings.Contains(job.Name, "=") {
			t.Errorf("%q became %q %q %q", text, job.Name, job.Args, job.Environ())
		}
	})
}

// What was decoded is encoded again as the same, and decodes to the same.
func FuzzEnvDecode(f *testing.F) {
	for _, text := range []string{
		`{"a":1e3,"b":"007","c":null,"d":[1,{"x":2.50}],"e":true,"f":""}`, `{"a":-0.0,"a":1E400}`, `{"\u0000":"\ud800"}`, `{`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var first, second engine.Env
		if first.Decode(bytes.NewReader(text)) != nil {
			return
		}
		var a, b bytes.Buffer
		if err := first.Encode(&a); err != nil {
			t.Fatalf("%q was decoded but not encoded: %v", text, err)
		}
		if err := second.Decode(bytes.NewReader(a.Bytes())); err != nil {
			t.Fatalf("%q was encoded as %q: %v", text, a.String(), err)
		}
		must(t, second.Encode(&b))
		if a.String() != b.String() {
			t.Errorf("first %q, then %q", a.String(), b.String())
		}
	})
}
