// Package errdefs owns the kinds of failure that cross every border of the
// engine unchanged: a handler returns one, the bus carries it, the HTTP server
// turns it into a status, the client turns the status back into it.
//
// It has no state and imports nothing of this module, so that everything may
// import it. Start reading at Kind. The wording of an error is for people and
// is never parsed; code asks for the kind.
package errdefs

import (
	"context"
	"errors"
	"fmt"
)

// Kind is a class of failure. The zero value is Internal: whatever has no kind
// is our own fault.
type Kind int

// The kinds, with the HTTP status that api/server gives them.
const (
	KindInternal        Kind = iota // 500: a defect or a failing host
	KindInvalidArgument             // 400: the request can never work
	KindNotFound                    // 404: the named thing does not exist
	KindConflict                    // 409: it exists, but its state forbids this
	KindNotModified                 // 304: already so; nothing was done
	KindUnauthorized                // 401: who are you
	KindForbidden                   // 403: not you
	KindUnavailable                 // 503: not now; a retry may work
	KindNotImplemented              // 501: not by this engine
	KindCanceled                    // 499: the caller left or asked to stop
	KindDeadline                    // 504: the caller's time is over
	KindUnknownJob                  // 404, status 127 on the bus: no such job
)

var kindNames = [...]string{
	"internal", "invalid_argument", "not_found", "conflict", "not_modified", "unauthorized",
	"forbidden", "unavailable", "not_implemented", "canceled", "deadline", "unknown_job",
}

// String gives the name that the kind has on the wire: "not_found".
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return kindNames[KindInternal]
	}
	return kindNames[k]
}

// ParseKind is the inverse of String. Unknown names are Internal.
func ParseKind(name string) Kind {
	for i, n := range kindNames {
		if n == name {
			return Kind(i)
		}
	}
	return KindInternal
}

// Error is a failure with a kind. Code is an optional number that crosses
// borders with it (an exit code, a registry code); 0 means none.
type Error struct {
	Kind Kind
	Code int
	Err  error
}

// Error returns the text of the wrapped error alone.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *Error) Unwrap() error { return e.Err }

// New wraps the formatted text in an Error of kind k. %w is understood.
func New(k Kind, format string, args ...any) error {
	return &Error{Kind: k, Err: fmt.Errorf(format, args...)}
}

// As gives err the kind k, whatever it had. A nil err stays nil.
func As(k Kind, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: k, Err: err}
}

// InvalidArgument and its sisters make an error of their kind.
func InvalidArgument(format string, args ...any) error {
	return New(KindInvalidArgument, format, args...)
}

// NotFound says that the named thing does not exist.
func NotFound(format string, args ...any) error { return New(KindNotFound, format, args...) }

// Conflict says that the state of the thing forbids the operation.
func Conflict(format string, args ...any) error { return New(KindConflict, format, args...) }

// NotModified says that there was nothing to do.
func NotModified(format string, args ...any) error { return New(KindNotModified, format, args...) }

// Unauthorized says that credentials are missing or wrong.
func Unauthorized(format string, args ...any) error { return New(KindUnauthorized, format, args...) }

// Forbidden says that this caller may not do it.
func Forbidden(format string, args ...any) error { return New(KindForbidden, format, args...) }

// Unavailable says that it cannot be done now, but perhaps later.
func Unavailable(format string, args ...any) error { return New(KindUnavailable, format, args...) }

// NotImplemented says that this engine cannot do it.
func NotImplemented(format string, args ...any) error {
	return New(KindNotImplemented, format, args...)
}

// Internal says that the engine or its host failed.
func Internal(format string, args ...any) error { return New(KindInternal, format, args...) }

// KindOf returns the kind of the outermost Error in err's chain. Context errors
// have their own kinds; anything else is Internal. A nil err is Internal too:
// ask for the kind of failures only.
func KindOf(err error) Kind {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Kind
	case errors.Is(err, context.Canceled):
		return KindCanceled
	case errors.Is(err, context.DeadlineExceeded):
		return KindDeadline
	}
	return KindInternal
}

// Is tells whether err is a failure of kind k.
func Is(err error, k Kind) bool { return err != nil && KindOf(err) == k }

// IsNotFound, IsConflict and IsNotModified are the questions asked most.
func IsNotFound(err error) bool { return Is(err, KindNotFound) }

// IsConflict tells whether err is a Conflict.
func IsConflict(err error) bool { return Is(err, KindConflict) }

// IsNotModified tells whether err is a NotModified.
func IsNotModified(err error) bool { return Is(err, KindNotModified) }
