// Package graphdb remembers which name and which links belong to which
// container, in one SQLite file that survives a crash at any instruction.
//
// # Model
//
// The store is a graph. A node ("entity") is a container id; node 0 is the
// root. An edge has a parent, a child and a name. So a path leads to a node:
// /web is the container of that name, /web/db is the container that web reaches
// under the alias db. SQLite itself enforces the rules: an edge has two
// existing ends and goes when either goes, names are unique below a parent, a
// container has one name, nothing is its own child.
//
// # One atomic step
//
// A name must never be held by a container that does not exist. So a daemon
// makes a container like this:
//
//	err := db.Create(name, id, func() error {
//		return os.Rename(half, containers+"/"+id) // all of it is in half, on disk
//	})
//
// Create takes the name for everybody in this process at once, then calls the
// function, and only then has the name written. Whatever fails, and whenever the
// process is killed, no name is left behind. A kill between the two leaves a
// whole container whose name is in its own file; Check, which runs at start,
// gives it back. Removal goes the other way round: the directory is renamed
// away, then Purge forgets the id; Check forgets it after a kill in between.
//
// # Cost
//
// Reads are answered from memory and never wait for the disk. New names do not
// either: they are written a second later, with others and before any other change
// of the file, and a name that is given back within the second never is. Any other
// change is one transaction in the write-ahead log, which is synced only when it is
// folded into the file (synchronous=NORMAL). So a killed process may lose the names
// of the last second, and a power cut the last transactions, as whole ones. Check
// gives those names back from the containers' own files, which are durable before
// anything is answered; docs/decisions/0010 and 0018 have the reasons. The file is
// locked while it is open; a second process gets Unavailable.
//
// A DB owns the file, its -wal sibling and the copy in memory. Start reading at
// Open and Create. This package must not know what a container is.
package graphdb
