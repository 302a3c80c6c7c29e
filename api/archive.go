package api

import (
	"io/fs"
	"time"
)

// PathStatHeader carries a PathStat, as JSON in base64, beside an archive.
const PathStatHeader = "X-Docker-Container-Path-Stat"

// PathStat describes one file of a container. Mode has the bits of Go's
// fs.FileMode, as the API always had them.
type PathStat struct {
	Name       string      `json:"name"`
	Size       int64       `json:"size"`
	Mode       fs.FileMode `json:"mode"`
	Mtime      time.Time   `json:"mtime"`
	LinkTarget string      `json:"linkTarget"` // where a symbolic link leads in the container
}
