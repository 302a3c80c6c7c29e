package engine

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Env is an ordered list of key=value pairs. Setting appends and reading takes
// the last value of a key, so a key may be there several times (MultiMap shows
// them all). Each value is text that remembers whether it is a plain string or
// a JSON value, so Encode never has to guess.
//
// The zero value is an empty Env. It has no lock: configure it, then read it.
type Env struct {
	list []pair
}

type pair struct {
	key, value string
	form       form
}

// form says how Encode writes a value.
type form uint8

const (
	formString form = iota // as a JSON string
	formJSON               // as it is: the text is a JSON value
	formBool               // "1" and "0" as true and false
)

// last finds the value that counts.
func (e *Env) last(key string) (*pair, bool) {
	for i := len(e.list) - 1; i >= 0; i-- {
		if e.list[i].key == key {
			return &e.list[i], true
		}
	}
	return nil, false
}

func (e *Env) set(key, value string, f form) {
	e.list = append(e.list, pair{key, value, f})
}

// Get returns the last value of key, or the empty string.
func (e *Env) Get(key string) string {
	if p, ok := e.last(key); ok {
		return p.value
	}
	return ""
}

// Set appends a plain string.
func (e *Env) Set(key, value string) { e.set(key, value, formString) }

// Exists tells whether key was set, be it to the empty string.
func (e *Env) Exists(key string) bool {
	_, ok := e.last(key)
	return ok
}

// Len counts the distinct keys.
func (e *Env) Len() int { return len(e.Map()) }

// Map copies the env; the last value of each key counts.
func (e *Env) Map() map[string]string {
	m := make(map[string]string, len(e.list))
	for _, p := range e.list {
		m[p.key] = p.value
	}
	return m
}

// MultiMap copies the env with every value of each key in order.
func (e *Env) MultiMap() map[string][]string {
	m := make(map[string][]string, len(e.list))
	for _, p := range e.list {
		m[p.key] = append(m[p.key], p.value)
	}
	return m
}

// InitMultiMap makes the env hold exactly m.
func (e *Env) InitMultiMap(m map[string][]string) {
	e.list = nil
	for _, key := range slices.Sorted(maps.Keys(m)) {
		for _, v := range m[key] {
			e.Set(key, v)
		}
	}
}

// Init makes the env a copy of other.
func (e *Env) Init(other *Env) { e.list = slices.Clone(other.list) }

// GetBool reads a truth value: false are the empty string, 0, no, false and
// none; anything else is true. (A key that is declared Bool is checked more
// strictly, at dispatch.)
func (e *Env) GetBool(key string) bool { return looseBool(e.Get(key)) }

// SetBool sets 1 or 0; Encode writes true or false.
func (e *Env) SetBool(key string, value bool) {
	text := "0"
	if value {
		text = "1"
	}
	e.set(key, text, formBool)
}

// GetInt reads a whole number. What is none reads as 0.
func (e *Env) GetInt(key string) int { return int(e.GetInt64(key)) }

// SetInt sets a whole number.
func (e *Env) SetInt(key string, value int) { e.SetInt64(key, int64(value)) }

// GetInt64 reads a whole number. What is none reads as 0.
func (e *Env) GetInt64(key string) int64 {
	n, err := strconv.ParseInt(trim(e.Get(key)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// SetInt64 sets a whole number.
func (e *Env) SetInt64(key string, value int64) {
	e.set(key, strconv.FormatInt(value, 10), formJSON)
}

// GetList reads a JSON array of strings. Any other text is a list of that text
// alone; a key that is empty, null or not there has no list (nil).
func (e *Env) GetList(key string) []string {
	value := e.Get(key)
	list, err := parseList(value)
	if err != nil {
		return []string{value}
	}
	return list
}

// SetList sets a list; nil is kept apart from the empty list.
func (e *Env) SetList(key string, value []string) {
	text, _ := json.Marshal(value) // strings always marshal
	e.set(key, string(text), formJSON)
}

// GetJson unmarshals the value into target. A key that is empty or not there
// leaves target as it is.
func (e *Env) GetJson(key string, target any) error {
	value := e.Get(key)
	if value == "" {
		return nil
	}
	return json.Unmarshal([]byte(value), target)
}

// SetJson sets the JSON form of value.
func (e *Env) SetJson(key string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	e.set(key, string(text), formJSON)
	return nil
}

// GetSubEnv reads a JSON object as an Env of its own; nil when it is none.
func (e *Env) GetSubEnv(key string) *Env {
	sub := &Env{}
	value := e.Get(key)
	if value == "" || sub.decodeText([]byte(value)) != nil {
		return nil
	}
	return sub
}

// SetSubEnv sets an Env as a JSON object.
func (e *Env) SetSubEnv(key string, sub *Env) error { return e.SetJson(key, sub) }

// GetTime reads a time as ParseTime does; a key that is not there is an error.
func (e *Env) GetTime(key string) (time.Time, error) { return ParseTime(e.Get(key)) }

// SetTime sets a time as RFC 3339 with nanoseconds.
func (e *Env) SetTime(key string, t time.Time) { e.Set(key, t.Format(time.RFC3339Nano)) }
