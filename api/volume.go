package api

// Volume is what the jobs of volumes tell (GET /volumes).
type Volume struct {
	CreatedAt  string // RFC 3339
	Driver     string
	Labels     map[string]string
	Mountpoint string
	Name       string
	Options    map[string]string
	Scope      string       // "local"
	UsageData  *VolumeUsage `json:",omitempty"`
}

// VolumeUsage is only in the answer of system_df. -1 is unknown.
type VolumeUsage struct {
	RefCount int64 // containers that have it
	Size     int64 // bytes
}

// VolumeList is the answer of the job volumes.
type VolumeList struct {
	Volumes  []Volume
	Warnings []string
}

// VolumesPruned is the answer of the job volumes_prune.
type VolumesPruned struct {
	VolumesDeleted []string
	SpaceReclaimed int64
}

// ContainersPruned is the answer of the job containers_prune.
type ContainersPruned struct {
	ContainersDeleted []string
	SpaceReclaimed    int64
}

// DiskUsage is the answer of the job system_df (GET /system/df). Members that
// were not asked for are nil.
type DiskUsage struct {
	LayersSize int64              // of all layers of images, each once
	Images     []ImageSummary     `json:",omitempty"`
	Containers []ContainerSummary `json:",omitempty"`
	Volumes    []Volume           `json:",omitempty"`
	BuildCache []BuildCache       `json:",omitempty"`
}
