// Package containerfs owns the way into the file system of a container from
// outside of it: as the container sees it, with its volumes, and without ever
// leaving it, whatever a workload does to its links at that moment.
//
// It keeps no state beyond an open View: descriptors, and a mount namespace that
// ends with them. Start reading at View; Running and Stopped make one. The
// package is domain-free and imports only other pkg.
package containerfs

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/pkg/mount"
)

// View is an open file system of a container. It is safe for concurrent use.
type View struct {
	root *os.File
	ns   *os.File // keeps the mounts of a stopped container; nil for a running one
}

// Running opens what the processes of a running container see, by the path that
// its root has on the host ("/proc/PID/root"). When that turns out to be the
// root of the caller, because the number of a process that has just ended belongs
// to another one, there is nothing: fs.ErrNotExist.
func Running(rootPath string) (*View, error) {
	root, err := openRoot(rootPath)
	if err != nil {
		return nil, err
	}
	var own, got unix.Stat_t
	if err := errors.Join(unix.Stat("/", &own), unix.Fstat(int(root.Fd()), &got)); err != nil {
		root.Close()
		return nil, err
	}
	if own.Dev == got.Dev && own.Ino == got.Ino {
		root.Close()
		return nil, &os.PathError{Op: "open", Path: rootPath, Err: fs.ErrNotExist}
	}
	return &View{root: root}, nil
}

func openRoot(name string) (*os.File, error) {
	fd, err := unix.Open(name, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// Stopped opens a root that is mounted on the host, and puts the mounts on it in
// a mount namespace of its own: the host sees nothing of them, and a process
// that dies leaves none. Targets are resolved inside the root and made where
// they are missing.
func Stopped(root string, mounts []mount.Mount) (*View, error) {
	if len(mounts) == 0 {
		return Running(root)
	}
	var view *View
	var err error
	onThread(func() { view, err = assemble(root, mounts) })
	return view, err
}

// onThread runs f on a thread that ends with it. The first thread of a process
// cannot end, and is what /proc/self shows: it only waits then.
func onThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			onThread(f)
			runtime.UnlockOSThread()
			return
		}
		f()
	}()
	<-done
}

func assemble(root string, mounts []mount.Mount) (*View, error) {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return nil, os.NewSyscallError("unshare", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return nil, os.NewSyscallError("mount", err)
	}
	ns, err := os.Open("/proc/thread-self/ns/mnt")
	if err != nil {
		return nil, err
	}
	base, err := openRoot(root)
	if err != nil {
		ns.Close()
		return nil, err
	}
	v := &View{root: base, ns: ns}
	for _, m := range mounts {
		if err := v.mount(m); err != nil {
			v.Close()
			return nil, err
		}
	}
	return v, nil
}

func (v *View) mount(m mount.Mount) error {
	target, err := v.open(m.Target, unix.O_PATH)
	if errors.Is(err, fs.ErrNotExist) {
		if err = v.makeTarget(m); err == nil {
			target, err = v.open(m.Target, unix.O_PATH)
		}
	}
	if err != nil {
		return err
	}
	defer target.Close()
	bind := mount.Mount{Type: m.Type, Source: m.Source, Options: []string{"rbind"}}
	if slices.Contains(m.Options, "bind") {
		bind.Options = []string{"bind"}
	}
	if err := bind.Perform(threadPath(target)); err != nil {
		return err
	}
	if !slices.Contains(m.Options, "ro") {
		return nil
	}
	top, err := v.open(m.Target, unix.O_PATH) // target is what lies below the mount
	if err != nil {
		return err
	}
	defer top.Close()
	if err := unix.Mount("", threadPath(top), "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		return &os.PathError{Op: "remount", Path: m.Target, Err: err}
	}
	return nil
}

func threadPath(f *os.File) string { return "/proc/thread-self/fd/" + strconv.Itoa(int(f.Fd())) }

// makeTarget makes the mount point, of the kind of its source.
func (v *View) makeTarget(m mount.Mount) error {
	dir, base := path.Split(path.Clean("/" + m.Target))
	at := "/"
	for part := range strings.SplitSeq(strings.Trim(dir, "/"), "/") {
		if err := v.makeDir(at, part); err != nil {
			return err
		}
		at = path.Join(at, part)
	}
	if info, err := os.Stat(m.Source); err != nil || info.IsDir() {
		return v.makeDir(at, base)
	}
	parent, err := v.open(at, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer parent.Close()
	fd, err := unix.Openat(int(parent.Fd()), base, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return &os.PathError{Op: "create", Path: m.Target, Err: err}
	}
	return unix.Close(fd)
}

func (v *View) makeDir(at, name string) error {
	if name == "" {
		return nil
	}
	parent, err := v.open(at, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer parent.Close()
	if err := unix.Mkdirat(int(parent.Fd()), name, 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
		return &os.PathError{Op: "mkdir", Path: path.Join(at, name), Err: err}
	}
	return nil
}

// Close ends the view. A container's mounts are gone with it.
func (v *View) Close() error {
	err := v.root.Close()
	if v.ns != nil {
		err = errors.Join(err, v.ns.Close())
	}
	return err
}

// Root is a path of the calling process that leads to the root, for as long as
// the view is open.
func (v *View) Root() string { return procPath(v.root) }

func procPath(f *os.File) string { return "/proc/self/fd/" + strconv.Itoa(int(f.Fd())) }

// open opens a path of the container. Links are followed as inside of it.
func (v *View) open(name string, flags uint64) (*os.File, error) {
	return v.openat(int(v.root.Fd()), name, flags, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS)
}

func (v *View) openat(dir int, name string, flags, resolve uint64) (*os.File, error) {
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: resolve}
	for {
		fd, err := unix.Openat2(dir, name, &how)
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			continue // a rename elsewhere made the kernel unsure
		case err != nil:
			return nil, &os.PathError{Op: "open", Path: name, Err: err}
		}
		return os.NewFile(uintptr(fd), name), nil
	}
}

// Object is one file of a container.
type Object struct {
	Name    string // the last element of the path it was asked by
	Path    string // inside the container, without links but the last element
	Size    int64
	Mode    fs.FileMode
	ModTime time.Time
	Link    string // of a symbolic link: where it leads inside the container
	dir     *os.File
	base    string
	view    *View
}

// Close lets go of the object.
func (o *Object) Close() error { return o.dir.Close() }

// Find looks a path up. Links are followed in its directories, and at its end
// only when the path ends with "/" or "/.", which also asks for a directory. A
// missing one is fs.ErrNotExist, a file where a directory has to be ENOTDIR.
func (v *View) Find(name string) (*Object, error) {
	clean := path.Clean("/" + name)
	slash := strings.HasSuffix(name, "/") || strings.HasSuffix(name, "/.") || name == "." || name == ""
	dirName, base := path.Split(clean)
	if slash || clean == "/" {
		dirName, base = clean, "."
	}
	dir, err := v.open(dirName, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	o := &Object{Name: path.Base(clean), dir: dir, base: base, view: v}
	if err := o.stat(); err != nil {
		o.Close()
		return nil, err
	}
	return o, nil
}

// stat opens the object itself before it looks at it: a directory is the one
// that was found from then on, whatever its name comes to mean.
func (o *Object) stat() error {
	self, err := o.view.openat(int(o.dir.Fd()), o.base, unix.O_PATH|unix.O_NOFOLLOW, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_SYMLINKS)
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(self.Fd()), &st); err != nil {
		self.Close()
		return &os.PathError{Op: "stat", Path: o.Name, Err: err}
	}
	o.Size, o.Mode = st.Size, fileMode(st.Mode)
	o.ModTime = time.Unix(st.Mtim.Sec, st.Mtim.Nsec)
	if o.Mode.IsDir() {
		o.dir, self, o.base = self, o.dir, "."
	}
	self.Close()
	where, err := o.view.pathOf(o.dir)
	if err != nil {
		return err
	}
	o.Path = path.Join(where, o.base)
	if o.Mode&fs.ModeSymlink != 0 {
		o.Link = o.view.follow(where, o.dir, o.base)
	}
	return nil
}

// pathOf gives the path of an open directory inside the container.
func (v *View) pathOf(dir *os.File) (string, error) {
	full, err := os.Readlink(procPath(dir))
	if err != nil {
		return "", err
	}
	root, err := os.Readlink(v.Root())
	if err != nil {
		return "", err
	}
	rest, ok := strings.CutPrefix(full, strings.TrimSuffix(root, "/"))
	if !ok || rest != "" && rest[0] != '/' {
		return "", &os.PathError{Op: "locate", Path: full, Err: fs.ErrNotExist} // it was moved away meanwhile
	}
	return path.Clean("/" + rest), nil
}

// follow tells where a link leads, inside the container. A dangling one leads to
// what it says.
func (v *View) follow(where string, dir *os.File, base string) string {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(dir.Fd()), base, buf)
	if err != nil {
		return ""
	}
	target := string(buf[:n])
	if !path.IsAbs(target) {
		target = path.Join(where, target)
	}
	target = path.Clean("/" + target)
	f, err := v.open(target, unix.O_PATH)
	if err != nil {
		return target
	}
	defer f.Close()
	if resolved, err := v.pathOf(f); err == nil {
		return resolved
	}
	return target
}

// Dir is a path of the calling process that leads to the directory of the
// object, and Base its name in there: "." for a directory, which Dir is itself.
func (o *Object) Dir() string { return procPath(o.dir) }

// Base is the name of the object in Dir.
func (o *Object) Base() string { return o.base }

// Resolve opens the directory at a path, following all links, and gives its true
// path, relative to the root and without links. Close the object.
func (v *View) Resolve(name string) (dir *os.File, truePath string, err error) {
	dir, err = v.open(path.Clean("/"+name), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, "", err
	}
	if truePath, err = v.pathOf(dir); err != nil {
		dir.Close()
		return nil, "", err
	}
	return dir, strings.TrimPrefix(truePath, "/"), nil
}

// fileMode turns the bits of stat(2) into those of io/fs.
func fileMode(bits uint32) fs.FileMode {
	mode := fs.FileMode(bits & 0o777)
	switch bits & unix.S_IFMT {
	case unix.S_IFDIR:
		mode |= fs.ModeDir
	case unix.S_IFLNK:
		mode |= fs.ModeSymlink
	case unix.S_IFIFO:
		mode |= fs.ModeNamedPipe
	case unix.S_IFSOCK:
		mode |= fs.ModeSocket
	case unix.S_IFCHR:
		mode |= fs.ModeDevice | fs.ModeCharDevice
	case unix.S_IFBLK:
		mode |= fs.ModeDevice
	}
	for bit, flag := range map[uint32]fs.FileMode{
		unix.S_ISUID: fs.ModeSetuid, unix.S_ISGID: fs.ModeSetgid, unix.S_ISVTX: fs.ModeSticky,
	} {
		if bits&bit != 0 {
			mode |= flag
		}
	}
	return mode
}

// OpenFile opens a regular file for reading. Links are followed inside the
// container; anything but a file is an error, so that no fifo holds the caller up.
func (v *View) OpenFile(name string) (*os.File, error) {
	f, err := v.open(name, unix.O_RDONLY|unix.O_NONBLOCK)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, &os.PathError{Op: "open", Path: name, Err: errors.Join(err, unix.EINVAL)}
	}
	return f, nil
}
