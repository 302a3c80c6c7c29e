package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Env returns the env of the job itself. Change it before Start only.
func (j *Job) Env() *Env { return &j.env }

// Environ copies the env as a map.
func (j *Job) Environ() map[string]string { return j.env.Map() }

// EnvExists tells whether the caller set key, be it to the empty string. A
// declared default does not count.
func (j *Job) EnvExists(key string) bool { return j.env.Exists(key) }

// Getenv returns the value of key. Where it is not set or empty, that is the
// default that the declaration gives it.
func (j *Job) Getenv(key string) string {
	if v := j.env.Get(key); v != "" {
		return v
	}
	if j.entry != nil && j.entry.decl != nil {
		if k := j.entry.decl.keys[key]; k != nil {
			return k.Default
		}
	}
	return ""
}

// one is an env with the value of key alone, so that the typed readers of Env
// see the default as well.
func (j *Job) one(key string) *Env { return &Env{list: []pair{{key: key, value: j.Getenv(key)}}} }

// GetenvBool reads a truth value; a key that is declared Bool cannot be malformed.
func (j *Job) GetenvBool(key string) bool { return looseBool(j.Getenv(key)) }

// GetenvInt reads a whole number; absent is 0, and a key that is declared Int
// cannot be malformed.
func (j *Job) GetenvInt(key string) int { return j.one(key).GetInt(key) }

// GetenvInt64 is GetenvInt with 64 bits on every platform.
func (j *Job) GetenvInt64(key string) int64 { return j.one(key).GetInt64(key) }

// GetenvList reads a list.
func (j *Job) GetenvList(key string) []string { return j.one(key).GetList(key) }

// GetenvJson unmarshals the value into target; an absent key leaves it alone.
func (j *Job) GetenvJson(key string, target any) error {
	if err := j.one(key).GetJson(key, target); err != nil {
		return invalidKey(key, err)
	}
	return nil
}

// GetenvTime reads a time; an absent key is the zero time.
func (j *Job) GetenvTime(key string) (time.Time, error) {
	value := j.Getenv(key)
	if value == "" {
		return time.Time{}, nil
	}
	t, err := ParseTime(value)
	if err != nil {
		return time.Time{}, invalidKey(key, err)
	}
	return t, nil
}

// GetenvSubEnv reads a JSON object as an Env of its own; nil when it is none.
func (j *Job) GetenvSubEnv(key string) *Env { return j.one(key).GetSubEnv(key) }

// Setenv sets a plain string. As all setters, it is for the caller, before Start.
func (j *Job) Setenv(key, value string) { j.env.Set(key, value) }

// SetenvBool sets 1 or 0.
func (j *Job) SetenvBool(key string, value bool) { j.env.SetBool(key, value) }

// SetenvInt sets a whole number.
func (j *Job) SetenvInt(key string, value int) { j.env.SetInt(key, value) }

// SetenvInt64 sets a whole number.
func (j *Job) SetenvInt64(key string, value int64) { j.env.SetInt64(key, value) }

// SetenvList sets a list of strings.
func (j *Job) SetenvList(key string, value []string) { j.env.SetList(key, value) }

// SetenvJson sets the JSON form of value.
func (j *Job) SetenvJson(key string, value any) error { return j.env.SetJson(key, value) }

// SetenvSubEnv sets an Env as a JSON object.
func (j *Job) SetenvSubEnv(key string, value *Env) error { return j.env.SetSubEnv(key, value) }

// SetenvTime sets a time.
func (j *Job) SetenvTime(key string, t time.Time) { j.env.SetTime(key, t) }

// DecodeEnv adds the members of a JSON object to the env.
func (j *Job) DecodeEnv(src io.Reader) error { return j.env.Decode(src) }

// EncodeEnv writes the env as a JSON object.
func (j *Job) EncodeEnv(dst io.Writer) error { return j.env.Encode(dst) }

// ImportEnv adds the members of the JSON form of src, usually a struct.
func (j *Job) ImportEnv(src any) error { return j.env.Import(src) }

// Printf writes to Stdout. A failure shows at the next write that is checked.
func (j *Job) Printf(format string, args ...any) { _, _ = fmt.Fprintf(j.Stdout, format, args...) }

// Warnf writes one line to Stderr, where the warnings of a job go.
func (j *Job) Warnf(format string, args ...any) { _, _ = fmt.Fprintf(j.Stderr, format+"\n", args...) }

// Errorf makes an error for the handler to return; %w keeps the kind. Nothing
// is written: the error is the result of the job.
func (j *Job) Errorf(format string, args ...any) error { return fmt.Errorf(format, args...) }

// WriteJSON writes one JSON document and a newline to Stdout.
func (j *Job) WriteJSON(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding the answer of job %s: %w", j.Name, err)
	}
	_, err = j.Stdout.Write(append(text, '\n'))
	return err
}

// decodeOutput reads the one JSON document that a job wrote.
func (j *Job) decodeOutput(out []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(out))
	err := dec.Decode(v)
	if err == nil {
		if _, extra := dec.Token(); !errors.Is(extra, io.EOF) {
			err = errors.New("more than one document")
		}
	}
	if err != nil {
		return fmt.Errorf("decoding the output of job %s: %w", j.Name, err)
	}
	return nil
}
