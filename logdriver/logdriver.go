// Package logdriver owns the contract of logging drivers: how the output of a
// container gets into its log, and out of it again.
//
// The exec engine writes (Writer) and the daemon reads (Read); they share
// nothing but files, so either may be killed and any number of readers hold
// nobody up. What differs between drivers is the form of a record, which is a
// Format: jsonfile and local have one each, none has no file. Rotation,
// compression, tail, since, until and follow are the same for all.
//
// The package has no state of its own. Start reading at Spec, then Format,
// Writer and Read; logdrivers finds a format by its driver's name. It must
// import nothing of this module but errdefs and pkg.
package logdriver

import "time"

// Names of drivers.
const (
	JSONFile = "json-file"
	Local    = "local"
	None     = "none"
)

// Spec says how the output of one container is logged.
type Spec struct {
	Driver    string            `json:"driver,omitempty"` // "" or "none": not at all
	Path      string            `json:"path,omitempty"`   // of the file that is written; older ones have .1, .2 behind it
	MaxSize   int64             `json:"max_size,omitempty"`
	MaxFile   int               `json:"max_file,omitempty"` // with the one that is written; 0 is 1
	Compress  bool              `json:"compress,omitempty"` // older ones, to .1.gz
	Mode      string            `json:"mode,omitempty"`     // "", "blocking", "non-blocking"
	MaxBuffer int64             `json:"max_buffer,omitempty"`
	Attrs     map[string]string `json:"attrs,omitempty"` // written with each entry
}

// Modes.
const (
	Blocking    = "blocking"
	NonBlocking = "non-blocking"
)

// Logs tells whether there is a log at all.
func (s *Spec) Logs() bool { return s.Driver != "" && s.Driver != None && s.Path != "" }

// Entry is one record. A line that is longer than the writer's limit is several,
// of which only the last one ends in a newline.
type Entry struct {
	Text   []byte // with the newline, where the output had one; valid until the next entry is read
	Stderr bool
	Time   time.Time
	Attrs  []Attr
}

// Attr is one extra detail of an entry.
type Attr struct{ Name, Value string }
