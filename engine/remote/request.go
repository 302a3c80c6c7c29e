package remote

import (
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// Limits of one request in the plain form. The server that a Handler is mounted
// on has its own for the head as a whole: net/http refuses more than 1 MiB with
// status 431 unless told otherwise.
const (
	MaxQuery   = 512 << 10 // bytes of the query and of the Job-Env headers together
	MaxEntries = 4096      // arguments and env entries together
)

// tooLarge is a request that is refused for its size alone, with status 413.
type tooLarge struct{ error }

func (t tooLarge) Unwrap() error { return t.error }

// call is what a request in the plain form asks for.
type call struct {
	name    string
	args    []string
	env     []pair
	timeout time.Duration // 0: none
	via     []string
	parent  string
	trace   string
}

type pair struct{ key, value string }

// parseCall reads everything of a request but its body.
func parseCall(r *http.Request) (*call, error) {
	name, err := segment(r)
	if err != nil {
		return nil, err
	}
	c := &call{name: name}
	size := len(r.URL.RawQuery)
	for _, entry := range r.Header[HeaderEnv] {
		size += len(entry)
	}
	if size > MaxQuery {
		return nil, tooLarge{errdefs.InvalidArgument(
			"the arguments and the env of job %s have %d bytes, at most %d fit into the plain form; use the session form",
			quote(name), size, MaxQuery)}
	}
	if err := c.query(r.URL.RawQuery); err != nil {
		return nil, err
	}
	for _, entry := range r.Header[HeaderEnv] {
		if err := c.setenv(HeaderEnv, entry); err != nil {
			return nil, err
		}
	}
	if n := len(c.args) + len(c.env); n > MaxEntries {
		return nil, tooLarge{errdefs.InvalidArgument(
			"job %s has %d arguments and env entries, at most %d are allowed", quote(name), n, MaxEntries)}
	}
	return c, c.metadata(r.Header)
}

// query reads "a=ARG&e=KEY=VALUE" in the order it is written. Nothing else may
// be in it: a misspelt parameter is not silently dropped.
func (c *call) query(raw string) error {
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "a":
			arg, err := url.QueryUnescape(value)
			if err != nil {
				return errdefs.InvalidArgument("argument %d, %s, is not percent-encoded: %w", len(c.args)+1, quote(value), err)
			}
			c.args = append(c.args, arg)
		case "e":
			if err := c.setenv("e", value); err != nil {
				return err
			}
		default:
			return errdefs.InvalidArgument("query parameter %s is not known: arguments are a=ARG, env entries e=KEY=VALUE", quote(key))
		}
	}
	return nil
}

// setenv reads one entry KEY=VALUE, percent-encoded, of the named place. In a
// query the '=' may be encoded too; in a header '+' stands for itself.
func (c *call) setenv(place, entry string) error {
	decode := url.QueryUnescape
	if place == HeaderEnv {
		decode = url.PathUnescape
	}
	text, err := decode(entry)
	shown, _, _ := strings.Cut(entry, "=") // the value may be a secret
	if err != nil {
		return errdefs.InvalidArgument("env entry %s (%s) is not percent-encoded", quote(shown), place)
	}
	key, value, ok := strings.Cut(text, "=")
	switch {
	case !ok:
		return errdefs.InvalidArgument("env entry %s (%s) has no '=': write KEY=VALUE", quote(key), place)
	case key == "":
		return errdefs.InvalidArgument("an env entry (%s) has no key before its '='", place)
	}
	c.env = append(c.env, pair{key, value})
	return nil
}

// metadata reads the headers that say how the job is to be run.
func (c *call) metadata(h http.Header) error {
	if text := h.Get(HeaderTimeout); text != "" {
		ms, err := strconv.ParseUint(text, 10, 64)
		if err != nil || ms == 0 {
			return errdefs.InvalidArgument("%s: %s is not a whole number of milliseconds above 0", HeaderTimeout, quote(text))
		}
		c.timeout = time.Duration(min(ms, math.MaxInt64/uint64(time.Millisecond))) * time.Millisecond
	}
	for _, line := range h[HeaderVia] {
		for id := range strings.SplitSeq(line, ",") {
			if id = strings.TrimSpace(id); id != "" {
				c.via = append(c.via, id)
			}
		}
	}
	c.parent = short(h.Get(HeaderParent))
	c.trace = short(h.Get(HeaderTraceparent))
	return nil
}

// job makes the job that a call asks for. The caller is completed with what the
// request says of where it comes from.
func (c *call) job(eng *engine.Engine) *engine.Job {
	job := eng.Job(c.name, c.args...)
	for _, p := range c.env {
		job.Setenv(p.key, p.value)
	}
	return job
}

// maxWord bounds what a caller may have us remember of it.
const maxWord = 256

// short is a word of a caller that we keep but do not understand; one that is
// too long or not text is dropped.
func short(word string) string {
	if len(word) > maxWord || !utf8.ValidString(word) {
		return ""
	}
	return word
}

// quote shows a word of a caller in an error, cut where it is long.
func quote(word string) string {
	const most = 64
	if len(word) > most {
		return strconv.QuoteToASCII(word[:most]) + "…"
	}
	return strconv.QuoteToASCII(word)
}
