package wire

import (
	"context"
	"encoding/binary"
	"errors"
	"strconv"
	"time"

	"github.com/enginejobs/docker/errdefs"
)

var errDamaged = errors.New("a message is damaged")

// appendString and its sisters write the parts that messages are made of.
func appendNumber(b []byte, n int) []byte { return binary.BigEndian.AppendUint32(b, uint32(n)) }

func appendString(b []byte, s string) []byte { return append(appendNumber(b, len(s)), s...) }

func appendStrings(b []byte, list []string) []byte {
	b = appendNumber(b, len(list))
	for _, s := range list {
		b = appendString(b, s)
	}
	return b
}

// cutNumber and its sisters read them. Strings share the memory of their source.
func cutNumber(s string) (uint32, string, error) {
	if len(s) < 4 {
		return 0, "", errDamaged
	}
	return uint32(s[0])<<24 | uint32(s[1])<<16 | uint32(s[2])<<8 | uint32(s[3]), s[4:], nil
}

func cutString(s string) (string, string, error) {
	n, s, err := cutNumber(s)
	if err != nil || uint64(n) > uint64(len(s)) {
		return "", "", errDamaged
	}
	return s[:n], s[n:], nil
}

func cutStrings(s string) ([]string, string, error) {
	n, s, err := cutNumber(s)
	if err != nil || uint64(n)*4 > uint64(len(s)) {
		return nil, "", errDamaged
	}
	if n == 0 {
		return nil, s, nil
	}
	list := make([]string, n)
	for i := range list {
		if list[i], s, err = cutString(s); err != nil {
			return nil, "", err
		}
	}
	return list, s, nil
}

// cutPairs reads a list of keys and values.
func cutPairs(s string) ([]string, string, error) {
	list, s, err := cutStrings(s)
	if err == nil && len(list)%2 != 0 {
		err = errDamaged
	}
	return list, s, err
}

// Hello is what each side says first.
type Hello struct {
	Version  uint32
	ID       string // of the engine; may be empty
	MaxCalls int    // calls that the sender carries out at once; 0: none
	Window   int    // bytes that the other side may send, per call, before it hears more
	Inflates bool   // compressed frames may be sent to it
}

// AppendHello appends the payload of a Hello frame.
func AppendHello(b []byte, h *Hello) []byte {
	pairs := []string{"max-calls", strconv.Itoa(h.MaxCalls), "window", strconv.Itoa(h.Window)}
	if h.Inflates {
		pairs = append(pairs, "compress", "deflate")
	}
	return appendStrings(appendString(appendNumber(b, int(h.Version)), h.ID), pairs)
}

// ParseHello reads the payload of a Hello frame. Of another version than ours
// only the number is read.
func ParseHello(b []byte) (*Hello, error) {
	v, s, err := cutNumber(string(b))
	if err != nil {
		return nil, Garbage("the first frame is damaged")
	}
	h := &Hello{Version: v, MaxCalls: DefaultMaxCalls, Window: DefaultWindow}
	if v != Version {
		return h, nil
	}
	var pairs []string
	if h.ID, s, err = cutString(s); err == nil {
		pairs, _, err = cutPairs(s)
	}
	if err != nil {
		return nil, Garbage("the first frame is damaged")
	}
	for i := 0; i < len(pairs); i += 2 {
		switch value := pairs[i+1]; pairs[i] {
		case "max-calls":
			h.MaxCalls, err = parseCount(value)
		case "window":
			h.Window, err = parseCount(value)
		case "compress":
			h.Inflates = value == "deflate"
		}
		if err != nil {
			return nil, Garbage("the first frame has %s %q", pairs[i], pairs[i+1])
		}
	}
	return h, nil
}

func parseCount(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err
}

// Call is one job as it is sent.
type Call struct {
	Name    string
	Args    []string
	Env     []string      // keys and values in turn
	Timeout time.Duration // 0: none
	Trace   string        // W3C traceparent
	Parent  string        // id of the job on the calling engine
	Via     []string      // ids of the engines it came through, oldest first
}

// AppendCall appends the message of a Call: its length, then the rest.
func AppendCall(b []byte, c *Call) []byte {
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	b = appendStrings(appendStrings(appendString(b, c.Name), c.Args), c.Env)
	return finishCall(appendMetadata(b, c), at)
}

// finishCall fills in the length of the message that begins at at.
func finishCall(b []byte, at int) []byte {
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	return b
}

func appendMetadata(b []byte, c *Call) []byte {
	at, n := len(b), 0
	b = append(b, 0, 0, 0, 0)
	add := func(key, value string) {
		b = appendString(appendString(b, key), value)
		n += 2
	}
	if c.Timeout > 0 {
		add("timeout-ms", strconv.FormatInt(max(c.Timeout.Milliseconds(), 1), 10))
	}
	if c.Trace != "" {
		add("traceparent", c.Trace)
	}
	if c.Parent != "" {
		add("parent", c.Parent)
	}
	for _, id := range c.Via {
		add("via", id)
	}
	binary.BigEndian.PutUint32(b[at:], uint32(n))
	return b
}

// ParseCall reads what follows the length in the message of a Call.
func ParseCall(b []byte) (*Call, error) {
	c := &Call{}
	if err := c.parse(string(b)); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Call) parse(s string) error {
	var pairs []string
	var err error
	if c.Name, s, err = cutString(s); err == nil {
		c.Args, s, err = cutStrings(s)
	}
	if err == nil {
		c.Env, s, err = cutPairs(s)
	}
	if err == nil {
		pairs, s, err = cutPairs(s)
	}
	if err != nil || s != "" {
		return errDamaged
	}
	for i := 0; i < len(pairs); i += 2 {
		switch value := pairs[i+1]; pairs[i] {
		case "timeout-ms":
			n, err := strconv.ParseUint(value, 10, 63)
			if err != nil || n == 0 {
				return errDamaged
			}
			c.Timeout = time.Duration(min(n, uint64(1<<63-1)/uint64(time.Millisecond))) * time.Millisecond
		case "traceparent":
			c.Trace = value
		case "parent":
			c.Parent = value
		case "via":
			c.Via = append(c.Via, value)
		}
	}
	return nil
}

// AppendResult appends the payload of a Result frame: how a job has ended.
func AppendResult(b []byte, err error) []byte {
	if err == nil {
		return append(b, make([]byte, 16)...)
	}
	code := 0
	var e *errdefs.Error
	if errors.As(err, &e) {
		code = e.Code
	}
	text := err.Error()
	text = text[:min(len(text), MaxText)]
	b = appendString(b, errdefs.KindOf(err).String())
	b = binary.BigEndian.AppendUint32(b, uint32(int32(code)))
	return appendNumber(appendString(b, text), 0)
}

// ParseResult is the inverse of AppendResult. The second error says that b is
// no result.
func ParseResult(b []byte) (result, damaged error) {
	if len(b) >= 4 && b[0]|b[1]|b[2]|b[3] == 0 {
		return nil, nil
	}
	kind, s, err := cutString(string(b))
	var code uint32
	var text string
	if err == nil {
		code, s, err = cutNumber(s)
	}
	if err == nil {
		text, s, err = cutString(s)
	}
	if err == nil {
		_, _, err = cutPairs(s)
	}
	if err != nil {
		return nil, err
	}
	k := errdefs.ParseKind(kind)
	return &errdefs.Error{Kind: k, Code: int(int32(code)), Err: &remoteError{k, text}}, nil
}

// remoteError is the text of an error of the other side. To errors.Is it is the
// context's error that it was there.
type remoteError struct {
	kind errdefs.Kind
	text string
}

func (e *remoteError) Error() string { return e.text }

func (e *remoteError) Is(target error) bool {
	return target == context.Canceled && e.kind == errdefs.KindCanceled ||
		target == context.DeadlineExceeded && e.kind == errdefs.KindDeadline
}
