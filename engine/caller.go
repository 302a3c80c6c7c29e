package engine

import "context"

// Caller is who asked for a job from outside. A job without one was started by
// the program itself. Child jobs inherit it. It is read-only once a context
// carries it.
type Caller struct {
	// Client is the identity that access rules and fair queueing use: "uid:0",
	// "tls:<common name>", "tcp:<ip>"; empty when it is not known.
	Client string
	// Detail is for people: "pid 123 (docker)", a remote address.
	Detail string
	// Network is the way in: "unix", "tcp", "tls" or "spawn".
	Network string
	// UID and PID are those of the peer of a unix socket; -1 when not known.
	UID, PID int
	// CommonName and Organizations are those of a verified TLS certificate.
	CommonName    string
	Organizations []string
	// Via has the ids of the engines that the call came through, oldest first.
	Via []string
	// Parent is the id of the job on the calling engine that made the call, or "".
	Parent string
	// Trace is the W3C traceparent of the call, or "".
	Trace string
}

// callerKey is the context key of the Caller.
type callerKey struct{}

// WithCaller returns a context whose jobs, and the children of those, were asked
// for by c. A nil c makes them the program's own.
func WithCaller(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerOf returns the Caller that ctx carries, or nil.
func CallerOf(ctx context.Context) *Caller {
	c, _ := ctx.Value(callerKey{}).(*Caller)
	return c
}

// Caller tells who asked for the job from outside; nil for the program's own
// work. It comes from the context given to SetContext.
func (j *Job) Caller() *Caller { return j.caller }

// outside tells whether the job came from outside by itself, that is, not as a
// part of a job of this engine. Authorization and limits are for those alone.
func (j *Job) outside() bool {
	return j.caller != nil && !j.permitted && (j.parent == nil || j.parent.Eng != j.Eng)
}
