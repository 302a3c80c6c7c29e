package api

import "github.com/enginejobs/docker/runconfig"

// ImageSummary is a row of the job images (GET /images/json).
type ImageSummary struct {
	Containers  int64
	Created     int64  // unix seconds
	Id          string `json:"Id"` //nolint:revive // wire name
	Labels      map[string]string
	ParentId    string `json:"ParentId"` //nolint:revive // wire name
	RepoDigests []string
	RepoTags    []string
	SharedSize  int64
	Size        int64
	VirtualSize int64 `json:",omitempty"` // the Size, for who is older than 1.44
}

// ImageRootFS lists the layers of an image, base first.
type ImageRootFS struct {
	Type   string
	Layers []string
}

// ImageInspect is the answer of the job image_inspect.
type ImageInspect struct {
	Id              string `json:"Id"` //nolint:revive // wire name
	RepoTags        []string
	RepoDigests     []string
	Parent          string
	Comment         string
	Created         string // RFC 3339 with nanoseconds
	Container       string
	ContainerConfig *runconfig.Config `json:",omitempty"`
	DockerVersion   string
	Author          string
	Config          *runconfig.Config
	Architecture    string
	Variant         string `json:",omitempty"`
	Os              string
	OsVersion       string `json:",omitempty"`
	Size            int64
	VirtualSize     int64 `json:",omitempty"`
	GraphDriver     GraphDriverData
	RootFS          ImageRootFS
	Metadata        struct{ LastTagTime string }
}

// ImageHistory is a row of the job history, newest first.
type ImageHistory struct {
	Id        string `json:"Id"` //nolint:revive // wire name
	Created   int64
	CreatedBy string
	Tags      []string
	Size      int64
	Comment   string
}

// ImageDeleted is a row of the job image_delete: one of the members is set.
type ImageDeleted struct {
	Untagged string `json:",omitempty"`
	Deleted  string `json:",omitempty"`
}

// ImagesPruned is the answer of the job images_prune.
type ImagesPruned struct {
	ImagesDeleted  []ImageDeleted
	SpaceReclaimed int64 // bytes
}

// ImagesChecked is the answer of the job images_check.
type ImagesChecked struct {
	Images, Names, Layers, Files int   // that were read
	Bytes                        int64 // of archives that were put together
	Problems                     []ImageProblem
}

// ImageProblem is something that is damaged or missing.
type ImageProblem struct {
	Kind    string   // image, name, names or layer
	Id      string   //nolint:revive // as everywhere on the wire
	Path    string   `json:",omitempty"` // of a file in the layer
	Images  []string `json:",omitempty"` // that have the layer
	Problem string
}
