package client

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/enginejobs/docker/api"
)

func TestFit(t *testing.T) {
	for _, tt := range []struct {
		text string
		n    int
		want string
	}{
		{"", 5, ""}, {"short", 5, "short"}, {"longer", 5, "long…"}, {"äöüßé", 5, "äöüßé"}, {"äöüßéx", 5, "äöüß…"},
		{"漢字漢", 6, "漢字漢"}, {"漢字漢字", 6, "漢字…"}, {"a漢字漢字", 6, "a漢字…"}, {"\xff\xff\xff", 2, "\xff…"},
	} {
		if got := fit(tt.text, tt.n); got != tt.want {
			t.Errorf("fit(%q, %d) = %q, want %q", tt.text, tt.n, got, tt.want)
		}
	}
}

func TestPortRanges(t *testing.T) {
	p := func(ip string, outside, inside uint16, proto string) api.ContainerPort {
		return api.ContainerPort{IP: ip, PublicPort: outside, PrivatePort: inside, Type: proto}
	}
	for want, ports := range map[string][]api.ContainerPort{
		"":                         nil,
		"80/tcp":                   {p("", 0, 80, "tcp")},
		"80-82/tcp, 80/udp":        {p("", 0, 82, "tcp"), p("", 0, 80, "udp"), p("", 0, 80, "tcp"), p("", 0, 81, "tcp")},
		"80/tcp, 82/tcp":           {p("", 0, 80, "tcp"), p("", 0, 82, "tcp")},
		"0.0.0.0:80-81->80-81/tcp": {p("0.0.0.0", 80, 80, "tcp"), p("0.0.0.0", 81, 81, "tcp")},
		"99/tcp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp": {p("::", 8080, 80, "tcp"), p("0.0.0.0", 8080, 80, "tcp"), p("", 0, 99, "tcp")},
		"[::1]:53->53/udp": {p("::1", 53, 53, "udp")},
	} {
		if got := portRanges(ports); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestTitleWords(t *testing.T) {
	for text, want := range map[string]string{"": "", "running": "Running", "up 3 days": "Up 3 Days", "o'brien x_y": "O'brien X_y", "élan-vital": "Élan-Vital"} {
		if got := titleWords(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// The head of a table is what the functions of its template leave alone.
func TestTableHead(t *testing.T) {
	kind := listing{table: `{{.Name}}`, raw: "name: {{.Name}}\n", header: header{"Name": "NAME"}}
	type row struct{ Name string }
	for format, want := range map[string]string{
		"table": "NAME\na\n", "raw": "name: a\n\n", "json": `{"Name":"a"}` + "\n",
		`table {{upper .Name}}\t{{json .Name}}`: "NAME      NAME\nA         \"a\"\n",
		`table{{pad (truncate .Name 1) 1 1}}`:   "NAME\n a \n",
	} {
		var out bytes.Buffer
		if err := rows(&out, format, kind, []row{{"a"}}); err != nil || out.String() != want {
			t.Errorf("%s: %v %q, want %q", format, err, out.String(), want)
		}
	}
	if got := (header{}).Label("com.example.my-label_x"); got != "my label x" {
		t.Error(got)
	}
}

func show(format, document string) (string, error) {
	f, err := parseTemplate(format)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	err = showDocument(&out, f, []byte(document))
	return out.String(), err
}

// What {{json}} shows of a document has the order of the server.
func TestDocument(t *testing.T) {
	const text = `{"Id":"x","B":{"z":1,"a":[{"y":2.50,"b":"\u003c\\u003c"}]},"N":12345678901234567890,"E":[],"L":[1,"<",null,{"q":1e3}]}`
	for format, want := range map[string]string{
		"{{.Id}} {{.ID}} {{.B.z}} {{.None}}":                 "x x 1 <no value>\n",
		"{{json .B}}":                                        `{"z":1,"a":[{"y":2.50,"b":"<\\u003c"}]}` + "\n",
		"{{json .}}":                                         strings.Replace(text, `\u003c\\`, `<\\`, 1) + "\n",
		"{{json .L}} {{json .E}} {{json .None}}":             `[1,"<",null,{"q":1e3}] [] null` + "\n",
		"{{range .B.a}}{{.y}} {{json .b}}{{end}}":            `2.5 "<\\u003c"` + "\n",
		"{{range $k, $v := .B}}{{$k}}{{end}}":                "az\n",
		`{{index .L 0}} {{len .L}} {{eq .B.z 1}}{{println}}`: "1 4 true\n\n",
	} {
		if got, err := show(format, text); err != nil || got != want {
			t.Errorf("%s: %v %q, want %q", format, err, got, want)
		}
	}
	if got, err := show("{{index .L 9}}", text); err == nil || got != "\n" || !strings.HasPrefix(err.Error(), "template parsing error: ") {
		t.Errorf("%q %v", got, err)
	}
	for _, bad := range []string{"", "{", `{"a":}`, `[1,`, "nul"} {
		if _, err := show("{{.}}", bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// FuzzDocument: whatever a server sends is shown as it is, or refused.
func FuzzDocument(f *testing.F) {
	for _, seed := range []string{`{"Id":"x","A":[1,{"b":null}]}`, `[]`, `"\u003c"`, `{"a":{"a":{"a":[[[0.1]]]}}}`, `{`, "1e999", `{"a":1,"a":2}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out, err := show("{{json .}}", text)
		var want, got any
		if json.Unmarshal([]byte(text), &want) != nil {
			if err == nil && !json.Valid([]byte(text)) {
				t.Errorf("%q is shown as %q", text, out)
			}
			return
		}
		if err != nil || json.Unmarshal([]byte(out), &got) != nil {
			t.Errorf("%q: %v: %q", text, err, out)
		}
	})
}
