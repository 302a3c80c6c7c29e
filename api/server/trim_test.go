package server

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// dropped is what the tests leave out.
func dropped() []shape {
	return []shape{
		trimRows(52, 0, "gone", "N"),
		trimRows(40, 60, "Mac"),
	}
}

func TestTrimmed(t *testing.T) {
	need := needed(dropped(), v1(55))
	if len(need) != 2 || !trims(need) || trims(needed(shapeInspect(), v1(20))) || len(needed(dropped(), v1(39))) != 0 {
		t.Fatal("which shapes apply is wrong")
	}
	for text, want := range map[string]string{
		`[]`:      `[]`,
		`[{}]`:    `[{}]`,
		` [ {} ]`: `[{}]`,
		`[{"gone":1,"N":{"b":2,"a":[1,{"b":3}],"c":"}"},"C":{"Mac":"m"},"x":null}]`: `[{"C":{"Mac":"m"},"x":null}]`,
		`[{"gone":1,"x":[2]} , {"Mac":{"a":1,"b":2},"gone":{}}]`:                    `[{"x":[2]},{}]`,
		" [{\n\"gone\" : {\"N\": {}} ,\t\"y\" : \"}\\\"{\" }]\n":                    `[{"y":"}\"{"}]`,
		`[{"C":{"x":{"Mac":1},"N":2},"y":-1.5e3,"Mac":{"a":true}}]`:                 `[{"C":{"x":{"Mac":1},"N":2},"y":-1.5e3}]`,
	} {
		got, err := trimmed([]byte(text), need)
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "{}", "[1]", "[{}", "[,{}]", "[{", `[{"a"`, `[{"a":`, `[{"a":"`, `[{"a":{"b":[}`, `[{"a" 1}]`, `[{1:2}]`, `[{"a":"\`} {
		if got, err := trimmed([]byte(text), need); err == nil {
			t.Errorf("%q gives %s", text, got)
		}
	}
}

// What is left out of the text is what is left out of the document.
func FuzzTrimmed(f *testing.F) {
	f.Add(`[{"gone":1,"N":{"b":2,"a":[1,{"b":3}]},"C":{"Mac":"m","\u0061":"\\"},"x":null}]`)
	f.Add(`[{"N":{"a":{}},"C":[],"":0.5},{"Mac":1}]`)
	f.Fuzz(func(t *testing.T, text string) {
		need := needed(dropped(), v1(55))
		got, err := trimmed([]byte(text), need)
		var doc any
		var objects []map[string]any
		if json.Unmarshal([]byte(text), &objects) != nil || slices.ContainsFunc(objects, func(m map[string]any) bool { return m == nil }) || objects == nil {
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
