//go:build linux

package graph

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/runconfig"
)

// The classic image (v1 of the Docker image specification) is a layer with a
// document of its own that names the one below it. Archives of docker save keep
// it as VERSION, json and layer.tar in a directory named by its id.

const classicVersion = "1.0"

// classicImage is what is read of a classic document.
type classicImage struct {
	ID              string     `json:"id"`
	Parent          string     `json:"parent"`
	Created         *time.Time `json:"created"`
	Author          string     `json:"author"`
	Comment         string     `json:"comment"`
	OS              string     `json:"os"`
	ContainerConfig struct {
		Cmd runconfig.Strings `json:"Cmd"`
	} `json:"container_config"`
}

// classicHistory is a step of the history in the order of members in which
// Docker writes it, so that the ids of converted images are the same.
type classicHistory struct {
	Created    *time.Time `json:"created"`
	Author     string     `json:"author,omitempty"`
	CreatedBy  string     `json:"created_by,omitempty"`
	Comment    string     `json:"comment,omitempty"`
	EmptyLayer bool       `json:"empty_layer,omitempty"`
}

// parseClassic reads a classic document.
func parseClassic(raw []byte) (classicImage, error) {
	var c classicImage
	if err := json.Unmarshal(raw, &c); err != nil {
		return c, errdefs.InvalidArgument("reading classic image document: %w", err)
	}
	return c, nil
}

// history is the step that made this layer.
func (c classicImage) history(empty bool) classicHistory {
	created := c.Created
	if created == nil {
		created = &time.Time{}
	}
	return classicHistory{
		Created: created, Author: c.Author, Comment: c.Comment,
		CreatedBy: strings.Join(c.ContainerConfig.Cmd, " "), EmptyLayer: empty,
	}
}

// fromClassic makes the document of an image from the classic one of its top
// layer: everything that this says, without the ids, and layers and history.
func fromClassic(raw []byte, diffIDs []string, history []classicHistory) ([]byte, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, errdefs.InvalidArgument("reading classic image document: %w", err)
	}
	for _, name := range []string{"id", "parent", "Size", "parent_id", "layer_id", "throwaway"} {
		delete(members, name)
	}
	if members == nil {
		members = make(map[string]json.RawMessage)
	}
	var err error
	if members["rootfs"], err = json.Marshal(image.RootFS{Type: "layers", DiffIDs: diffIDs}); err != nil {
		return nil, err
	}
	if members["history"], err = json.Marshal(history); err != nil {
		return nil, err
	}
	return json.Marshal(members)
}

// classicDocument is a classic document that is written.
type classicDocument struct {
	ID              string            `json:"id,omitempty"`
	Parent          string            `json:"parent,omitempty"`
	Comment         string            `json:"comment,omitempty"`
	Created         time.Time         `json:"created"`
	Container       string            `json:"container,omitempty"`
	ContainerConfig *runconfig.Config `json:"container_config,omitempty"`
	DockerVersion   string            `json:"docker_version,omitempty"`
	Author          string            `json:"author,omitempty"`
	Config          *runconfig.Config `json:"config,omitempty"`
	Architecture    string            `json:"architecture,omitempty"`
	Variant         string            `json:"variant,omitempty"`
	OS              string            `json:"os,omitempty"`
	LayerID         string            `json:"layer_id,omitempty"` // of the content the id is made from only
}

// classicLayer is one layer of an image in classic shape.
type classicLayer struct {
	id   string // 64 digits
	json []byte
}

// toClassic makes the classic layers of an image, base first. Their ids follow
// from what is in and below them, so that images share those they have in common.
// The top one has the configuration of the image.
func toClassic(img *image.Image) ([]classicLayer, error) {
	chains := image.ChainIDs(img.RootFS.DiffIDs)
	layers := make([]classicLayer, len(chains))
	parent := ""
	for i, chain := range chains {
		doc := classicDocument{Parent: parent, OS: img.OS, LayerID: chain, Created: time.Unix(0, 0).UTC()}
		if i == len(chains)-1 {
			doc.Comment, doc.Created, doc.Container, doc.ContainerConfig = img.Comment, img.CreatedTime(), img.Container, img.ContainerConfig
			doc.DockerVersion, doc.Author, doc.Config = img.DockerVersion, img.Author, img.Config
			doc.Architecture, doc.Variant = img.Architecture, img.Variant
		}
		content, err := json.Marshal(doc)
		if err != nil {
			return nil, fmt.Errorf("writing classic image document: %w", err)
		}
		doc.ID, doc.LayerID = hexOf(image.Digest(content)), ""
		if layers[i].json, err = json.Marshal(doc); err != nil {
			return nil, fmt.Errorf("writing classic image document: %w", err)
		}
		layers[i].id = doc.ID
		parent = doc.ID
	}
	return layers, nil
}
