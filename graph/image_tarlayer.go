//go:build linux

package graph

import (
	"context"
	"errors"
	"io"

	"github.com/enginejobs/docker/engine"
)

func (s *Store) imageTarlayerDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "image_tarlayer", Summary: "Write the topmost layer of an image as an archive.",
		Args:   []engine.Arg{{Name: "IMAGE", Summary: "name or id"}},
		Stdout: engine.Bytes, Handler: s.jobImageTarlayer,
	}
}

// jobImageTarlayer
//
//	Usage:  image_tarlayer IMAGE
//	Stdout: the archive, as it came, uncompressed; that of nothing for an image
//	        without layers
//	Errors: NotFound, InvalidArgument (an ambiguous id, a malformed name)
func (s *Store) jobImageTarlayer(job *engine.Job) error {
	return s.tarLayer(job.Context(), job.Args[0], job.Stdout)
}

func (s *Store) tarLayer(ctx context.Context, ref string, out io.Writer) error {
	img, release, err := s.holdImage(ref)
	if err != nil {
		return err
	}
	defer release()
	if img.ChainID == "" {
		_, err := out.Write(make([]byte, 1024))
		return err
	}
	rc, _, err := s.openLayer(ctx, img.ChainID)
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(out, rc, make([]byte, 256<<10))
	return errors.Join(err, rc.Close())
}
