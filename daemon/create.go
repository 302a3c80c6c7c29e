package daemon

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/api"
	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/runconfig"
)

// createOptions are the documents of a create.
type createOptions struct {
	Name     string
	Config   *runconfig.Config
	Host     *runconfig.HostConfig
	Network  *runconfig.NetworkingConfig
	Platform string
	mark     marks

	Transient bool     // see record
	Hidden    []string // see snapshot

	// Modes of namespaces for this container in place of the daemon's defaults.
	IpcMode, CgroupnsMode string
}

// defaults are those of the daemon but for what the caller expects.
func (o *createOptions) defaults(d Defaults) Defaults {
	if o.IpcMode != "" {
		d.IpcMode = o.IpcMode
	}
	if o.CgroupnsMode != "" {
		d.CgroupnsMode = o.CgroupnsMode
	}
	return d
}

func decodeCreate(job *engine.Job) (createOptions, error) {
	opt := createOptions{
		Config: &runconfig.Config{}, Host: &runconfig.HostConfig{}, Network: &runconfig.NetworkingConfig{},
		Platform: job.Getenv("Platform"), mark: job.Phase,
		IpcMode: job.Getenv("DefaultIpcMode"), CgroupnsMode: job.Getenv("DefaultCgroupnsMode"),
		Transient: job.GetenvBool("transient"), Hidden: job.GetenvList("hiddenEnv"),
	}
	if len(job.Args) > 0 {
		opt.Name = job.Args[0]
	}
	if !job.EnvExists("Config") {
		return opt, errdefs.InvalidArgument("Config cannot be empty in order to create a container")
	}
	if err := job.GetenvJson("Config", opt.Config); err != nil {
		return opt, err
	}
	if err := job.GetenvJson("HostConfig", opt.Host); err != nil {
		return opt, err
	}
	if err := job.GetenvJson("NetworkingConfig", opt.Network); err != nil {
		return opt, err
	}
	if opt.Host == nil { // the document was null
		opt.Host = &runconfig.HostConfig{}
	}
	if opt.Network == nil {
		opt.Network = &runconfig.NetworkingConfig{}
	}
	if opt.Config == nil {
		return opt, errdefs.InvalidArgument("Config cannot be empty in order to create a container")
	}
	return opt, nil
}

// jobCreate makes a container.
//
// Usage:  create [NAME]
// Args:   NAME: empty or absent: one is made up.
// Env:    Config, HostConfig, NetworkingConfig: documents of the API. Platform: checked against the image's.
// Env:    DefaultIpcMode, DefaultCgroupnsMode: what older clients expect when HostConfig names none.
// Env:    transient: it need not outlive the daemon: the next one removes it. hiddenEnv: variables of the workload
// Env:    that are kept in memory only and shown nowhere.
// Stdout: one api.ContainerCreated.
// Stderr: warnings, one per line.
// Phases: plan, layer, files, keep (name and files are on disk), publish.
// Errors: NotFound (image, container of a link or volumes-from), Conflict (name), InvalidArgument (anything else).
// Events: create.
func (d *Daemon) jobCreate(job *engine.Job) error {
	opt, err := decodeCreate(job)
	if err != nil {
		return err
	}
	id, warnings, err := d.Create(job.Context(), opt)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		if _, err := io.WriteString(job.Stderr, w+"\n"); err != nil {
			break // the container exists; its caller has left
		}
	}
	return job.WriteJSON(api.ContainerCreated{Id: id})
}

// Create makes a container and returns its id. When it returns, the container
// survives a power cut; when it fails, nothing of it is left.
func (d *Daemon) Create(ctx context.Context, opt createOptions) (id string, warnings []string, err error) {
	if opt.Config.Image == "" {
		return "", nil, errdefs.InvalidArgument("no image was named to create a container from")
	}
	img, err := d.opt.Images.Image(opt.Config.Image)
	if err != nil {
		return "", nil, err
	}
	if err := checkPlatform(opt.Platform, opt.Config.Image, img); err != nil {
		return "", nil, err
	}
	s, warnings, err := d.plan(ctx, opt, img)
	if err != nil {
		return "", nil, err
	}
	id = s.rec.ID
	name, err := d.reserveName(opt.Name, id)
	if err != nil {
		return "", nil, err
	}
	s.rec.Name = "/" + name
	opt.mark.done("plan")
	c, err := d.build(ctx, s, img, opt.mark)
	if err != nil {
		d.containers.release(name, id)
		return "", nil, err
	}
	d.event(ctx, c.now(), "create", nil)
	opt.mark.done("publish")
	return id, warnings, nil
}

// checkPlatform refuses an image that is not for os[/architecture[/variant]].
// The error is NotFound: a client may then look for the right one.
func checkPlatform(platform, ref string, img *image.Image) error {
	want, have := strings.Split(platform, "/"), []string{img.OS, img.Architecture, img.Variant}
	if platform == "" {
		return nil
	}
	if len(want) > len(have) || want[0] == "" {
		return errdefs.InvalidArgument("invalid platform %q: write os[/architecture[/variant]]", platform)
	}
	for i, part := range want {
		if have[i] != "" && !strings.EqualFold(part, have[i]) {
			return errdefs.NotFound("image with reference %s was found but does not provide the specified platform (%s)",
				ref, platform)
		}
	}
	return nil
}

// plan makes the first snapshot of a container. It changes nothing.
func (d *Daemon) plan(ctx context.Context, opt createOptions, img *image.Image) (*snapshot, []string, error) {
	cfg, host := opt.Config, opt.Host
	merge(cfg, img.Config)
	path, args, err := workload(cfg)
	if err != nil {
		return nil, nil, err
	}
	d.mergeLog(&host.LogConfig)
	if err := d.validate(cfg, host); err != nil {
		return nil, nil, err
	}
	warnings := append(discard(d.execInfo, host), d.networkWarnings(host)...)
	id, err := d.newID()
	if err != nil {
		return nil, nil, err
	}
	rec := &record{
		Version: diskVersion, ID: id, Created: d.opt.Now().UTC(), Path: path, Args: args, Config: cfg, Image: img.ID,
		Driver: d.opt.Images.DriverName(), ExecDriver: d.opt.Exec.Name(), Platform: "linux", Transient: opt.Transient,
	}
	if rec.Endpoints, err = d.endpoints(ctx, opt.Network, host); err != nil {
		return nil, nil, err
	}
	rec.Disconnected = onlyOthers(rec.Endpoints, host)
	if rec.MountPoints, err = d.settleMounts(cfg, host); err != nil {
		return nil, nil, err
	}
	if rec.Links, err = d.settleLinks(host); err != nil {
		return nil, nil, err
	}
	d.defaults(cfg, host, id, opt.defaults(d.opt.Defaults))
	if sec, err := d.securityOptions(host); err == nil { // it was checked
		rec.AppArmorProfile = sec.AppArmor
	}
	dir := filepath.Join(d.root, id)
	rec.HostsPath, rec.HostnamePath = filepath.Join(dir, "hosts"), filepath.Join(dir, "hostname")
	rec.ResolvConfPath = filepath.Join(dir, "resolv.conf")
	if host.LogConfig.Type == "" || host.LogConfig.Type == "json-file" {
		rec.LogPath = filepath.Join(dir, id+"-json.log")
	}
	return &snapshot{rec: rec, host: host, hidden: opt.Hidden, net: d.idleNetwork(rec, host)}, warnings, nil
}

// defaults fills in what inspect shows and start uses.
func (d *Daemon) defaults(c *runconfig.Config, h *runconfig.HostConfig, id string, what Defaults) {
	if c.Hostname == "" {
		switch kind, _ := networkMode(h); {
		case kind == "host" || h.UTSMode == "host":
			c.Hostname, _ = os.Hostname()
		case kind != "container":
			c.Hostname = short(id)
		}
	}
	if h.NetworkMode == "" || h.NetworkMode == "default" {
		h.NetworkMode = "bridge"
		if c.NetworkDisabled {
			h.NetworkMode = "none"
		}
	}
	d.mergeLog(&h.LogConfig)
	if h.RestartPolicy.Name == "" {
		h.RestartPolicy.Name = "no"
	}
	if h.ShmSize == 0 {
		h.ShmSize = what.ShmSize
	}
	if h.ShmSize == 0 {
		h.ShmSize = 64 << 20
	}
	d.fillLimits(h)
	d.fillNamespaces(h, what)
	if h.Runtime == "" {
		h.Runtime = "native"
	}
	if h.MaskedPaths == nil && !h.Privileged {
		h.MaskedPaths = maskedPaths
	}
	if h.ReadonlyPaths == nil && !h.Privileged {
		h.ReadonlyPaths = readonlyPaths
	}
}

// build makes everything that a container has outside of memory, in an order
// that Restore can undo or finish from any point: the directory carries the mark
// -making from the first step on and loses it as the last but one. Meanwhile the
// log of new containers is flushed; where volumes have to be made first, after
// that.
func (d *Daemon) build(ctx context.Context, s *snapshot, img *image.Image, mark marks) (c *container, err error) {
	id := s.rec.ID
	dir := filepath.Join(d.root, id)
	text, err := d.describe(s)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var undo undoStack
	defer func() {
		if err != nil {
			undo.run()
		}
	}()
	undo.add(func() { d.discard(id) })
	early, wanted := !acquiresSources(s.rec.MountPoints), !s.passing()
	var promise pledge
	if early && wanted {
		promise = d.pledge(id, text)
		defer close(promise.debt.placed)
	}
	if err := d.prepare(s, img, text, &undo, mark); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil && !early {
		return nil, err
	}
	mark.done("files")
	if err := d.place(id, s.bare(), &undo); err != nil {
		return nil, err
	}
	if !early && wanted {
		promise = d.pledge(id, text)
		defer close(promise.debt.placed)
	}
	// Until it is done nobody was answered, and a power cut leaves half a container
	// or a whole one.
	if wanted {
		if err := d.kept(id, promise); err != nil {
			return nil, errdefs.Internal("keeping container %s: %w", short(id), err)
		}
	}
	for _, l := range s.rec.Links {
		if err := d.opt.Names.Link(id, l.Alias, l.Child); err != nil {
			return nil, err
		}
	}
	mark.done("keep")
	c = newContainer(dir, s)
	if err := d.containers.add(c); err != nil {
		return nil, err
	}
	return c, nil
}

// describe is the text of a new container's config.json.
func (d *Daemon) describe(s *snapshot) ([]byte, error) {
	for dst, m := range s.rec.MountPoints {
		if m.Type == "volume" {
			m.Source = d.volumes.Path(m.Name)
			s.rec.MountPoints[dst] = m
		}
	}
	s.rec.Volumes, s.rec.VolumesRW = classicVolumes(s.rec.MountPoints)
	text, err := encodeJSON(s.document())
	if err != nil {
		return nil, errdefs.Internal("describing container %s: %w", short(s.rec.ID), err)
	}
	return text, nil
}

// acquiresSources tells whether acquireSources has something to do.
func acquiresSources(points map[string]mountPoint) bool {
	for _, m := range points {
		if m.Type == "volume" || m.Type == "image" {
			return true
		}
	}
	return false
}

// discard removes the directory of a container that was not made after all.
func (d *Daemon) discard(id string) {
	dir := filepath.Join(d.root, id)
	_, err := d.ledger.gone(id)
	err = errors.Join(os.RemoveAll(dir+making), os.RemoveAll(dir), err)
	if err != nil {
		d.opt.Logf("undoing the making of container %s: %v", short(id), err)
	}
}

// prepare makes the directory of a container, which carries a mark, its layer and
// its volumes.
func (d *Daemon) prepare(s *snapshot, img *image.Image, text []byte, undo *undoStack, mark marks) error {
	id := s.rec.ID
	dir := filepath.Join(d.root, id+making)
	if err := d.spares.take(dir); err != nil {
		return errdefs.Internal("making the directory of container %s: %w", short(id), err)
	}
	if err := d.opt.Images.CreateLayer(id, img); err != nil {
		return err
	}
	undo.add(func() {
		if err := d.opt.Images.RemoveLayer(id); err != nil {
			d.opt.Logf("undoing the making of container %s: %v", short(id), err)
		}
	})
	mark.done("layer")
	// Before the volumes are made, so that they are found again.
	if err := fillFile(filepath.Join(dir, configFile), text); err != nil {
		return errdefs.Internal("writing the files of container %s: %w", short(id), err)
	}
	undo.add(func() { d.releaseSources(id, s.rec.MountPoints, true) })
	return d.acquireSources(d.background(), id, s.rec.MountPoints)
}

// place gives a container its name, and its directory the final one.
func (d *Daemon) place(id, name string, undo *undoStack) error {
	undo.add(func() {
		if err := d.opt.Names.Purge(id); err != nil {
			d.opt.Logf("undoing the making of container %s: %v", short(id), err)
		}
	})
	dir := filepath.Join(d.root, id)
	return d.opt.Names.Create(name, id, func() error {
		if err := unix.Rename(dir+making, dir); err != nil {
			return errdefs.Internal("keeping container %s: %w", short(id), err)
		}
		return nil
	})
}

// classicVolumes are the two maps of a classic config.json.
func classicVolumes(points map[string]mountPoint) (paths map[string]string, rw map[string]bool) {
	paths, rw = map[string]string{}, map[string]bool{}
	for dst, m := range points {
		if m.Type != "tmpfs" && m.Type != "image" {
			paths[dst], rw[dst] = m.Source, m.RW
		}
	}
	return paths, rw
}

// undoStack holds what takes a half-done thing back.
type undoStack []func()

func (u *undoStack) add(f func()) { *u = append(*u, f) }

// run undoes everything, the last thing first.
func (u *undoStack) run() {
	for i := len(*u) - 1; i >= 0; i-- {
		(*u)[i]()
	}
	*u = nil
}
