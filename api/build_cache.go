package api

import "time"

// BuildCache is one cache of the builder: what a RUN --mount=type=cache has kept.
type BuildCache struct {
	ID          string
	Parent      string `json:",omitempty"`
	Type        string // exec.cachemount
	Description string
	InUse       bool
	Shared      bool
	Size        int64 // bytes
	CreatedAt   time.Time
	LastUsedAt  *time.Time
	UsageCount  int
}

// BuildPruned is the answer of build_prune.
type BuildPruned struct {
	CachesDeleted  []string
	SpaceReclaimed int64 // bytes
}
