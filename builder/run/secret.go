package run

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/mount"
)

// MaxSecret is the most bytes that a secret may have, as BuildKit has it.
const MaxSecret = 500 << 10

// secret shows a secret as a file in memory, as a variable, or as both. One that
// nobody sent is left out, unless it is required.
func (p *prepared) secret(m *Mount) error {
	switch {
	case m.Data == nil && m.Required:
		return errdefs.NotFound("secret %s: not found", m.ID)
	case m.Data == nil:
		return nil
	case len(m.Data) > MaxSecret:
		return errdefs.InvalidArgument("secret %s has %d bytes; at most %d are allowed", m.ID, len(m.Data), MaxSecret)
	}
	if m.Env != "" {
		text := string(m.Data)
		if strings.ContainsRune(text, 0) || strings.ContainsAny(m.Env, "=\x00") {
			return errdefs.InvalidArgument("secret %s cannot be the variable %q: one of them has bytes that no variable can have", m.ID, m.Env)
		}
		p.env = append(p.env, m.Env+"="+text)
	}
	if m.Target == "" {
		return nil
	}
	path, err := p.keep(m)
	if err != nil {
		return fmt.Errorf("lending the secret %s to a command: %w", m.ID, err)
	}
	p.add(&Mount{Target: m.Target, ReadOnly: true}, path)
	return nil
}

// keep writes a secret to a file on a tmpfs.
func (p *prepared) keep(m *Mount) (string, error) {
	if p.secrets == "" {
		if err := p.makeSecrets(); err != nil {
			return "", err
		}
	}
	path := filepath.Join(p.secrets, strconv.Itoa(len(p.mounts)))
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o400)
	if err != nil {
		return "", err
	}
	_, err = f.Write(m.Data)
	if os.Geteuid() == 0 {
		err = errors.Join(err, f.Chown(m.UID, m.GID))
	}
	mode := m.Mode.Perm()
	if mode == 0 {
		mode = 0o400
	}
	return path, errors.Join(err, f.Chmod(mode), f.Close())
}

// makeSecrets makes the directory of a command's secrets: below Runtime where that
// is in memory, else on a tmpfs of its own, which takes root.
func (p *prepared) makeSecrets() error {
	if root := p.runner.secretRoot(); root != "" {
		dir, err := p.runner.scratch(root)
		if err != nil {
			return err
		}
		if inMemory(dir) {
			p.secrets = dir
			p.undo = append(p.undo, func() error { return discard(dir) })
			return nil
		}
		if err := os.Remove(dir); err != nil {
			return err
		}
	}
	dir, err := p.place()
	if err != nil {
		return err
	}
	// 64 of the largest; without noswap, which older kernels lack, it is as for BuildKit.
	m := mount.Mount{Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "nodev", "noexec", "mode=0700", "size=32m", "noswap"}}
	if err = m.Perform(dir); err != nil {
		m.Options = m.Options[:len(m.Options)-1]
		err = m.Perform(dir)
	}
	if err != nil {
		return errdefs.Unavailable("there is no memory file system for it, and none can be mounted: %w", err)
	}
	p.secrets = dir
	return nil
}

// inMemory tells whether a directory is on a tmpfs or ramfs.
func inMemory(dir string) bool {
	var fs unix.Statfs_t
	if unix.Statfs(dir, &fs) != nil {
		return false
	}
	return int64(fs.Type) == unix.TMPFS_MAGIC || int64(fs.Type) == unix.RAMFS_MAGIC //nolint:unconvert // 32 bits on some platforms
}
