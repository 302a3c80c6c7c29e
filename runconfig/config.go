// Package runconfig owns the two documents that describe a container: Config
// (what the image and the user say about the workload) and HostConfig (what
// this host lends to it), plus the flag set of run and create that fills them.
//
// It owns no state. Start reading at Config. The package is shared by client
// and daemon and must import neither; it must not import engine.
//
// Field names are those of the Docker Engine API, so that the documents on the
// wire, on disk and in images are the same (see api/types of the Engine API and
// the "Config" object of the image specification).
package runconfig

import (
	"encoding/json"
	"time"
)

// Port names a port inside a container with its protocol: "80/tcp".
type Port string

// Strings is a list that also decodes from a single JSON string, because
// clients up to this day send `"Cmd": "ls"`.
type Strings []string

// UnmarshalJSON accepts null, a string or a list of strings.
func (s *Strings) UnmarshalJSON(b []byte) error {
	if len(b) == 0 || string(b) == "null" {
		*s = nil
		return nil
	}
	if b[0] == '"' {
		var one string
		if err := json.Unmarshal(b, &one); err != nil {
			return err
		}
		*s = Strings{one}
		return nil
	}
	var list []string
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	*s = list
	return nil
}

// Healthcheck says how to probe a container's health. Test[0] is NONE, CMD or
// CMD-SHELL; an empty Test inherits the image's. Durations are nanoseconds.
type Healthcheck struct {
	Test          []string      `json:",omitempty"`
	Interval      time.Duration `json:",omitempty"`
	Timeout       time.Duration `json:",omitempty"`
	StartPeriod   time.Duration `json:",omitempty"`
	StartInterval time.Duration `json:",omitempty"`
	Retries       int           `json:",omitempty"`
}

// Config is the portable half of a container's description: it can be stored
// in an image and does not depend on a host.
type Config struct {
	Hostname        string
	Domainname      string
	User            string // user[:group], names or numbers
	AttachStdin     bool
	AttachStdout    bool
	AttachStderr    bool
	ExposedPorts    map[Port]struct{} `json:",omitempty"`
	Tty             bool
	OpenStdin       bool
	StdinOnce       bool // close stdin when the first attached client ends
	Env             []string
	Cmd             Strings
	Healthcheck     *Healthcheck `json:",omitempty"`
	ArgsEscaped     bool         `json:",omitempty"`
	Image           string       // the reference as the user typed it
	Volumes         map[string]struct{}
	WorkingDir      string
	Entrypoint      Strings
	NetworkDisabled bool   `json:",omitempty"`
	MacAddress      string `json:",omitempty"`
	OnBuild         []string
	Labels          map[string]string
	StopSignal      string  `json:",omitempty"`
	StopTimeout     *int    `json:",omitempty"` // seconds
	Shell           Strings `json:",omitempty"`
}
