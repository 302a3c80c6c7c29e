package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// document is a JSON document as a template of inspect sees it: maps, lists and
// plain values, by the names of the wire. What {{json}} shows of it has the
// members in the server's order.
type document struct {
	raw map[string][]byte // the text of each object, by its address
}

// showDocument runs a template on a JSON document.
func showDocument(w io.Writer, f *format, raw []byte) error {
	d := document{raw: make(map[string][]byte)}
	if !json.Valid(raw) {
		return fmt.Errorf("reading the daemon's answer: it is no JSON: %.100q", raw)
	}
	v, err := d.decode(raw)
	if err != nil {
		return fmt.Errorf("reading the daemon's answer: %w", err)
	}
	if m, ok := v.(map[string]any); ok {
		if _, has := m["ID"]; !has && m["Id"] != nil {
			m["ID"] = m["Id"] // the spelling of later clients' templates
		}
	}
	f.t.Funcs(map[string]any{"json": d.json})
	var line bytes.Buffer
	failed := f.line(&line, v)
	if failed != nil {
		line.Reset()
		line.WriteByte('\n')
	}
	if _, err := line.WriteTo(w); err != nil {
		return err
	}
	return failed
}

// decode reads a value. Integers are integers, so that templates print them
// without an exponent and can compare them.
func (d document) decode(raw []byte) (any, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	switch raw[0] {
	case '{':
		var members map[string]json.RawMessage
		if err := json.Unmarshal(raw, &members); err != nil {
			return nil, err
		}
		m := make(map[string]any, len(members))
		for name, text := range members {
			v, err := d.decode(text)
			if err != nil {
				return nil, err
			}
			m[name] = v
		}
		d.raw[address(m)] = raw
		return m, nil
	case '[':
		var elements []json.RawMessage
		if err := json.Unmarshal(raw, &elements); err != nil {
			return nil, err
		}
		list := make([]any, len(elements))
		for i, text := range elements {
			var err error
			if list[i], err = d.decode(text); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n, nil
	}
	var v any
	err := json.Unmarshal(raw, &v)
	return v, err
}

// plainJSON writes <, > and & as they are, as {{json}} does everywhere.
func plainJSON(text string) string {
	if !strings.Contains(text, `\u00`) {
		return text
	}
	return strings.NewReplacer(`\\`, `\\`, `\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(text)
}

// address tells two maps apart.
func address(m map[string]any) string { return fmt.Sprintf("%p", m) }

// json is the function of templates.
func (d document) json(v any) (string, error) {
	var b bytes.Buffer
	switch t := v.(type) {
	case map[string]any:
		raw, known := d.raw[address(t)]
		if !known {
			break
		}
		err := json.Compact(&b, raw)
		return plainJSON(b.String()), err
	case []any:
		b.WriteByte('[')
		for i, element := range t {
			if i > 0 {
				b.WriteByte(',')
			}
			text, err := d.json(element)
			if err != nil {
				return "", err
			}
			b.WriteString(text)
		}
		b.WriteByte(']')
		return b.String(), nil
	}
	text, err := jsonNoEscape(v)
	return string(text), err
}
