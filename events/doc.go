// Package events keeps a journal of what happened and tells those who follow it:
// the jobs events, log and subscribers_count.
//
// # Promises
//
//   - An event is stored, and on its way to every subscriber, before Log or the
//     job log returns. All see the same order, which is that of timeNano; no two
//     events have the same.
//   - A subscriber that asks for the past gets it and what follows without a gap
//     and without anything twice. The last 256 events are kept.
//   - Whoever logs never waits for a reader. Each subscriber has a queue of 1024
//     events; one that is full is dropped, and told so by the error of its job
//     after it has got what was in the queue.
//
// The package owns the journal and the list of subscribers. Start reading at
// Events in journal.go. It must not know what a container is.
package events
