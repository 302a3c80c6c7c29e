package client

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/enginejobs/docker/pkg/ignorefile"
)

// packer packs the directory of a build.
type packer struct {
	root       string
	ignore     *ignorefile.Matcher
	ignoreName string // of the file with the patterns, "" without one
	ignoreText []byte // what is sent as it, when it is not what is on the disk
	keep       map[string]bool
	added      string // a file that is not in the directory
	addedText  []byte

	tw   *tar.Writer
	same *packed
}

// packBuffer is how many bytes of small files go out at once.
const packBuffer = 256 << 10

// pack writes the archive. Everything belongs to root in there, as daemons have
// always got it.
func (p *packer) pack(ctx context.Context, w io.Writer) error {
	out := bufio.NewWriterSize(w, packBuffer)
	p.tw, p.same = tar.NewWriter(out), newPacked()
	if err := p.directory(ctx, ".", ignorefile.Parent{}); err != nil {
		return err
	}
	if p.added != "" {
		if err := errors.Join(addText(p.tw, p.added, p.addedText), addText(p.tw, p.ignoreName, p.ignoreText)); err != nil {
			return err
		}
	}
	return errors.Join(p.tw.Close(), out.Flush())
}

// directory packs what is in one.
func (p *packer) directory(ctx context.Context, dir string, parent ignorefile.Parent) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	list, err := os.ReadDir(filepath.Join(p.root, filepath.FromSlash(dir)))
	if err != nil {
		return contextError(err)
	}
	for _, e := range list {
		name := path.Join(dir, e.Name())
		if p.added != "" && name == p.ignoreName {
			continue // it is sent with one line more
		}
		out, self, err := p.ignore.Match(name, parent)
		if err != nil {
			return err
		}
		if out = out && !p.keep[name]; out && (!e.IsDir() || p.ignore.Prunes(name) && !p.keeps(name)) {
			continue
		}
		if !out {
			if _, err := packEntry(p.tw, filepath.Join(p.root, filepath.FromSlash(name)), name, e, p.same, ownedByRoot); err != nil {
				if errors.Is(err, fs.ErrNotExist) {
					continue // it has gone meanwhile
				}
				return contextError(err)
			}
		}
		if e.IsDir() {
			if err := p.directory(ctx, name, self); err != nil {
				return err
			}
		}
	}
	return nil
}

// keeps tells whether something in a directory is sent in any case.
func (p *packer) keeps(dir string) bool {
	for name := range p.keep {
		if len(name) > len(dir) && name[:len(dir)] == dir && name[len(dir)] == '/' {
			return true
		}
	}
	return false
}

// ownedByRoot makes headers the same on all hosts.
func ownedByRoot(h *tar.Header) {
	h.Uid, h.Gid = 0, 0
	h.ModTime = h.ModTime.Truncate(time.Second)
}

// addText adds a file that is in memory.
func addText(tw *tar.Writer, name string, text []byte) error {
	err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600, Size: int64(len(text)), ModTime: time.Unix(0, 0), Format: tar.FormatPAX})
	if err != nil {
		return err
	}
	_, err = tw.Write(text)
	return err
}

// contextError is what is said of a file that cannot be read.
func contextError(err error) error {
	if errors.Is(err, io.ErrClosedPipe) {
		return err
	}
	return fmt.Errorf("error checking context: '%w'. Please check permissions and try again", err)
}

// uploading shows how much of a context is sent.
func (cli *CLI) uploading(r io.Reader) io.Reader {
	_, terminal := terminalOf(cli.Out)
	return &upload{r: r, w: cli.Out, terminal: terminal}
}

// uploadStep is how many bytes come between two lines of progress.
const uploadStep = 512 << 10

type upload struct {
	r           io.Reader
	w           io.Writer
	terminal    bool
	sent, shown int64
	over        bool
}

// Read counts.
func (u *upload) Read(b []byte) (int, error) {
	n, err := u.r.Read(b)
	u.sent += int64(n)
	if u.terminal && u.sent-u.shown >= uploadStep && !u.over {
		u.shown = u.sent
		fmt.Fprintf(u.w, "\rSending build context to Docker daemon  %s", tightSize(u.sent))
	}
	if err != nil && !u.over {
		u.over = true
		end := "\n"
		if u.terminal {
			end = "\r\r\n"
			fmt.Fprint(u.w, "\r")
		}
		fmt.Fprintf(u.w, "Sending build context to Docker daemon  %s%s", tightSize(u.sent), end)
	}
	return n, err
}
