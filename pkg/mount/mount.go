// Package mount owns the description of one mount as mount(2) takes it, and the
// way to perform it in the caller's mount namespace. It has no state, is
// domain-free and imports nothing of this module. Start reading at Mount and
// All. Graph drivers produce mounts; exec drivers perform them inside the
// container's own mount namespace.
package mount

// Subdir begins the option, as fstab writes it, that puts a directory of the file
// system in the place of the whole. It is for those who mount inside of a container;
// All does not know it.
const Subdir = "X-mount.subdir="

// Mount is one call of mount(2).
type Mount struct {
	Type   string // file system type: overlay, bind, tmpfs, proc…
	Source string // device or host path
	Target string // path below the container's root; empty means the root itself
	// Options are mount options in fstab spelling: flags ("ro", "nosuid",
	// "rbind", "rslave") are turned into MS_ flags, the rest is passed as data.
	Options []string
}
