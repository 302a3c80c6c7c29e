// Package engine runs named jobs. A program registers handlers under names; who
// wants something done runs a job by its name, with arguments, an environment,
// three streams and a result, after the model of a unix process and in the
// manner of os/exec. Jobs can be listed, traced, cancelled, limited and counted
// without a word in their handlers, and run from other processes and machines.
//
//	eng := engine.New()
//	err := eng.Declare(engine.Declaration{Name: "greet", Args: []engine.Arg{{Name: "WHO"}},
//		Handler: func(job *engine.Job) error {
//			job.Printf("hello, %s\n", job.Args[0])
//			return nil
//		}})
//	if err != nil {
//		return err
//	}
//	out, err := eng.Job("greet", "world").Output()
//
// The same job from elsewhere, as a value of the same type: engine/remote, over
// HTTP. Its handler in a child process that may crash: engine/spawn. Who may run
// it: engine/access. Tests: engine/enginetest. The daemon of this module is an
// engine too; each of its operations is a job.
//
// # The contract of a Job
//
//   - Engine.Job never fails. An unknown name is remembered and reported by
//     Start, as a failure of kind UnknownJob and status 127.
//   - A job runs once. Run is Start then Wait, without the goroutine. Everything
//     is configured before Start and read-only until the job has ended.
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
//     cancellation and the Caller, and the trace shows the relation.
//   - After a cancel the handler has a grace period to return; then its streams
//     are closed under it. Half a second later it is overdue: Wait gives up, its
//     name is logged, and Running and Stats show it until it ends.
//   - A handler that panics fails its job, kind Internal; the engine lives on.
//
// # From outside
//
// A context made by WithCaller says who asks. A job with such a context that is
// not a part of a job of this engine comes from outside. For those jobs alone,
// Start goes through these steps, and the first one that fails is the result:
// shutdown, cancel, SetAuthorizer, is there a handler, does the declaration fit,
// is there a place (SetLimits). What Use has added runs around the handler, after
// all of them. Jobs that the program starts on its own account, and children,
// skip the authorizer and the limits.
//
// # What is guaranteed about order
//
//   - Streams: what one goroutine writes arrives in that order and whole, at every
//     destination; a write returns when all destinations have taken it. Between
//     Stdout and Stderr, and between jobs, there is no order.
//   - Ends: when Run or Wait returns the result, the job's streams are closed, its
//     decoders have ended, its end is in the ring, in Stats and in the queue of
//     every subscriber, it is no longer in Running, and its place under the limits
//     is free.
//   - Records: all subscribers, the ring and the job job_trace see starts and ends
//     in one and the same order. Each job that is admitted has one start and one
//     end, also when it is refused afterwards; one that a shutdown turned away has
//     neither. The start of a child comes after that of the parent that runs it;
//     its end comes before its parent's if the parent waits for it, as it should.
//   - Subscribers: a record is queued or, when the queue is full, dropped and
//     counted; it never comes late or twice.
//   - Cancel and result: the first of them wins. A handler that returns nil after
//     a cancel has succeeded. Cancel after the end does nothing.
//   - Turns: of the waiting jobs of one client and class, the one started first
//     runs first; clients take turns, one job each, and none holds more than three
//     quarters of the places. Reads never wait for writes.
//   - Shutdown: from the moment it begins, jobs from outside are Unavailable, and
//     those that wait for their turn end as Unavailable without being run. Running
//     jobs are cancelled newest first, and may still start children. When they have
//     ended, or half of the time is over, the shutdown handlers run, last one first.
//
// # What is bounded
//
// Pipes hold nothing: a slow reader slows its writer. What is collected (Output,
// OutputJSON, AddTable, AddListTable, and each object of AddEnv, Env.Decode and
// Decoder) is at most MaxDocument bytes. The ring has 1000 records without
// streams, contexts or errors, with texts of 256 bytes at most: about 300 KiB in
// all for jobs with a few words, never more than 16 MiB. A text that is kept as it
// was keeps alive what it was cut from: decoders of requests copy their strings. A
// subscriber holds as many records as it asked for. Stats has a row for each
// registered name and one for all others, with 32 phases each. How many jobs run
// and wait is for SetLimits to say; without it, it is for the callers.
//
// With nobody looking, dispatch allocates the job and nothing else; a benchmark
// and a test keep it so.
//
// # Ownership and locks
//
// An Engine owns its table of handlers (replaced as a whole, so lookups take no
// lock), the list of running jobs, the ring and the numbers, the queues of jobs
// that wait for their turn, and the shutdown handlers. No lock of this package is
// held while a handler, a callback, a reader or a caller's writer runs, except
// that writers to one Output take turns. It owns these goroutines: one for each
// Start, which ends with the handler; one for each decoder, which ends with the
// stream; one for each shutdown handler.
//
// Start reading at Engine in engine.go and Job in job.go; then board.go (what is
// known of jobs), limits.go and cancel.go. This package imports nothing of the
// module but errdefs, and no net/http: it is linked into small processes too.
// Jobs between processes are engine/wire, engine/remote and engine/spawn.
package engine
