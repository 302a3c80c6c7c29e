package initproto

// Setup is all that an init does, in the order in which it does it. The driver
// has translated names into numbers before: the init looks nothing up but users
// and programs in the container's own files.
type Setup struct {
	Timings bool // report the phases

	// Before the root changes, in the host's view.
	Join    []Join   // namespaces to enter
	Tasks   []string // files to write "0" to (cgroup v1)
	Into    string   // of an exec: the group that it is born in (cgroup v2)
	Unshare uint32   // namespaces that are made only after the cgroups are joined
	Slave   bool     // mounts of the host reach into bind mounts that ask for it

	Scratch   string  // an empty directory of the host where the root is put together
	Root      []Mount // the root's own mounts
	Mounts    []Mount // inside it; targets are resolved as seen from inside
	Nodes     []Node
	Links     []Link
	Tty       bool
	Rows      uint16
	Cols      uint16
	Loopback  bool // set it up: the network namespace is new
	Hostname  string
	Domain    string
	Sysctls   []Link // path below /proc/sys and value
	Masked    []string
	ReadOnly  []string
	RootRO    bool
	OOMScore  int32
	Rlimits   []Rlimit
	NoNewPriv bool
	Seccomp   []byte // sock_filter array

	SeccompFlags uint32
	AppArmor     string // profile to execute under

	// The workload.
	User     string
	Groups   []string
	Dir      string
	Caps     uint64 // bounding, permitted and effective set
	Args     []string
	Env      []string
	Reaper   bool   // stay as process 1 above the workload
	SelfPath string // how to execute this init again; for Reaper
}

// Join is a namespace to enter by its path; Flag is its CLONE_NEW… bit.
type Join struct {
	Flag uint32
	Path string
}

// Kinds of mount.
const (
	KindPlain  uint8 = iota // mount(2)
	KindBind                // a bind mount, then its flags
	KindCgroup              // like KindBind, but left out when the source is missing
	KindShm                 // /dev/shm of the mount namespace at Source
)

// RecursiveReadOnly in the flags of a bind makes what is mounted below its source
// read-only too. It is no bit of the kernel's.
const RecursiveReadOnly uint64 = 1 << 40

// Mount is one mount with its flags as numbers.
type Mount struct {
	Kind        uint8
	Type        string
	Source      string
	Target      string
	Flags       uint64 // MS_…, for binds without MS_BIND; or RecursiveReadOnly
	Propagation uint64 // MS_SHARED…, 0 for none
	Data        string
	Sub         string // of a plain mount: this directory of the file system takes its place
}

// Node is a device node.
type Node struct {
	Path string
	Mode uint32 // with S_IFCHR or S_IFBLK
	Dev  uint64
	UID  uint32
	GID  uint32
}

// Link is a symbolic link, or any other pair.
type Link struct{ Path, Target string }

// Rlimit is a limit by its number.
type Rlimit struct {
	Resource   uint32
	Name       string // for the warning
	Soft, Hard uint64
}

func (s *Setup) code(c *coder) {
	c.flag(&s.Timings)
	list(c, &s.Join, func(j *Join) { c.u32(&j.Flag); c.str(&j.Path) })
	c.strs(&s.Tasks)
	c.str(&s.Into)
	c.u32(&s.Unshare)
	c.flag(&s.Slave)
	c.str(&s.Scratch)
	list(c, &s.Root, c.mount)
	list(c, &s.Mounts, c.mount)
	list(c, &s.Nodes, c.node)
	list(c, &s.Links, c.link)
	c.flag(&s.Tty)
	c.size16(&s.Rows)
	c.size16(&s.Cols)
	c.flag(&s.Loopback)
	c.str(&s.Hostname)
	c.str(&s.Domain)
	list(c, &s.Sysctls, c.link)
	c.strs(&s.Masked)
	c.strs(&s.ReadOnly)
	c.flag(&s.RootRO)
	c.i32(&s.OOMScore)
	list(c, &s.Rlimits, c.rlimit)
	c.flag(&s.NoNewPriv)
	c.bytes(&s.Seccomp)
	c.u32(&s.SeccompFlags)
	c.str(&s.AppArmor)
	c.str(&s.User)
	c.strs(&s.Groups)
	c.str(&s.Dir)
	c.u64(&s.Caps)
	c.strs(&s.Args)
	c.strs(&s.Env)
	c.flag(&s.Reaper)
	c.str(&s.SelfPath)
}

func (c *coder) mount(m *Mount) {
	c.u8(&m.Kind)
	c.str(&m.Type)
	c.str(&m.Source)
	c.str(&m.Target)
	c.u64(&m.Flags)
	c.u64(&m.Propagation)
	c.str(&m.Data)
	c.str(&m.Sub)
}

func (c *coder) node(n *Node) {
	c.str(&n.Path)
	c.u32(&n.Mode)
	c.u64(&n.Dev)
	c.u32(&n.UID)
	c.u32(&n.GID)
}

func (c *coder) link(l *Link) {
	c.str(&l.Path)
	c.str(&l.Target)
}

func (c *coder) rlimit(r *Rlimit) {
	c.u32(&r.Resource)
	c.str(&r.Name)
	c.u64(&r.Soft)
	c.u64(&r.Hard)
}

func (c *coder) size16(v *uint16) {
	u := uint32(*v)
	c.u32(&u)
	*v = uint16(u)
}

// Encode gives the body of a TypeSetup frame.
func (s *Setup) Encode() []byte { return encode(s) }

// DecodeSetup is the inverse of Setup.Encode. Byte slices of the result alias b.
func DecodeSetup(b []byte) (*Setup, error) {
	s := new(Setup)
	return s, decode(b, s)
}
