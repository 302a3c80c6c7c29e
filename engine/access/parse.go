package access

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"github.com/enginejobs/docker/errdefs"
)

// Limits of a policy file.
const (
	MaxFile  = 1 << 20 // bytes
	MaxRules = 4096
)

// Load gives the built-in policy of that name, or reads a file. A file that
// others may write to is refused: it would be theirs to decide.
func Load(name string) (*Policy, error) {
	if p := builtin(name); p != nil {
		return p, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, errdefs.InvalidArgument("reading access policy %s: %w; name a file, or one of %s and %s",
			name, bare(err), Open, ReadOnly)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, errdefs.InvalidArgument("reading access policy %s: %w", name, bare(err))
	}
	switch {
	case !info.Mode().IsRegular():
		return nil, errdefs.InvalidArgument("reading access policy %s: it is not a regular file", name)
	case info.Mode().Perm()&0o002 != 0:
		return nil, errdefs.InvalidArgument("reading access policy %s: everybody may write to it; run chmod o-w on it", name)
	}
	text, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return nil, errdefs.InvalidArgument("reading access policy %s: %w", name, bare(err))
	}
	return Parse(name, text)
}

// bare takes the path off an error that says it already.
func bare(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// Parse reads the text of a policy; name is that of its file. The format is in
// docs/api/access.md. Nothing is passed over: an unknown or repeated key, a
// pattern that makes no sense and a rule that decides nothing are errors
// (InvalidArgument) that say where.
func Parse(name string, text []byte) (*Policy, error) {
	r := &reader{text: text, dec: json.NewDecoder(bytes.NewReader(text))}
	p := &Policy{name: name, file: true}
	err := r.check()
	if err == nil {
		err = r.policy(p)
	}
	if err != nil {
		return nil, errdefs.InvalidArgument("reading access policy %s: %w", name, err)
	}
	return p, nil
}

// reader reads JSON token by token, so that it knows the line of each.
type reader struct {
	text []byte
	dec  *json.Decoder
}

// check finds what no JSON reader would take.
func (r *reader) check() error {
	if len(r.text) > MaxFile {
		return fmt.Errorf("it is larger than %d MiB", MaxFile>>20)
	}
	if !utf8.Valid(r.text) {
		return errors.New("it is not UTF-8 text")
	}
	if len(bytes.TrimSpace(r.text)) == 0 {
		return errors.New("it is empty; an access policy is a JSON object with rules")
	}
	var all json.RawMessage
	err := json.Unmarshal(r.text, &all)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("line %d: %w", r.line(syntax.Offset), err)
	}
	return err
}

// line tells which line an offset is on.
func (r *reader) line(offset int64) int {
	return 1 + bytes.Count(r.text[:min(max(offset, 0), int64(len(r.text)))], []byte{'\n'})
}

// errorf is an error about the token that was read last.
func (r *reader) errorf(format string, args ...any) error {
	return fmt.Errorf("line %d: "+format, append([]any{r.line(r.dec.InputOffset())}, args...)...)
}

// object reads an object and calls member for each key, which must be new.
func (r *reader) object(what string, member func(key string) error) error {
	open, err := r.dec.Token()
	if err != nil {
		return r.errorf("%w", err)
	}
	if open != json.Delim('{') {
		return r.errorf("%s must be a JSON object", what)
	}
	seen := map[string]bool{}
	for r.dec.More() {
		token, err := r.dec.Token()
		key, ok := token.(string)
		if err != nil || !ok {
			return r.errorf("a key is expected")
		}
		if seen[key] {
			return r.errorf("%s has the key %s twice", what, shown(key))
		}
		seen[key] = true
		if err := member(key); err != nil {
			return err
		}
	}
	if _, err = r.dec.Token(); err != nil {
		return r.errorf("%w", err)
	}
	return nil
}

// list reads an array and calls element before each element.
func (r *reader) list(what string, element func() error) error {
	open, err := r.dec.Token()
	if err != nil {
		return r.errorf("%w", err)
	}
	if open != json.Delim('[') {
		return r.errorf("%s must be a list", what)
	}
	for r.dec.More() {
		if err := element(); err != nil {
			return err
		}
	}
	if _, err = r.dec.Token(); err != nil {
		return r.errorf("%w", err)
	}
	return nil
}

func (r *reader) str(what string) (string, error) {
	token, err := r.dec.Token()
	if err != nil {
		return "", r.errorf("%w", err)
	}
	text, ok := token.(string)
	if !ok {
		return "", r.errorf("%s must be text", what)
	}
	return text, nil
}

func (r *reader) boolean(what string) (bool, error) {
	token, err := r.dec.Token()
	if err != nil {
		return false, r.errorf("%w", err)
	}
	yes, ok := token.(bool)
	if !ok {
		return false, r.errorf("%s must be true or false", what)
	}
	return yes, nil
}

func (r *reader) policy(p *Policy) error {
	err := r.object("an access policy", func(key string) error {
		switch key {
		case "default":
			word, err := r.str(key)
			if err == nil && word != "allow" && word != "deny" {
				err = r.errorf("default must be allow or deny, not %s", shown(word))
			}
			p.allow = word == "allow"
			return err
		case "rules":
			return r.list(key, func() error { return r.rule(p) })
		}
		return r.errorf("unknown key %s: an access policy has default and rules", shown(key))
	})
	if err != nil {
		return err
	}
	if _, err := r.dec.Token(); err != io.EOF {
		return r.errorf("there is something after the policy")
	}
	return nil
}
