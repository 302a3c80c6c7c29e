// Package wire is the one protocol between engines. A Conn runs jobs that the
// engine behind Serve on the other side carries out: with args, env, the three
// streams, result and its kind, cancellation, deadline, trace, and open
// descriptors where the transport can carry them.
//
// # Frames
//
// A connection carries frames in both directions. All numbers are big endian and
// without sign unless it is said. A frame is a header and a payload:
//
//	0      type
//	1      flags: bit 0 More, bit 1 Compressed, the rest 0
//	2, 3   0
//	4..7   number of the call; 0 for the connection itself
//	8..11  length of the payload, at most 256 KiB
//	12..   payload
//
// A string is its length (4 bytes) and its bytes, a list its count (4 bytes) and
// its strings. Pairs are a list of keys and values in turn, so of an even count.
//
//	type       from     payload
//	----       ----     -------
//	1 Hello    both     version (4 bytes, 1), id of the engine (string), pairs:
//	                    max-calls, window, compress
//	2 Call     caller   length of what follows (4 bytes), name (string), args (list),
//	                    env (pairs), metadata (pairs): timeout-ms, traceparent, parent,
//	                    via (once for each engine, oldest first)
//	3 Data     caller   bytes of stdin
//	4 EOF      caller   end of stdin
//	5 Cancel   caller   the job is to end
//	6 Out      callee   bytes of stdout
//	7 Err      callee   bytes of stderr
//	8 Result   callee   kind (string, "": it went well), code (4 bytes, signed), text
//	                    (string), metadata (pairs, none so far)
//	9 Window   both     how many more bytes may be sent for this call (4 bytes)
//	10 Ping    both     nothing; it is answered by
//	11 Pong    both     nothing
//	12 GoAway  both     text: from the callee, no more calls are taken; from the caller,
//	                    it leaves; from either, what is wrong before it ends everything
//
// Both sides say Hello first, without waiting for each other. A peer that says
// anything else, or another version, gets one GoAway and the connection ends.
// Unknown keys of pairs are ignored; unknown types and flags end the connection.
//
// A call is one Call, or several with the flag More on all but the last, which
// carries the descriptors; then Data and EOF, Cancel and Window in any order. Out
// and Err come in the order in which they were written; the Result is the last
// frame of a call, and what crosses it on the way is ignored. Calls are
// independent: many run at once, and results come in any order.
//
// # Windows
//
// The Data of a call, and its Out and Err together, may be sent as far as a
// window allows. It begins with what the receiver said in its Hello and grows by
// its Window frames, which it sends as its reader consumes. So a slow reader stops
// its own call and no other, and what is held for a call never exceeds its window.
// Here a window of the default size grows from 256 KiB to 2 MiB for a reader that
// takes all there is before more has come.
// Who sends more than it may has broken the protocol.
//
// # Compression
//
// A payload with the flag Compressed is a raw deflate stream (RFC 1951). It is
// sent only to a peer that said compress=deflate, and inflates to 256 KiB at most;
// windows count inflated bytes. The codec is given to NewStream: package deflate
// has it, and this package does not link it.
//
// # Promises
//
//   - When a connection ends, its calls fail at once with kind Unavailable and its
//     jobs are cancelled. An end is never taken for a success. Nothing is sent
//     again.
//   - A cancelled call whose peer does not answer ends after a grace, kind
//     Canceled or Deadline, also when the peer reads nothing any more: a transport
//     where its write hangs is given up when nothing less frees the caller.
//   - The kind, code and text of an error cross unchanged; errors.Is finds
//     context.Canceled and context.DeadlineExceeded where they were.
//   - Jobs on this side have an engine.Caller with parent, trace and via of the
//     call. A call that has come by this engine before, or through more than 16, is
//     refused with kind Conflict.
//   - Memory is bounded: by windows, by the number of calls, and by the length of a
//     Call, which is refused by its first four bytes. The limits are constants in
//     frame.go.
//
// # Layout
//
// The package owns connections and the calls on them, no job of its own. Start
// reading at Conn in conn.go for the side that calls, at Serve in serve.go for the
// side that is called; stream.go is the transport over a byte stream, and package
// engine/spawn has the one that carries descriptors. The package must not import
// net or net/http: it is linked into the small binary of the exec engine.
package wire
