package engine

import "fmt"

// KeyError says what is wrong with the value of an env key. Those who take the value
// from somewhere else, where it has another name, say it in words of their own.
type KeyError struct {
	Key   string
	Want  string // what it must be: "a whole number"; empty: Err says it
	Value string // shortened; not that of a secret
	Err   error
}

// Error is for those who gave the key.
func (e *KeyError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("env key %q: %v", e.Key, e.Err)
	}
	return fmt.Sprintf("env key %q %s", e.Key, e.Must())
}

// Must is what the value has to be, without the name of the key.
func (e *KeyError) Must() string {
	if e.Value == "" {
		return "must be " + e.Want
	}
	return fmt.Sprintf("must be %s, not %q", e.Want, e.Value)
}

// Unwrap gives the cause.
func (e *KeyError) Unwrap() error { return e.Err }
