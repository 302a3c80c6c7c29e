// Package cliconfig owns the file of a user of the command line,
// ~/.docker/config.json, as far as it says who the user is at which registry. It
// keeps what it does not understand, and has no state but the file. The classic
// ~/.dockercfg is read when there is no config.json, and goes into it with the
// first change. Credentials may be in other hands: credstore.go speaks the protocol
// of docker-credential-helpers. Start reading at Load. It is free of the domain
// and imports nothing of this module; only command lines use it.
package cliconfig

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Auth is who the user is at one registry.
type Auth struct {
	Username, Password, Email string
	IdentityToken             string // in place of the password
	Server                    string // as it is named in the file
}

// IsZero says whether it is nobody.
func (a Auth) IsZero() bool { return a.Username == "" && a.IdentityToken == "" }

// File is a configuration. It is used by one goroutine.
type File struct {
	path    string
	members map[string]json.RawMessage
	auths   map[string]entry
	store   string            // helper for all registries
	helpers map[string]string // helper by registry
	headers map[string]string
}

// entry is the form of credentials in the file.
type entry struct {
	Auth          string `json:"auth,omitempty"` // base64 of user:password
	Email         string `json:"email,omitempty"`
	IdentityToken string `json:"identitytoken,omitempty"`
}

// maxFile is more than anybody's configuration, in bytes.
const maxFile = 8 << 20

// Load reads config.json in dir, or the classic file in home. Neither has to
// exist.
func Load(dir, home string) (*File, error) {
	f := &File{path: filepath.Join(dir, "config.json"), members: map[string]json.RawMessage{}, auths: map[string]entry{}}
	raw, err := readBounded(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, f.loadClassic(filepath.Join(home, ".dockercfg"))
	}
	if err != nil {
		return nil, fmt.Errorf("reading the configuration of the client: %w", err)
	}
	if err := json.Unmarshal(raw, &f.members); err != nil {
		return nil, fmt.Errorf("reading %s: %w", f.path, plainly(err))
	}
	for name, into := range map[string]any{
		"auths": &f.auths, "credsStore": &f.store, "credHelpers": &f.helpers, "HttpHeaders": &f.headers,
	} {
		if text, ok := f.members[name]; ok {
			if err := json.Unmarshal(text, into); err != nil {
				return nil, fmt.Errorf("reading %s of %s: %w", name, f.path, plainly(err))
			}
		}
	}
	if f.auths == nil { // it said null
		f.auths = map[string]entry{}
	}
	return f, nil
}

// plainly says what the user has written, not what Go made of it.
func plainly(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Errorf("%s is not what belongs there (at byte %d)", wrong.Value, wrong.Offset)
	}
	return err
}

func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("%s is no file that could be a configuration", path)
	}
	return os.ReadFile(path)
}

// loadClassic reads the file of before config.json: registries by name, or in
// the oldest form two lines for the one registry that there was.
func (f *File) loadClassic(path string) error {
	raw, err := readBounded(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the configuration of the client: %w", err)
	}
	if json.Unmarshal(raw, &f.auths) == nil {
		return nil
	}
	f.auths = map[string]entry{}
	e := entry{}
	for line := range strings.Lines(string(raw)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch strings.TrimSpace(key) {
		case "auth":
			e.Auth = strings.TrimSpace(value)
		case "email":
			e.Email = strings.TrimSpace(value)
		}
	}
	if e.Auth == "" {
		return fmt.Errorf("reading %s: it is not a configuration", path)
	}
	f.auths[DefaultServer] = e
	return nil
}

// DefaultServer is what the default registry is called in the file.
const DefaultServer = "https://index.docker.io/v1/"

// Headers are sent with every request to a daemon.
func (f *File) Headers() map[string]string { return maps.Clone(f.headers) }

// Path is where the file is, or will be.
func (f *File) Path() string { return f.path }

// Get finds who the user is at a registry, nobody when it is not known. Errors
// are those of a helper.
func (f *File) Get(ctx context.Context, server string) (Auth, error) {
	if helper := f.helper(server); helper != "" {
		return f.askHelper(ctx, helper, server)
	}
	if e, ok := f.auths[server]; ok {
		return e.decode(server)
	}
	for _, name := range slices.Sorted(maps.Keys(f.auths)) {
		if hostOf(name) == hostOf(server) {
			return f.auths[name].decode(name)
		}
	}
	return Auth{Server: server}, nil
}

// All lists the registries for which there are credentials in the file.
func (f *File) All(ctx context.Context) (map[string]Auth, error) {
	all := make(map[string]Auth, len(f.auths))
	for name := range f.auths {
		a, err := f.Get(ctx, name)
		if err != nil {
			return nil, err
		}
		if !a.IsZero() {
			all[name] = a
		}
	}
	return all, nil
}

func (f *File) helper(server string) string {
	if name, ok := f.helpers[hostOf(server)]; ok {
		return name
	}
	if name, ok := f.helpers[server]; ok {
		return name
	}
	return f.store
}

func (e entry) decode(server string) (Auth, error) {
	a := Auth{Server: server, Email: e.Email, IdentityToken: e.IdentityToken}
	if e.Auth == "" {
		return a, nil
	}
	text, err := base64.StdEncoding.DecodeString(e.Auth)
	user, password, ok := strings.Cut(string(text), ":")
	if err != nil || !ok {
		return a, fmt.Errorf("the credentials for %s in the configuration of the client cannot be read; log in again", server)
	}
	a.Username, a.Password = user, strings.TrimRight(password, "\x00")
	return a, nil
}

// Store keeps who the user is at a registry. plain tells that the password is
// now in the file, where everybody who can read it finds it.
func (f *File) Store(ctx context.Context, a Auth) (plain bool, err error) {
	e := entry{}
	helper := f.helper(a.Server)
	if helper != "" {
		if err := f.tellHelper(ctx, helper, a); err != nil {
			return false, err
		}
	} else {
		e.Email, e.IdentityToken = a.Email, a.IdentityToken
		password := a.Password
		if a.IdentityToken != "" {
			password = ""
		}
		e.Auth = base64.StdEncoding.EncodeToString([]byte(a.Username + ":" + password))
	}
	f.auths[a.Server] = e
	return helper == "", f.save()
}

// Erase forgets who the user is at a registry. known tells whether it was known.
func (f *File) Erase(ctx context.Context, server string) (known bool, err error) {
	if helper := f.helper(server); helper != "" {
		if err := f.eraseHelper(ctx, helper, server); err != nil {
			return false, err
		}
		known = true
	}
	for name := range f.auths {
		if name == server || hostOf(name) == hostOf(server) {
			delete(f.auths, name)
			known = true
		}
	}
	if !known {
		return false, nil
	}
	return true, f.save()
}

// save writes the file as a whole; a link to it stays one.
func (f *File) save() error {
	raw, err := json.Marshal(f.auths)
	if err != nil {
		return err
	}
	f.members["auths"] = raw
	text, err := json.MarshalIndent(f.members, "", "\t")
	if err != nil {
		return err
	}
	path := f.path
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("writing the configuration of the client: %w", err)
	}
	aside, err := os.CreateTemp(filepath.Dir(path), ".config-") // readable by its owner only
	if err != nil {
		return fmt.Errorf("writing the configuration of the client: %w", err)
	}
	_, err = aside.Write(append(text, '\n'))
	if err == nil {
		err = aside.Sync()
	}
	if err = errors.Join(err, aside.Close()); err == nil {
		err = os.Rename(aside.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("writing the configuration of the client: %w", err), os.Remove(aside.Name()))
	}
	return nil
}

// hostOf is the registry that a name in the file means.
func hostOf(server string) string {
	if _, rest, ok := strings.Cut(server, "://"); ok {
		server = rest
	}
	server, _, _ = strings.Cut(server, "/")
	switch server {
	case "docker.io", "registry-1.docker.io":
		return "index.docker.io"
	}
	return server
}

// Text is a member that is a string, "" when it is not there.
func (f *File) Text(member string) string {
	var text string
	_ = json.Unmarshal(f.members[member], &text) // what is no string says nothing
	return text
}

// List is a member that is a list of strings, empty when it is not there.
func (f *File) List(member string) []string {
	var list []string
	_ = json.Unmarshal(f.members[member], &list) // what is no list says nothing
	return list
}

// SetText writes the file with a member changed, or without it when it is "".
func (f *File) SetText(member, text string) error {
	delete(f.members, member)
	if text != "" {
		raw, err := json.Marshal(text)
		if err != nil {
			return err
		}
		f.members[member] = raw
	}
	return f.save()
}
