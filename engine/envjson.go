package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// SetAuto sets a decoded JSON value or any Go value: nil is ignored, a string
// is kept as it is, anything else becomes its JSON text. Whole numbers are
// written without fraction and exponent.
func (e *Env) SetAuto(key string, value any) error {
	switch v := value.(type) {
	case nil:
		return nil
	case string:
		e.Set(key, v)
		return nil
	}
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return e.setText(key, text)
}

// setText sets a JSON text under a key.
func (e *Env) setText(key string, text []byte) error {
	switch text = bytes.TrimSpace(text); {
	case len(text) == 0:
		return io.ErrUnexpectedEOF
	case string(text) == "null":
		return nil
	case text[0] == '"':
		var s string
		if err := json.Unmarshal(text, &s); err != nil {
			return err
		}
		e.Set(key, s)
	case text[0] == '{' || text[0] == '[':
		var compact bytes.Buffer
		if err := json.Compact(&compact, text); err != nil {
			return err
		}
		e.set(key, compact.String(), formJSON)
	default:
		e.set(key, wholeNumber(string(text)), formJSON)
	}
	return nil
}

// wholeNumber rewrites 1e3 and 1.0 as 1000 and 1 when that loses nothing, since
// readers of integers understand only that form. Other texts stay.
func wholeNumber(text string) string {
	if !strings.ContainsAny(text, ".eE") || strings.HasPrefix(text, "t") || strings.HasPrefix(text, "f") {
		return text
	}
	f, err := strconv.ParseFloat(text, 64)
	const exact = 1 << 53
	if err != nil || f != float64(int64(f)) || f > exact || f < -exact {
		return text
	}
	return strconv.FormatInt(int64(f), 10)
}

// Decode reads one JSON object and adds its members. After it the reader may
// have been read further than the object; use a Decoder for a sequence.
func (e *Env) Decode(src io.Reader) error { return NewDecoder(src).decode(e) }

// Import adds the members of the JSON form of src, usually a struct.
func (e *Env) Import(src any) error {
	text, err := json.Marshal(src)
	if err == nil {
		err = e.decodeText(text)
	}
	if err != nil {
		return fmt.Errorf("importing %T: %w", src, err)
	}
	return nil
}

// decodeText adds the members of one JSON object, in the order of their names.
// With an error nothing is added.
func (e *Env) decodeText(text []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return err
	}
	next := Env{list: slices.Clone(e.list)}
	for _, key := range slices.Sorted(maps.Keys(members)) {
		if err := next.setText(key, members[key]); err != nil {
			return err
		}
	}
	e.list = next.list
	return nil
}

// Encode writes the env as one JSON object with sorted keys, and a newline. A
// value is written as what it was set as: a string stays a string, also when it
// consists of digits; whole numbers keep every digit.
func (e *Env) Encode(dst io.Writer) error {
	_, err := e.WriteTo(dst)
	return err
}

// WriteTo is Encode, with the count of bytes written.
func (e *Env) WriteTo(dst io.Writer) (int64, error) {
	text, err := e.MarshalJSON()
	if err != nil {
		return 0, err
	}
	n, err := dst.Write(append(text, '\n'))
	return int64(n), err
}

// MarshalJSON gives the object without the newline.
func (e *Env) MarshalJSON() ([]byte, error) {
	members := make(map[string]json.RawMessage, len(e.list))
	for _, p := range e.list {
		text, err := p.json()
		if err != nil {
			return nil, fmt.Errorf("encoding key %q: %w", p.key, err)
		}
		members[p.key] = text
	}
	return json.Marshal(members)
}

// UnmarshalJSON makes the env hold exactly the members of an object.
func (e *Env) UnmarshalJSON(text []byte) error {
	e.list = nil
	return e.decodeText(text)
}

// json gives the JSON text of a value.
func (p *pair) json() ([]byte, error) {
	switch p.form {
	case formJSON:
		return []byte(p.value), nil
	case formBool:
		return strconv.AppendBool(nil, looseBool(p.value)), nil
	}
	return json.Marshal(p.value)
}

// Decoder reads a sequence of JSON objects of at most MaxDocument bytes each,
// with or without separators.
type Decoder struct {
	src  *bounded
	dec  *json.Decoder
	most int64 // bytes of one object
}

// NewDecoder makes a Decoder that reads from src.
func NewDecoder(src io.Reader) *Decoder {
	b := &bounded{r: src}
	return &Decoder{src: b, dec: json.NewDecoder(b), most: MaxDocument}
}

// Decode returns the next object as an Env, or io.EOF.
func (d *Decoder) Decode() (*Env, error) {
	e := &Env{}
	if err := d.decode(e); err != nil {
		return nil, err
	}
	return e, nil
}

func (d *Decoder) decode(e *Env) error {
	var text json.RawMessage
	d.src.left = d.most
	if err := d.dec.Decode(&text); err != nil {
		return err
	}
	if len(text) == 0 || text[0] != '{' {
		return errors.New("a JSON object is expected")
	}
	return e.decodeText(text)
}
