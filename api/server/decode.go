package server

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// maxDocument bounds a JSON or form body. The largest real ones (a container
// with thousands of labels) stay far below.
const maxDocument = 8 << 20

// source says where an argument comes from.
type source struct {
	param    string
	fromPath bool
	optional bool // left out when empty, with all that follow
}

// path, query and maybe are the sources of arguments.
func fromPath(name string) source  { return source{param: name, fromPath: true} }
func fromQuery(name string) source { return source{param: name} }
func maybe(name string) source     { return source{param: name, optional: true} }

// key maps one parameter to one environment variable of the job. Parameters
// that are absent or empty are not set, so that the job's defaults hold.
type key struct {
	env, param string
	set        func(job *engine.Job, env string, values []string) error
}

// text, flag and filters make keys.
func text(name string) key { return key{name, name, setText} }
func flag(name string) key { return key{name, name, setFlag} }
func filters() key         { return key{"filters", "filters", setFilters} }

// as takes the value of k from another parameter.
func (k key) as(param string) key {
	k.param = param
	return k
}

func setText(job *engine.Job, env string, values []string) error {
	if values[0] != "" {
		job.Setenv(env, values[0])
	}
	return nil
}

// setStrict is setFlag for the few parameters that are either yes or no.
func setStrict(job *engine.Job, env string, values []string) error {
	on, err := strconv.ParseBool(values[0])
	if err != nil && values[0] != "" {
		return errdefs.InvalidArgument("invalid value for %s: %s: %w", env, values[0], err)
	}
	job.SetenvBool(env, on)
	return nil
}

// setList gives the job all values.
func setList(job *engine.Job, env string, values []string) error { return job.SetenvJson(env, values) }

// setFlag has the lenient rule that all versions share: whatever does not say
// no is yes.
func setFlag(job *engine.Job, env string, values []string) error {
	job.SetenvBool(env, truthy(values[0]))
	return nil
}

func truthy(s string) bool {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "", "0", "no", "false", "none":
		return false
	}
	return true
}

// setFilters accepts both forms of filters, {"k":["v"]} and {"k":{"v":true}},
// and gives the job the first.
func setFilters(job *engine.Job, env string, values []string) error {
	if strings.TrimSpace(values[0]) == "" {
		return nil
	}
	clean, err := decodeFilters(values[0])
	if err != nil {
		return err
	}
	return job.SetenvJson(env, clean)
}

func decodeFilters(s string) (map[string][]string, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(s), &members); err != nil {
		return nil, errdefs.InvalidArgument("invalid filter: %q is not a JSON object of lists", cut(s, 80))
	}
	clean := make(map[string][]string, len(members))
	for name, raw := range members {
		var words []string
		if json.Unmarshal(raw, &words) == nil {
			clean[name] = words
			continue
		}
		var set map[string]bool
		if err := json.Unmarshal(raw, &set); err != nil {
			return nil, errdefs.InvalidArgument("invalid filter %q: want a list of values", name)
		}
		words = make([]string, 0, len(set))
		for word, on := range set {
			if on {
				words = append(words, word)
			}
		}
		clean[name] = words
	}
	return clean, nil
}

// cut shortens s for a message.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}

// values returns the parameters of the request: the query, and the body when
// it is a form, which then wins.
func (x *exchange) values() (map[string][]string, error) {
	if x.form != nil {
		return x.form, nil
	}
	if x.r.URL.RawQuery == "" && x.r.ContentLength == 0 {
		x.form = map[string][]string{}
		return x.form, nil
	}
	media, _, _ := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	if media != "application/x-www-form-urlencoded" {
		form, err := url.ParseQuery(x.r.URL.RawQuery)
		if err != nil {
			return nil, errdefs.InvalidArgument("%w", err)
		}
		x.form = form
		return x.form, nil
	}
	x.r.Body = http.MaxBytesReader(x.w, x.r.Body, maxDocument)
	if err := x.r.ParseForm(); err != nil {
		return nil, errdefs.InvalidArgument("reading the form: %w", err)
	}
	x.form = x.r.Form
	return x.form, nil
}

// value returns one parameter.
func (x *exchange) value(name string) string {
	values, err := x.values()
	if err != nil || len(values[name]) == 0 {
		return ""
	}
	return values[name][0]
}

// args collects the arguments of a row.
func (x *exchange) args(sources []source) ([]string, error) {
	args := make([]string, 0, len(sources))
	for _, src := range sources {
		if src.fromPath {
			args = append(args, x.vars[src.param])
			continue
		}
		values, err := x.values()
		if err != nil {
			return nil, err
		}
		v := ""
		if len(values[src.param]) > 0 {
			v = values[src.param][0]
		}
		if v == "" && src.optional {
			return args, nil
		}
		args = append(args, v)
	}
	return args, nil
}

// setenv fills the environment of a job.
func (x *exchange) setenv(job *engine.Job, keys []key) error {
	if len(keys) == 0 {
		return nil
	}
	values, err := x.values()
	if err != nil {
		return err
	}
	for _, k := range keys {
		if given := values[k.param]; len(given) > 0 {
			if err := k.set(job, k.env, given); err != nil {
				return err
			}
		}
	}
	return nil
}

// document reads the JSON body of a request: nil when there is none. The
// content type must say so when there is one.
func (x *exchange) document() ([]byte, error) {
	body, err := x.anyDocument()
	if err != nil || body == nil {
		return nil, err
	}
	given := x.r.Header.Get("Content-Type")
	if media, _, err := mime.ParseMediaType(given); err != nil || media != "application/json" {
		return nil, errdefs.InvalidArgument("Content-Type specified (%s) must be 'application/json'", cut(given, 80))
	}
	return body, nil
}

// anyDocument is document for the routes and versions that never looked at the
// content type.
func (x *exchange) anyDocument() ([]byte, error) {
	if x.r.ContentLength == 0 {
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, maxDocument))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, errdefs.InvalidArgument("request body is larger than %d MiB: %w", maxDocument>>20, err)
	case err != nil:
		return nil, errdefs.InvalidArgument("reading the request body: %w", err)
	}
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return nil, nil
	}
	return body, nil
}

// decodeJSON decodes one document, and explains what is wrong with it.
func decodeJSON(body []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	if err := dec.Decode(v); err != nil {
		return invalidJSON(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return errdefs.InvalidArgument("invalid JSON: unexpected content after the document")
	}
	return nil
}

func invalidJSON(err error) error {
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong):
		kind, field := "a "+wrong.Value, cmp.Or(wrong.Field, "the document")
		if strings.HasPrefix(wrong.Value, "array") || strings.HasPrefix(wrong.Value, "object") {
			kind = "an " + wrong.Value
		}
		return errdefs.InvalidArgument("invalid JSON: %s must not be %s", field, kind)
	case errors.Is(err, io.EOF):
		return errdefs.InvalidArgument("invalid JSON: got EOF while reading request body")
	}
	return errdefs.InvalidArgument("invalid JSON: %w", err)
}
