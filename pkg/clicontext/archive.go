package clicontext

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/enginejobs/docker/errdefs"
)

// maxArchive is how much of an archive is read, in bytes.
const maxArchive = 10 << 20

// Export writes a context as an archive: meta.json, and below tls/docker/ what it has
// of certificates.
func (s *Store) Export(name string, w io.Writer) error {
	c, err := s.Get(name)
	if err != nil {
		return err
	}
	keys, err := s.TLS(name)
	if err != nil {
		return err
	}
	text, err := json.Marshal(c.document())
	if err != nil {
		return fmt.Errorf("exporting context %q: %w", name, err)
	}
	tw := tar.NewWriter(w)
	put := func(name string, mode int64, content []byte) error {
		if err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content))}); err != nil {
			return err
		}
		_, err := tw.Write(content)
		return err
	}
	err = put("meta.json", 0o644, text)
	for _, file := range []string{"ca.pem", "cert.pem", "key.pem"} {
		if content := *keys.files()[file]; err == nil && len(content) > 0 {
			err = put(path.Join("tls", docker, file), 0o600, content)
		}
	}
	if err = errors.Join(err, tw.Close()); err != nil {
		return fmt.Errorf("exporting context %q: %w", name, err)
	}
	return nil
}

// Import makes a context of an archive, tar or zip, under another name. Conflict: the
// name is taken.
func (s *Store) Import(name string, r io.Reader) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if _, err := s.Get(name); err == nil {
		return errdefs.Conflict("context %q already exists", name)
	}
	data, err := io.ReadAll(io.LimitReader(r, maxArchive+1))
	if err != nil {
		return fmt.Errorf("importing context %q: %w", name, err)
	}
	if len(data) > maxArchive {
		return errdefs.InvalidArgument("importing context %q: the archive is larger than %d MiB", name, maxArchive>>20)
	}
	c, keys, err := unpack(data)
	if err != nil {
		return errdefs.InvalidArgument("importing context %q: %w", name, err)
	}
	c.Name = name
	return s.Save(c, &keys)
}

// unpack reads an archive. What is neither meta.json nor below tls is refused.
func unpack(data []byte) (c Context, keys TLS, err error) {
	found := false
	each := func(name string, r io.Reader) error {
		content, err := io.ReadAll(io.LimitReader(r, maxFile+1))
		if err != nil || len(content) > maxFile {
			return errors.Join(err, fmt.Errorf("%s is too large", name))
		}
		if name == "meta.json" {
			found = true
			c, err = parse(content, name)
			return err
		}
		rest, below := strings.CutPrefix(name, "tls/")
		if !below {
			return fmt.Errorf("unexpected context file %s", name)
		}
		endpoint, file := path.Split(rest)
		if part := keys.files()[file]; endpoint == docker+"/" && part != nil {
			*part = content
		}
		return nil
	}
	if bytes.HasPrefix(data, []byte("PK")) {
		err = eachZipped(data, each)
	} else {
		err = eachFile(data, each)
	}
	if err == nil && !found {
		err = errors.New("invalid context: no metadata found")
	}
	return c, keys, err
}

func eachFile(data []byte, f func(name string, r io.Reader) error) error {
	for tr := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		if h.Typeflag != tar.TypeReg {
			return fmt.Errorf("%s is no regular file", h.Name)
		}
		if err := f(path.Clean(h.Name), tr); err != nil {
			return err
		}
	}
}

func eachZipped(data []byte, f func(name string, r io.Reader) error) error {
	zr, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	for _, file := range zr.File {
		if file.FileInfo().IsDir() {
			continue
		}
		if !file.Mode().IsRegular() {
			return fmt.Errorf("%s is no regular file", file.Name)
		}
		r, err := file.Open()
		if err == nil {
			err = errors.Join(f(path.Clean(file.Name), r), r.Close())
		}
		if err != nil {
			return err
		}
	}
	return nil
}
