// Package engine is the bus on which every operation of the daemon is a named
// Job: a name, arguments, an environment, three streams and a result, after
// the model of a unix process and in the manner of os/exec.
//
//	eng := engine.New()
//	eng.Declare(engine.Declaration{Name: "greet", Args: []engine.Arg{{Name: "WHO"}}, Handler: greet})
//	out, err := eng.Job("greet", "world").Output()
//
// # The contract of a Job
//
//   - Engine.Job never fails. An unknown name is remembered and reported by
//     Start, as a failure of kind UnknownJob and status 127.
//   - A job runs once. Run is Start then Wait, without the goroutine. Everything
//     is configured before Start and read-only after it.
//   - Stdin without a source is at its end; Stdout and Stderr without a
//     destination discard. A job closes only what it opened itself (AddPipe,
//     AddEnv, AddTable, AddCloser); the writers and readers of the caller stay
//     open, so one job's Stdout can be a destination of another's.
//   - Wait returns when the handler has returned and the decoders of its output
//     have ended, or when the grace period after a cancel has passed; the error
//     says which.
//   - The result is the error of the handler, its kind intact (package errdefs).
//     Stderr is for people: warnings, one per line, never parsed, never an error.
//   - A Declaration says which arguments and env keys a job takes and what its
//     streams carry. It is checked once, at dispatch: a wrong count, a malformed
//     value and an unknown key are InvalidArgument and the handler is not called.
//     So a client that fills the env from a request body can set nothing that
//     the job did not declare.
//   - Context ends when the caller cancels, when the context given to SetContext
//     ends, when the engine shuts down, and when the job itself ends. A job that
//     is started with the context of another one is its child: it inherits
//     cancellation, and the trace shows the relation.
//   - After a cancel the handler has a grace period to return; then its streams
//     are closed under it.
//   - A handler that panics fails its job, kind Internal; the engine lives on.
//
// # Ownership and locks
//
// An Engine owns its table of handlers (replaced as a whole, so lookups take no
// lock), the list of running jobs and the shutdown handlers. No lock of this
// package is held while a handler, a callback, a reader or a caller's writer
// runs, except that writers to one Output take turns.
//
// Start reading at Engine in engine.go and Job in job.go. This package imports
// nothing of the module but errdefs, and no net/http: it is linked into small
// processes too. The HTTP form of the bus is engine/remote.
package engine
