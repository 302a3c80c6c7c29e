package daemon

// mountPoint is one mount of a container as it was settled at create.
type mountPoint struct {
	Type        string // bind, volume, tmpfs, image
	Name        string `json:",omitempty"` // of the volume
	Source      string `json:",omitempty"` // host path; of an image the name that was given
	Image       string `json:",omitempty"` // its id
	Destination string
	Driver      string `json:",omitempty"`
	Mode        string // as the user wrote it
	RW          bool
	Propagation string `json:",omitempty"`
	Options     string `json:",omitempty"` // of a tmpfs
	Anonymous   bool   `json:",omitempty"` // made for this container: rm -v removes it
	NoCopy      bool   `json:",omitempty"` // do not fill the volume from the image
	Subpath     string `json:",omitempty"` // of the volume or image
	NonRecurse  bool   `json:",omitempty"` // bind without what is mounted below
	CreateDir   bool   `json:",omitempty"` // make a missing bind source
	BelowRW     bool   `json:",omitempty"` // read-only at the top alone

	Labels        map[string]string `json:",omitempty"` // of a volume that is to be made
	DriverOptions map[string]string `json:",omitempty"` // likewise
}
