package engine

import (
	"slices"
	"strings"

	"github.com/enginejobs/docker/errdefs"
)

// Declaration is a job as its owner describes it. Validation, job_list, the
// generated documentation and remote bindings are all made from it.
type Declaration struct {
	Name    string
	Aliases []string // other spellings, for callers of older engines
	Summary string   // one sentence
	Args    []Arg
	Env     []Key
	AnyEnv  bool   // undeclared env keys pass unchecked
	Stdin   Stream // what the handler reads
	Stdout  Stream // what the handler writes
	Changes bool   // changes state; else it only reads
	Waits   bool   // runs for as long as its caller likes; limits do not count it
	Control bool   // looks after the engine itself: also one that is full can be seen and freed
	Handler Handler
}

// Arg is one positional argument.
type Arg struct {
	Name     string
	Optional bool
	Variadic bool // the last one only: none or any number more
	Secret   bool // masked in logs, traces and lists
	Summary  string
}

// Key is one key of the env.
type Key struct {
	Name    string
	Type    Type
	Default string // what Getenv answers when the key is not set
	Secret  bool   // its value is never logged, traced or quoted in an error
	Summary string
}

// Type is what the value of a key must look like.
type Type int

// The types of env values.
const (
	String Type = 0
	Bool   Type = 1 // 1 true yes; 0 false no none and the empty string
	Int    Type = 2 // a whole number in base ten; empty counts as absent
	Int64  Type = 3
	JSON   Type = 4 // any JSON value
	List   Type = 5 // a JSON array of strings, or one plain string
	Time   Type = 6 // RFC 3339, or unix seconds with an optional fraction
)

var typeNames = [...]string{"string", "bool", "int", "int64", "json", "list", "time"}

// String gives the name of the type as job_list writes it.
func (t Type) String() string {
	if t < 0 || int(t) >= len(typeNames) {
		return "unknown"
	}
	return typeNames[t]
}

// MarshalText writes the name.
func (t Type) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads a name that MarshalText has written.
func (t *Type) UnmarshalText(text []byte) error {
	i := slices.Index(typeNames[:], string(text))
	if i < 0 {
		return errdefs.InvalidArgument("%q is no type of an env value", text)
	}
	*t = Type(i)
	return nil
}

// Stream is what a standard stream of a job carries.
type Stream int

// The kinds of stream.
const (
	None         Stream = 0 // nothing
	Bytes        Stream = 1 // raw bytes
	JSONLines    Stream = 2 // one JSON document per line
	Multiplexed  Stream = 3 // Stdout and Stderr are both payload
	JSONDocument Stream = 4 // one JSON document
)

var streamNames = [...]string{"none", "bytes", "json_lines", "multiplexed", "json"}

// String gives the name of the kind as job_list writes it.
func (s Stream) String() string {
	if s < 0 || int(s) >= len(streamNames) {
		return "unknown"
	}
	return streamNames[s]
}

// MarshalText writes the name.
func (s Stream) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a name that MarshalText has written.
func (s *Stream) UnmarshalText(text []byte) error {
	i := slices.Index(streamNames[:], string(text))
	if i < 0 {
		return errdefs.InvalidArgument("%q is no kind of a stream", text)
	}
	*s = Stream(i)
	return nil
}

// declaration is a Declaration made ready for dispatch.
type declaration struct {
	Declaration
	min, max int // arguments; max < 0: any number
	keys     map[string]*Key
	usage    string
	secrets  bool // some argument is secret
}

// compile checks a declaration and prepares it.
func compile(d Declaration) (*declaration, error) {
	c := &declaration{Declaration: d, keys: make(map[string]*Key, len(d.Env))}
	if d.Name == "" {
		return nil, errdefs.InvalidArgument("a job needs a name")
	}
	if d.Handler == nil {
		return nil, errdefs.InvalidArgument("job %q has no handler", d.Name)
	}
	for i, a := range d.Args {
		switch {
		case a.Variadic && i != len(d.Args)-1:
			return nil, errdefs.InvalidArgument("job %q: variadic argument %s is not the last", d.Name, a.Name)
		case !a.Optional && !a.Variadic && c.min < i:
			return nil, errdefs.InvalidArgument("job %q: argument %s follows an optional one", d.Name, a.Name)
		case !a.Optional:
			c.min++
		}
		c.max++
		if a.Variadic {
			c.max = -1
		}
		c.secrets = c.secrets || a.Secret
	}
	for i := range d.Env {
		k := &d.Env[i]
		if k.Name == "" || c.keys[k.Name] != nil {
			return nil, errdefs.InvalidArgument("job %q: env key %q is empty or declared twice", d.Name, k.Name)
		}
		if err := k.check(k.Default); err != nil {
			return nil, errdefs.InvalidArgument("job %q: default of %w", d.Name, err)
		}
		c.keys[k.Name] = k
	}
	c.usage = usage(d)
	return c, nil
}

// usage writes a job the way a manual does: "rm CONTAINER [ARG] [MORE...]".
func usage(d Declaration) string {
	var b strings.Builder
	b.WriteString(d.Name)
	for _, a := range d.Args {
		name := a.Name
		if a.Variadic {
			name += "..."
		}
		if a.Optional {
			name = "[" + name + "]"
		}
		b.WriteString(" " + name)
	}
	return b.String()
}

// validate checks a job against its declaration.
func (c *declaration) validate(j *Job) error {
	if n := len(j.Args); n < c.min || c.max >= 0 && n > c.max {
		word := "arguments"
		if n == 1 {
			word = "argument"
		}
		return errdefs.InvalidArgument("job %s does not take %d %s, usage: %s", c.Name, n, word, c.usage)
	}
	for i := range j.env.list {
		v := &j.env.list[i]
		k := c.keys[v.key]
		if k == nil {
			if c.AnyEnv {
				continue
			}
			return errdefs.InvalidArgument("job %s does not know the env key %q", c.Name, v.key)
		}
		if err := k.check(v.value); err != nil {
			return errdefs.InvalidArgument("job %s: %w", c.Name, err)
		}
	}
	return nil
}
