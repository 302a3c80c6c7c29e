package compare

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// apiVersion is one that both engines have, and that old ones have, too.
const apiVersion = "v1.24"

// most is the longest document that is read.
const most = 16 << 20

// daemon is one side.
type daemon struct {
	client http.Client
	host   string
}

// dial prepares requests to unix:///path or to tcp://host:port.
func dial(host string) (*daemon, error) {
	kind, address, ok := strings.Cut(host, "://")
	if !ok || kind != "unix" && kind != "tcp" {
		return nil, fmt.Errorf("%q is no address of a daemon: give unix:///path or tcp://host:port", host)
	}
	return &daemon{host: host, client: http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, kind, address)
		},
	}}}, nil
}

func (d *daemon) get(ctx context.Context, format string, args ...any) (io.ReadCloser, error) {
	where := fmt.Sprintf("/"+apiVersion+format, args...)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://daemon"+where, nil)
	if err != nil {
		return nil, err
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 1000)) //nolint:errcheck // the status is the error
		return nil, fmt.Errorf("%s: GET %s: %s: %s", d.host, where, resp.Status, bytes.TrimSpace(said))
	}
	return resp.Body, nil
}

// Container takes a look at a container: its files as `docker export` gives them
// and its Config and HostConfig.
func Container(ctx context.Context, host, name string) (*Snapshot, error) {
	d, err := dial(host)
	if err != nil {
		return nil, err
	}
	archive, err := d.get(ctx, "/containers/%s/export", url.PathEscape(name))
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	tree, err := readTree(archive)
	if err != nil {
		return nil, fmt.Errorf("the files of %s at %s: %w", name, host, err)
	}
	if err := link(tree); err != nil {
		return nil, err
	}
	document, err := d.get(ctx, "/containers/%s/json", url.PathEscape(name))
	if err != nil {
		return nil, err
	}
	defer document.Close()
	var inspected struct{ Config, HostConfig any }
	if err := json.NewDecoder(document).Decode(&inspected); err != nil {
		return nil, err
	}
	s := &Snapshot{Files: tree, Fields: map[string]string{}}
	s.flatten("Config", inspected.Config)
	s.flatten("HostConfig", inspected.HostConfig)
	return s, nil
}

// Image takes a look at an image as `docker save` gives it.
func Image(ctx context.Context, host, name string) (*Snapshot, error) {
	d, err := dial(host)
	if err != nil {
		return nil, err
	}
	archive, err := d.get(ctx, "/images/%s/get", url.PathEscape(name))
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	s, err := ReadImage(archive)
	if err != nil {
		return nil, fmt.Errorf("%s at %s: %w", name, host, err)
	}
	return s, nil
}

// saved is an archive of an image while it is read.
type saved struct {
	documents map[string][]byte
	layers    map[string]map[string]File
	links     map[string]string // of a layer that is there already
}

// ReadImage reads the archive of one image.
func ReadImage(r io.Reader) (*Snapshot, error) {
	all := saved{map[string][]byte{}, map[string]map[string]File{}, map[string]string{}}
	archive := tar.NewReader(r)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return all.image()
		}
		if err != nil {
			return nil, err
		}
		if err := all.member(clean(header.Name), header, archive); err != nil {
			return nil, fmt.Errorf("%s: %w", header.Name, err)
		}
	}
}

func (s *saved) member(name string, header *tar.Header, content io.Reader) error {
	switch header.Typeflag {
	case tar.TypeSymlink:
		s.links[name] = path.Join(path.Dir(name), header.Linkname)
	case tar.TypeLink:
		s.links[name] = clean(header.Linkname)
	case tar.TypeReg:
		buffered := bufio.NewReaderSize(content, 1<<16)
		if head, _ := buffered.Peek(512); len(head) == 512 && (string(head[257:262]) == "ustar" || !bytes.ContainsFunc(head, func(r rune) bool { return r != 0 })) {
			layer, err := readTree(buffered)
			s.layers[name] = layer
			return err
		}
		text, err := io.ReadAll(io.LimitReader(buffered, most))
		s.documents[name] = text
		return err
	}
	return nil
}

// image puts it together as its manifest says.
func (s *saved) image() (*Snapshot, error) {
	var manifest []struct {
		Config string
		Layers []string
	}
	if err := json.Unmarshal(s.documents["manifest.json"], &manifest); err != nil {
		return nil, fmt.Errorf("manifest.json: %w", err)
	}
	if len(manifest) != 1 {
		return nil, fmt.Errorf("it has %d images and not one", len(manifest))
	}
	snapshot := &Snapshot{Files: map[string]File{}, Fields: map[string]string{}}
	var config any
	if err := json.Unmarshal(s.documents[clean(manifest[0].Config)], &config); err != nil {
		return nil, fmt.Errorf("%s: %w", manifest[0].Config, err)
	}
	snapshot.flatten("", config)
	for _, name := range manifest[0].Layers {
		name = clean(name)
		for hops := 0; s.links[name] != "" && hops < len(s.links); hops++ {
			name = s.links[name]
		}
		layer, ok := s.layers[name]
		if !ok {
			return nil, fmt.Errorf("it lacks the layer %s", name)
		}
		// A layer may be listed twice: what is in it is linked once.
		if err := link(layer); err != nil {
			return nil, fmt.Errorf("the layer %s: %w", name, err)
		}
		stack(snapshot.Files, layer)
		snapshot.Layers = append(snapshot.Layers, layer)
	}
	return snapshot, nil
}

// flatten adds a document. What is empty (null, "", false, 0, []) is as if it was
// not there, for engines write it or leave it out as they like; an empty object is
// there, as a volume is, but that of labels is not. Ids of images are all alike: they hold times.
func (s *Snapshot) flatten(name string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for key, below := range value {
			s.flatten(strings.TrimPrefix(name+"."+key, "."), below)
		}
		if len(value) == 0 && path.Ext(name) != ".Labels" {
			s.Fields[name] = "{}"
		}
	case []any:
		for i, below := range value {
			s.flatten(name+"["+strconv.Itoa(i)+"]", below)
		}
	case string:
		if strings.HasPrefix(value, "sha256:") {
			value = "sha256:..."
		}
		if value != "" {
			s.Fields[name] = strconv.Quote(value)
		}
	case bool:
		if value {
			s.Fields[name] = "true"
		}
	case float64:
		if value != 0 {
			s.Fields[name] = strconv.FormatFloat(value, 'f', -1, 64)
		}
	}
}
