// Package remote carries jobs over HTTP, both ways: Handler serves an engine,
// Dial reaches one that is served elsewhere.
//
// There are three forms, all on one path. The classic form answers 200 and runs
// the job. The plain form, chosen by the header Job-Protocol, is one request for
// one job with env, stdin, exit status and error, for curl and its like. The
// session form is a connection for many jobs at once, in the frames of package
// wire; it is what Dial speaks. docs/api/remote-jobs.md says every byte of them,
// and docs/api/clients has clients in other languages.
//
// A Handler owns no state: a request, or a session, owns its jobs, and they are
// cancelled when it ends. An Engine owns at most one connection, which it makes
// again when it broke. Start reading at Handler in handler.go, then at Dial in
// dial.go. Programs that only run jobs of their own do not import it, because it
// links net/http; package engine must not.
package remote
