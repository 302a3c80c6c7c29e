package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

// check tells what is wrong with a value of this key. The empty value is always
// good: it stands for "not given", as an empty form field does.
func (k *Key) check(value string) error {
	if value == "" {
		return nil
	}
	want := ""
	switch k.Type {
	case Bool:
		if _, ok := strictBool(value); !ok {
			want = "true or false"
		}
	case Int:
		if _, err := strconv.Atoi(trim(value)); err != nil {
			want = "a whole number"
		}
	case Int64:
		if _, err := strconv.ParseInt(trim(value), 10, 64); err != nil {
			want = "a whole number"
		}
	case List:
		if _, err := parseList(value); err != nil {
			want = "a JSON array of strings or one plain string"
		}
	case JSON:
		if !json.Valid([]byte(value)) {
			want = "JSON"
		}
	case Time:
		if _, err := ParseTime(value); err != nil {
			want = "a time (RFC 3339 or unix seconds)"
		}
	}
	switch {
	case want == "":
		return nil
	case k.Secret:
		return &KeyError{Key: k.Name, Want: want}
	}
	return &KeyError{Key: k.Name, Want: want, Value: shorten(value)}
}

// shorten keeps a quoted value readable in an error.
func shorten(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}

func trim(s string) string { return strings.Trim(s, " \t") }

// looseBool is the classic rule: what is not one of five words is true.
func looseBool(s string) bool {
	switch strings.ToLower(trim(s)) {
	case "", "0", "no", "false", "none":
		return false
	}
	return true
}

// strictBool accepts what looseBool answers and nobody would read otherwise.
func strictBool(s string) (value, ok bool) {
	switch strings.ToLower(trim(s)) {
	case "", "0", "no", "false", "none":
		return false, true
	case "1", "yes", "true":
		return true, true
	}
	return false, false
}

// parseList reads a JSON array of strings. A text that is no JSON array is a
// list of that one text; "null" and the empty text are no list.
func parseList(s string) ([]string, error) {
	text := strings.TrimSpace(s)
	if text == "" || text == "null" {
		return nil, nil
	}
	if text[0] != '[' {
		return []string{s}, nil
	}
	var list []string
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, err
	}
	return list, nil
}

// ParseTime reads a point in time: RFC 3339 with or without a fraction, or
// seconds since 1970 with an optional fraction of up to nine digits.
func ParseTime(s string) (time.Time, error) {
	sec, frac, dotted := strings.Cut(s, ".")
	n, err := strconv.ParseInt(sec, 10, 64)
	if err != nil {
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return time.Time{}, fmt.Errorf("%q is not a time (RFC 3339 or unix seconds)", shorten(s))
		}
		return t, nil
	}
	if !dotted {
		return time.Unix(n, 0), nil
	}
	nano, err := strconv.ParseUint((frac + "000000000")[:9], 10, 32)
	if err != nil || frac == "" || len(frac) > 9 {
		return time.Time{}, errors.New("the fraction of a unix time has one to nine digits")
	}
	if strings.HasPrefix(sec, "-") {
		return time.Unix(n, -int64(nano)), nil
	}
	return time.Unix(n, int64(nano)), nil
}

// invalidKey is the error of a handler's own look at the value of a key.
func invalidKey(key string, err error) error {
	return errdefs.As(errdefs.KindInvalidArgument, &KeyError{Key: key, Err: err})
}
