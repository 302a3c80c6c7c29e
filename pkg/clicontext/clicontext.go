// Package clicontext keeps the contexts of the command line: named places where a
// daemon is, each in files of its own below the configuration of the user. The form
// is that of Docker's client (https://docs.docker.com/engine/manage-resources/contexts/),
// so that both use the same ones: contexts/meta/ID/meta.json and
// contexts/tls/ID/docker/{ca,cert,key}.pem, where ID is the SHA-256 of the name. The
// package owns these files. Start reading at Store. It must not be imported by
// anything but the command line.
package clicontext

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/atomicfile"
)

// Default is the name of the context that nobody has made: what flags and environment
// say.
const Default = "default"

// docker is the endpoint that is known; others are kept as they are.
const docker = "docker"

// Context is a place where a daemon is.
type Context struct {
	Name        string
	Description string
	Host        string // as -H takes it
	SkipVerify  bool   // with TLS, who the daemon is does not matter

	other document // what others have written of it
}

// document is meta.json.
type document struct {
	Name      string
	Metadata  map[string]any
	Endpoints map[string]map[string]any
}

// TLS is what a connection to a daemon is made with, in PEM; nil is none.
type TLS struct{ CA, Cert, Key []byte }

// IsZero tells whether there is nothing of it.
func (t TLS) IsZero() bool { return len(t.CA)+len(t.Cert)+len(t.Key) == 0 }

// tlsFiles are its parts by the names of their files.
func (t *TLS) files() map[string]*[]byte {
	return map[string]*[]byte{"ca.pem": &t.CA, "cert.pem": &t.Cert, "key.pem": &t.Key}
}

// maxFile is more than a description or a certificate takes, in bytes.
const maxFile = 1 << 20

// Store is all contexts of a user.
type Store struct{ dir string }

// New gives the store below the directory of config.json. It need not exist.
func New(configDir string) *Store { return &Store{dir: filepath.Join(configDir, "contexts")} }

// CheckName tells what a context may be called.
func CheckName(name string) error {
	if name == Default {
		return errdefs.InvalidArgument(`"default" is a reserved context name`)
	}
	ok := len(name) > 1
	for i, c := range []byte(name) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		ok = ok && (letter || i > 0 && bytes.IndexByte([]byte("_.+-"), c) >= 0)
	}
	if !ok {
		return errdefs.InvalidArgument(`context name %q is invalid, names are validated against regexp "^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$"`, name)
	}
	return nil
}

// MetadataPath is the directory of a context's description.
func (s *Store) MetadataPath(name string) string { return filepath.Join(s.dir, "meta", id(name)) }

// TLSPath is the directory of a context's certificates.
func (s *Store) TLSPath(name string) string { return filepath.Join(s.dir, "tls", id(name)) }

func id(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

// Get reads a context. NotFound: there is none.
func (s *Store) Get(name string) (Context, error) {
	return s.read(filepath.Join(s.MetadataPath(name), "meta.json"), name)
}

func (s *Store) read(path, name string) (Context, error) {
	text, err := readBounded(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Context{}, errdefs.NotFound("context %q: context not found: docker context ls shows those that there are", name)
	}
	if err != nil {
		return Context{}, fmt.Errorf("reading context %q: %w", name, err)
	}
	return parse(text, path)
}

// parse reads meta.json.
func parse(text []byte, path string) (c Context, err error) {
	if err := json.Unmarshal(text, &c.other); err != nil {
		return c, errdefs.InvalidArgument("reading %s: %w", path, err)
	}
	c.Name = c.other.Name
	c.Description, _ = c.other.Metadata["Description"].(string)
	c.Host, _ = c.other.Endpoints[docker]["Host"].(string)
	c.SkipVerify, _ = c.other.Endpoints[docker]["SkipTLSVerify"].(bool)
	return c, nil
}

// List reads all contexts, by name.
func (s *Store) List() ([]Context, error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, "meta"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing contexts: %w", err)
	}
	var list []Context
	for _, e := range entries {
		c, err := s.read(filepath.Join(s.dir, "meta", e.Name(), "meta.json"), e.Name())
		if errdefs.IsNotFound(err) {
			continue // another client has made or removed it just now
		}
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b Context) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

// Save writes a context; with keys its certificates, too, instead of those that were
// there. A name that is there is written anew.
func (s *Store) Save(c Context, keys *TLS) error {
	if err := CheckName(c.Name); err != nil {
		return err
	}
	text, err := json.Marshal(c.document())
	if err == nil && keys != nil {
		err = s.saveTLS(c.Name, *keys)
	}
	if err == nil {
		err = os.MkdirAll(s.MetadataPath(c.Name), 0o755)
	}
	if err == nil {
		err = atomicfile.Write(filepath.Join(s.MetadataPath(c.Name), "meta.json"), text, 0o644)
	}
	if err != nil {
		return fmt.Errorf("writing context %q: %w", c.Name, err)
	}
	return nil
}

// document is meta.json of what the context is now.
func (c Context) document() document {
	d := c.other
	d.Name = c.Name
	meta := map[string]any{}
	for k, v := range c.other.Metadata {
		meta[k] = v
	}
	delete(meta, "Description")
	if c.Description != "" {
		meta["Description"] = c.Description
	}
	ends := map[string]map[string]any{}
	for k, v := range c.other.Endpoints {
		ends[k] = v
	}
	ends[docker] = map[string]any{"Host": c.Host, "SkipTLSVerify": c.SkipVerify}
	d.Metadata, d.Endpoints = meta, ends
	return d
}

func (s *Store) saveTLS(name string, keys TLS) error {
	dir := filepath.Join(s.TLSPath(name), docker)
	if keys.IsZero() {
		return os.RemoveAll(s.TLSPath(name))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for file, content := range keys.files() {
		var err error
		if path := filepath.Join(dir, file); len(*content) > 0 {
			err = atomicfile.Write(path, *content, 0o600)
		} else {
			err = atomicfile.Remove(path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// TLS reads the certificates of a context: nothing when it has none.
func (s *Store) TLS(name string) (keys TLS, err error) {
	for file, content := range keys.files() {
		text, err := readBounded(filepath.Join(s.TLSPath(name), docker, file))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return TLS{}, fmt.Errorf("reading the certificates of context %q: %w", name, err)
		}
		*content = text
	}
	return keys, nil
}

// Remove deletes a context. NotFound: there was none.
func (s *Store) Remove(name string) error {
	if _, err := os.Stat(s.MetadataPath(name)); errors.Is(err, fs.ErrNotExist) {
		return errdefs.NotFound("context %q does not exist", name)
	}
	if err := errors.Join(os.RemoveAll(s.MetadataPath(name)), os.RemoveAll(s.TLSPath(name))); err != nil {
		return fmt.Errorf("removing context %q: %w", name, err)
	}
	return nil
}

func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("%s is no file of a context", path)
	}
	return os.ReadFile(path)
}

// Names are the files that there are, sorted.
func (t TLS) Names() []string {
	var names []string
	for file, content := range t.files() {
		if len(*content) > 0 {
			names = append(names, file)
		}
	}
	slices.Sort(names)
	return names
}
