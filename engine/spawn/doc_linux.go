// Package spawn connects two engines on one host: jobs of one side are carried
// out by the engine of the other, with args, env, streams, result kind,
// cancellation and open descriptors. The protocol is that of package wire; here
// are the sockets it runs over and the processes behind them. There are two ways:
//
//   - Dial and Serve on a socket in the file system, for an engine that outlives
//     the one that uses it (the exec engine).
//   - Start and Main over a socket pair, for an engine that is a child process of
//     the one that uses it: a handler that is not trusted, crashes, or needs other
//     credentials or namespaces. Supervise brings a child back that has died.
//
// The socket is of type SOCK_SEQPACKET. A packet has one frame of package wire or
// two, whole, with 32 KiB of payload at most; descriptors of a packet belong to
// its first frame. Only root and the owner of the serving process are let in.
//
// When a connection ends, jobs of the called side are cancelled and calls of the
// calling one fail at once with kind Unavailable; an end is never taken for a
// success, and nothing is sent again.
//
// The package owns the sockets and the child processes, no job of its own. Start
// reading at Start in start_linux.go, or Dial in dial_linux.go. It must not import
// net: it is linked into the small binary of the exec engine.
package spawn
