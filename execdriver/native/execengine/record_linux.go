package execengine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/execdriver/native/execproto"
)

// Records are the files <dir>/<id>.json. One is a draft, <id>.json.new, while its
// container starts: whoever finds a draft that nobody works on finds a start that
// was never answered, and ends it. It gets its name when the container has
// started, and its exit is appended as a second document when it has ended,
// before anybody is told. They are not fsynced: they have to outlive this
// process, not the host; after a crash of the host no container runs any more
// and an unreadable record is dropped. To replace the file would make file
// systems write it to the disk at once, which takes longer than all the rest.

func recordPath(dir, id string) string { return execproto.RecordPath(dir, id) }

func draftPath(dir, id string) string { return execproto.DraftPath(dir, id) }

func writeRecord(dir string, r *execproto.Record) error {
	if err := writeDraft(dir, r); err != nil {
		return err
	}
	return confirmDraft(dir, r.ID)
}

func writeDraft(dir string, r *execproto.Record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := os.WriteFile(draftPath(dir, r.ID), b, 0o600); err != nil {
		return fmt.Errorf("writing record of %s: %w", r.ID, err)
	}
	return nil
}

// confirmDraft makes a draft the record.
func confirmDraft(dir, id string) error {
	if err := os.Rename(draftPath(dir, id), recordPath(dir, id)); err != nil {
		return fmt.Errorf("writing record of %s: %w", id, err)
	}
	return nil
}

// removeRecord removes a record and its draft.
func removeRecord(dir, id string) error {
	var errs []error
	for _, path := range []string{draftPath(dir, id), recordPath(dir, id)} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// appendExit adds the exit to a record. It is one write of less than a page: a
// kill finds all of it or nothing.
func appendExit(dir string, x *execproto.Exit) error {
	b, err := json.Marshal(x)
	if err != nil {
		return err
	}
	path := recordPath(dir, x.ID)
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_APPEND|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("recording exit of %s: %w", x.ID, err)
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, append([]byte("\n"), b...)); err != nil {
		return fmt.Errorf("recording exit of %s: %w", x.ID, err)
	}
	return nil
}

// readRecords reads what an earlier exec engine left.
func readRecords(dir string) ([]*execproto.Record, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	var list []*execproto.Record
	for _, path := range paths {
		r, err := readRecord(path)
		var unreadable *fs.PathError // gone since, or this process lacks something
		if errors.As(err, &unreadable) {
			continue
		}
		if err != nil || recordPath(dir, r.ID) != path {
			_ = os.Remove(path) // damaged by a crash of the host
			continue
		}
		list = append(list, r)
	}
	return list, nil
}

// drafts lists the ids of containers whose start was not finished yet.
func drafts(dir string) ([]string, error) {
	suffix := filepath.Base(draftPath(dir, ""))
	paths, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	for i, path := range paths {
		paths[i] = strings.TrimSuffix(filepath.Base(path), suffix)
	}
	return paths, err
}

func readRecord(path string) (*execproto.Record, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := new(execproto.Record)
	in := json.NewDecoder(bytes.NewReader(b))
	if err := in.Decode(r); err != nil {
		return nil, err
	}
	x := new(execproto.Exit)
	switch err := in.Decode(x); {
	case err == nil && x.ID == r.ID:
		r.Exit = x
	case err != nil && err != io.EOF:
		return nil, err
	}
	return r, nil
}
