// Package events keeps a journal of what happened and tells those who follow it:
// the jobs events, log and subscribers_count.
//
// # Promises
//
//   - An event is stored, and on its way to every subscriber, before Log or the
//     job log returns. It is encoded once. All see the same order, which is that of timeNano; no two
//     events have the same.
//   - A subscriber that asks for the past gets it and what follows without a gap
//     and without anything twice. The last 256 events are kept.
//   - Whoever logs never waits for a reader, and its cost does not depend on how
//     many there are. Subscribers are woken a few at a time, and each takes all
//     that has happened since it looked last. One that is more than 1024 events
//     behind has missed something: it is dropped, and told so by the error of its
//     job after what it has got.
//
// The package owns the journal and the list of subscribers. Start reading at
// Events in journal.go, then subscription.go. It must not know what a container is.
package events
