package runconfig

import (
	"encoding/csv"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
)

func (f *Flags) parseFiles(c *Config, h *HostConfig, _ Lookup) error {
	for _, text := range f.volumes {
		if !strings.Contains(text, ":") {
			if c.Volumes == nil {
				c.Volumes = make(map[string]struct{})
			}
			c.Volumes[text] = struct{}{}
			continue
		}
		h.Binds = append(h.Binds, text)
	}
	h.VolumesFrom, h.VolumeDriver, h.ReadonlyRootfs = f.volumesFrom, f.volumeDriver, f.readOnly
	for _, text := range f.tmpfs {
		target, options, _ := strings.Cut(text, ":")
		if !path.IsAbs(target) || path.Clean(target) == "/" {
			return fmt.Errorf("invalid tmpfs %q: %s is not an absolute path below /", text, target)
		}
		if h.Tmpfs == nil {
			h.Tmpfs = make(map[string]string)
		}
		h.Tmpfs[path.Clean(target)] = options
	}
	for _, text := range f.mounts {
		m, err := ParseMount(text)
		if err != nil {
			return err
		}
		h.Mounts = append(h.Mounts, m)
	}
	var err error
	if h.StorageOpt, err = keyValues(f.storageOpt, "storage option"); err != nil {
		return err
	}
	if f.shmSize != "" {
		if h.ShmSize, err = ParseSize(f.shmSize); err != nil {
			return err
		}
	}
	return nil
}

// checkVolume judges one -v and cleans its container path.
func checkVolume(text string) (string, error) {
	parts := strings.Split(text, ":")
	target := 0
	switch len(parts) {
	case 1:
	case 2, 3:
		target = 1
	default:
		return "", fmt.Errorf("bad format for volumes: %s", text)
	}
	if !path.IsAbs(parts[target]) {
		return "", fmt.Errorf("%s is not an absolute path", parts[target])
	}
	parts[target] = path.Clean(parts[target])
	if parts[target] == "/" {
		if target == 0 {
			return "", errors.New("Invalid volume: path can't be '/'")
		}
		return "", errors.New("Invalid bind mount: destination can't be '/'")
	}
	if target == 1 && parts[0] == "" {
		return "", fmt.Errorf("bad format for volumes: %s", text)
	}
	return strings.Join(parts, ":"), nil
}

// ParseMount reads the value of --mount: a line of comma-separated key=value
// fields.
func ParseMount(text string) (Mount, error) {
	bad := func(format string, args ...any) (Mount, error) {
		return Mount{}, fmt.Errorf("invalid mount %q: "+format, append([]any{text}, args...)...)
	}
	r := csv.NewReader(strings.NewReader(text))
	fields, err := r.Read()
	if err != nil {
		return bad("it should be a list of key=value fields separated by commas")
	}
	m := Mount{Type: "volume"}
	for _, field := range fields {
		key, value, hasValue := strings.Cut(strings.TrimSpace(field), "=")
		if err := m.setField(strings.ToLower(key), value, hasValue); err != nil {
			return bad("%w", err)
		}
	}
	switch {
	case m.Target == "":
		return bad("target is required")
	case !path.IsAbs(m.Target):
		return bad("target %s is not an absolute path", m.Target)
	case (m.Type == "bind" || m.Type == "image") && m.Source == "":
		return bad("source is required for type %s", m.Type)
	case m.ImageOptions != nil && m.Type != "image":
		return bad("image options do not go with type %s", m.Type)
	case m.Type == "tmpfs" && m.Source != "":
		return bad("type tmpfs has no source")
	case m.BindOptions != nil && m.Type != "bind":
		return bad("bind options do not go with type %s", m.Type)
	case m.VolumeOptions != nil && m.Type != "volume":
		return bad("volume options do not go with type %s", m.Type)
	case m.TmpfsOptions != nil && m.Type != "tmpfs":
		return bad("tmpfs options do not go with type %s", m.Type)
	}
	if err := m.checkRecursion(); err != nil {
		return Mount{}, err
	}
	return m, nil
}

// checkRecursion judges what goes with bind-recursive.
func (m *Mount) checkRecursion() error {
	o := m.BindOptions
	switch {
	case o == nil:
		return nil
	case o.ReadOnlyNonRecursive && !m.ReadOnly:
		return errors.New("option 'bind-recursive=writable' requires 'readonly' to be specified in conjunction")
	case o.ReadOnlyForceRecursive && !m.ReadOnly:
		return errors.New("option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction")
	case o.ReadOnlyForceRecursive && o.Propagation != "rprivate":
		return errors.New("option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in conjunction")
	}
	return nil
}

// setRecursion reads bind-recursive.
func (o *BindOptions) setRecursion(value string) error {
	switch value {
	case "enabled":
	case "disabled":
		o.NonRecursive = true
	case "writable":
		o.ReadOnlyNonRecursive = true
	case "readonly":
		o.ReadOnlyForceRecursive = true
	default:
		return fmt.Errorf(`invalid value for bind-recursive: %s (must be "enabled", "disabled", "writable", or "readonly")`, value)
	}
	return nil
}

func (m *Mount) setField(key, value string, hasValue bool) error {
	flag := true
	var err error
	switch key {
	case "readonly", "ro", "volume-nocopy", "bind-nonrecursive", "bind-create-src":
		if hasValue {
			if flag, err = strconv.ParseBool(value); err != nil {
				return fmt.Errorf("the value of %s is neither true nor false: %s", key, value)
			}
		}
	default:
		if !hasValue {
			return fmt.Errorf("field %q is not key=value", key)
		}
	}
	switch key {
	case "type":
		m.Type = strings.ToLower(value)
		if m.Type != "bind" && m.Type != "volume" && m.Type != "tmpfs" && m.Type != "image" {
			return fmt.Errorf("unknown type %s", value)
		}
	case "source", "src":
		m.Source = value
	case "target", "dst", "destination":
		m.Target = value
	case "readonly", "ro":
		m.ReadOnly = flag
	case "consistency":
		m.Consistency = strings.ToLower(value)
	case "bind-propagation":
		m.bind().Propagation = strings.ToLower(value)
	case "bind-nonrecursive":
		m.bind().NonRecursive = flag
	case "bind-create-src":
		m.bind().CreateMountpoint = flag
	case "bind-recursive":
		return m.bind().setRecursion(value)
	case "image-subpath":
		m.ImageOptions = &ImageOptions{Subpath: value}
	case "volume-nocopy", "volume-subpath", "volume-label", "volume-driver", "volume-opt":
		return m.setVolumeField(key, value, flag)
	case "tmpfs-size":
		if m.tmpfs().SizeBytes, err = ParseSize(value); err != nil {
			return err
		}
	case "tmpfs-mode":
		mode, err := strconv.ParseUint(value, 8, 32)
		if err != nil {
			return fmt.Errorf("tmpfs-mode %s is not an octal number", value)
		}
		m.tmpfs().Mode = uint32(mode)
	case "tmpfs-options": // separated by commas: the field is then quoted
		for option := range strings.SplitSeq(value, ",") {
			name, with, has := strings.Cut(option, "=")
			if has {
				m.tmpfs().Options = append(m.tmpfs().Options, []string{name, with})
			} else if name != "" {
				m.tmpfs().Options = append(m.tmpfs().Options, []string{name})
			}
		}
	default:
		return fmt.Errorf("unknown field %q", key)
	}
	return nil
}

func (m *Mount) setVolumeField(key, value string, flag bool) error {
	o := m.volume()
	switch key {
	case "volume-nocopy":
		o.NoCopy = flag
	case "volume-subpath":
		o.Subpath = value
	case "volume-driver":
		o.driver().Name = value
	case "volume-label":
		k, v, _ := strings.Cut(value, "=")
		if o.Labels == nil {
			o.Labels = make(map[string]string)
		}
		o.Labels[k] = v
	case "volume-opt":
		k, v, ok := strings.Cut(value, "=")
		if !ok {
			return fmt.Errorf("volume-opt %q is not key=value", value)
		}
		d := o.driver()
		if d.Options == nil {
			d.Options = make(map[string]string)
		}
		d.Options[k] = v
	}
	return nil
}

func (m *Mount) bind() *BindOptions {
	if m.BindOptions == nil {
		m.BindOptions = new(BindOptions)
	}
	return m.BindOptions
}

func (m *Mount) volume() *VolumeOptions {
	if m.VolumeOptions == nil {
		m.VolumeOptions = new(VolumeOptions)
	}
	return m.VolumeOptions
}

func (m *Mount) tmpfs() *TmpfsOptions {
	if m.TmpfsOptions == nil {
		m.TmpfsOptions = new(TmpfsOptions)
	}
	return m.TmpfsOptions
}

func (o *VolumeOptions) driver() *VolumeDriver {
	if o.DriverConfig == nil {
		o.DriverConfig = new(VolumeDriver)
	}
	return o.DriverConfig
}
