//go:build linux

package graph

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
)

func (s *Store) imageSetDeclaration() engine.Declaration {
	return engine.Declaration{
		Name: "image_set", Summary: "Make an image of a classic document and a layer.",
		Args:  []engine.Arg{{Name: "ID", Summary: "ignored: the id follows from what the image is"}},
		Env:   []engine.Key{{Name: "json", Summary: "the classic document; its parent is a name or id of an image here"}},
		Stdin: engine.Bytes, Stdout: engine.Bytes, Changes: true, Handler: s.jobImageSet,
	}
}

// jobImageSet
//
//	Usage:  image_set ID
//	Env:    json
//	Stdin:  archive of the layer, plain or compressed; nothing for a step that made
//	        none
//	Stdout: id of the image and a newline
//	Errors: InvalidArgument (document, archive), NotFound (parent)
//
// The classic engine kept the layer and the document under the given id. Images
// have the id of their content now, which is what the answer is.
func (s *Store) jobImageSet(job *engine.Job) error {
	text := job.Getenv("json")
	if text == "" {
		return errdefs.InvalidArgument("mandatory key 'json' is not set")
	}
	img, err := s.setImage(job.Context(), []byte(text), job.Stdin)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(job.Stdout, img.ID)
	return err
}

// setImage makes an image of a classic document and the archive of its layer.
func (s *Store) setImage(ctx context.Context, raw []byte, layer io.Reader) (*image.Image, error) {
	doc, err := parseClassic(raw)
	if err != nil {
		return nil, err
	}
	sources, history, parent := []layerSource{}, []classicHistory{}, ""
	if doc.Parent != "" {
		img, release, err := s.holdImage(doc.Parent)
		if err != nil {
			return nil, err
		}
		defer release()
		parent = img.ID
		for _, id := range img.RootFS.DiffIDs {
			sources = append(sources, layerSource{diffID: id, open: notOpened})
		}
		if history, err = historyOf(img); err != nil {
			return nil, err
		}
	}
	stdin := bufio.NewReader(layer)
	_, err = stdin.Peek(1)
	empty := errors.Is(err, io.EOF)
	if !empty {
		sources = append(sources, layerSource{open: func(context.Context, func(layerState)) (io.ReadCloser, error) {
			return io.NopCloser(stdin), nil
		}})
	}
	held, err := s.bringLayers(ctx, sources)
	if err != nil {
		return nil, fmt.Errorf("setting image: %w", err)
	}
	defer held.release()
	if raw, err = fromClassic(raw, held.diffIDs, append(history, doc.history(empty))); err != nil {
		return nil, err
	}
	return s.keepDocument(ctx, held, raw, parent)
}

// notOpened is the source of a layer that is held.
func notOpened(context.Context, func(layerState)) (io.ReadCloser, error) {
	return nil, errdefs.Internal("a layer that is held is missing")
}

// historyOf is the history of an image as a classic one would have it.
func historyOf(img *image.Image) ([]classicHistory, error) {
	raw, err := json.Marshal(img.Document.History)
	if err != nil {
		return nil, err
	}
	list := []classicHistory{}
	return list, json.Unmarshal(raw, &list)
}
