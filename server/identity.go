package server

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/docker/libtrust"
)

// LoadIdentity loads the key that names this daemon, and makes it when it is
// missing. The id of the key is the ID of info.
func (s *Server) LoadIdentity(context.Context) error {
	key, err := loadKey(s.cfg.TrustKey)
	if err != nil {
		return fmt.Errorf("loading key file %s: %w", s.cfg.TrustKey, err)
	}
	s.parts.id = key.KeyID()
	return nil
}

func loadKey(path string) (libtrust.PrivateKey, error) {
	key, err := libtrust.LoadKeyFile(path)
	if !errors.Is(err, libtrust.ErrKeyFileDoesNotExist) {
		return key, err
	}
	if key, err = libtrust.GenerateECP256PrivateKey(); err != nil {
		return nil, err
	}
	text, err := encodeKey(key, filepath.Ext(path))
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return key, writeFile(path, text, 0o600)
}

func encodeKey(key libtrust.PrivateKey, ext string) ([]byte, error) {
	if ext == ".json" || ext == ".jwk" { // libtrust reads every other name as PEM
		return json.MarshalIndent(key, "", "    ")
	}
	block, err := key.PEMBlock()
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(block), nil
}

// writeFile makes or replaces a file in one step that a crash cannot split.
func writeFile(path string, text []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
