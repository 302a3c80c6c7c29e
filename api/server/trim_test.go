package server

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// dropped is what the tests leave out.
func dropped() []shape {
	return []shape{
		trim(52, 0, func(parent, name string) bool { return parent == "N" && name != "a" || parent == "" && name == "gone" }),
		trim(40, 60, func(parent, name string) bool { return parent == "C" && name == "Mac" }),
	}
}

func TestTrimmed(t *testing.T) {
	need := needed(dropped(), v1(55))
	if len(need) != 2 || !trims(need) || trims(needed(shapeInspect(), v1(20))) || len(needed(dropped(), v1(39))) != 0 {
		t.Fatal("which shapes apply is wrong")
	}
	for text, want := range map[string]string{
		`{}`: `{}`,
		`{"gone":1,"N":{"b":2,"a":[1,{"b":3}],"c":"}"},"C":{"Mac":"m"},"x":null}`: `{"N":{"a":[1,{"b":3}]},"C":{},"x":null}`,
		`[{"gone":1,"x":[2]} , {"N":{"a":1,"b":2},"gone":{}}]`:                    `[{"x":[2]},{"N":{"a":1}}]`,
		`[]`: `[]`,
		" {\n\"gone\" : {\"N\": {}} ,\t\"N\" : \"}\\\"{\" }\n":    `{"N":"}\"{"}`,
		`{"C":{"x":{"Mac":1},"Mac":2,"y":-1.5e3},"N":{"a":true}}`: `{"C":{"x":{"Mac":1},"y":-1.5e3},"N":{"a":true}}`,
	} {
		got, err := trimmed([]byte(text), need)
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "[1]", "[{}", "[,{}]", "{", `{"a"`, `{"a":`, `{"a":"`, `{"a":{"b":[}`, `{"a" 1}`, `{1:2}`, `{"a":"\`} {
		if got, err := trimmed([]byte(text), need); err == nil {
			t.Errorf("%q gives %s", text, got)
		}
	}
}

// What is left out of the text is what is left out of the document.
func FuzzTrimmed(f *testing.F) {
	f.Add(`{"gone":1,"N":{"b":2,"a":[1,{"b":3}]},"C":{"Mac":"m","\u0061":"\\"},"x":null}`)
	f.Add(`{"N":{"a":{}},"C":[],"":0.5}`)
	f.Fuzz(func(t *testing.T, text string) {
		need := needed(dropped(), v1(55))
		got, err := trimmed([]byte(text), need)
		var doc any
		if !strings.HasPrefix(strings.TrimSpace(text), "{") || !json.Valid([]byte(text)) {
			return
		}
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if strings.Contains(text, `\`) { // a name with an escape is kept as it is
			if !json.Valid(got) {
				t.Fatalf("%s gives %s", text, got)
			}
			return
		}
		if doc, err = decodeAny([]byte(text)); err != nil {
			t.Fatal(err)
		}
		for _, s := range need {
			doc = s.edit(doc)
		}
		want, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		if doc, err = decodeAny(got); err != nil {
			t.Fatalf("%s gives %s: %v", text, got, err)
		}
		again, err := json.Marshal(doc)
		if err != nil || !bytes.Equal(again, want) {
			t.Fatalf("%s gives %s, want %s", text, again, want)
		}
	})
}
