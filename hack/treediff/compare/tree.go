package compare

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
)

const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
	xattr    = "SCHILY.xattr."
)

// readTree reads a plain archive. Hard links lead to names of the archive.
func readTree(r io.Reader) (map[string]File, error) {
	tree := map[string]File{}
	archive := tar.NewReader(r)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return tree, nil
		}
		if err != nil {
			return nil, err
		}
		name := clean(header.Name)
		if header.Typeflag == tar.TypeLink {
			tree[name] = File{Type: tar.TypeLink, Link: clean(header.Linkname)}
			continue
		}
		file := File{Type: header.Typeflag, Mode: header.Mode & 0o7777, UID: header.Uid, GID: header.Gid, Size: header.Size}
		switch header.Typeflag {
		case tar.TypeReg:
			sum := sha256.New()
			if _, err := io.Copy(sum, archive); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			file.Sum = hex.EncodeToString(sum.Sum(nil))
		case tar.TypeSymlink:
			file.Link = header.Linkname
		case tar.TypeChar, tar.TypeBlock:
			file.Device = fmt.Sprintf("%d:%d", header.Devmajor, header.Devminor)
		}
		for key, value := range header.PAXRecords {
			if attr, ok := strings.CutPrefix(key, xattr); ok {
				if file.Xattrs == nil {
					file.Xattrs = map[string]string{}
				}
				file.Xattrs[attr] = value
			}
		}
		tree[name] = file
	}
}

func clean(name string) string {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	if name == "" {
		return "."
	}
	return name
}

// stack lays a layer over a tree: whiteouts take away, files replace.
func stack(tree, layer map[string]File) {
	for name := range layer {
		dir, base := path.Split(name)
		switch {
		case base == opaque:
			remove(tree, path.Clean(dir), false)
		case strings.HasPrefix(base, whiteout):
			remove(tree, path.Join(dir, strings.TrimPrefix(base, whiteout)), true)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(layer)) {
		if strings.HasPrefix(path.Base(name), whiteout) {
			continue
		}
		if file := layer[name]; file.Type != tar.TypeDir {
			remove(tree, name, true)
		}
		tree[name] = layer[name]
	}
}

// remove takes away what is below a name, and the name itself when asked to.
func remove(tree map[string]File, name string, itself bool) {
	if _, ok := tree[name]; !ok && name != "." {
		return
	}
	if file := tree[name]; file.Type == tar.TypeDir || name == "." {
		prefix := name + "/"
		for below := range tree {
			if strings.HasPrefix(below, prefix) || name == "." && below != "." {
				delete(tree, below)
			}
		}
	}
	if itself {
		delete(tree, name)
	}
}

// link replaces hard links by the files that they are, and tells those that have
// several names which one is the first.
func link(layer map[string]File) error {
	names := map[string][]string{} // the name with the content -> all
	for _, name := range slices.Sorted(maps.Keys(layer)) {
		if layer[name].Type != tar.TypeLink {
			continue
		}
		target := layer[name].Link
		for hops := 0; layer[target].Type == tar.TypeLink && hops < len(layer); hops++ {
			target = layer[target].Link
		}
		if file, ok := layer[target]; !ok || file.Type == tar.TypeLink {
			return fmt.Errorf("%s is a link to %s, which the archive does not have", name, target)
		}
		names[target] = append(names[target], name)
	}
	for target, links := range names {
		file := layer[target]
		all := append(links, target)
		file.Same = slices.Min(all)
		for _, name := range all {
			layer[name] = file
		}
	}
	return nil
}

// LayerDifferences compares what is in each layer of two images: how many there
// are and which files, whiteouts with them. Directories do not count, because one
// may be written again with what is in it, or not.
func LayerDifferences(a, b *Snapshot, opt Options) []Difference {
	var found []Difference
	if len(a.Layers) != len(b.Layers) {
		found = append(found, Difference{Where: "layers", A: fmt.Sprint(len(a.Layers)), B: fmt.Sprint(len(b.Layers))})
	}
	for i := range min(len(a.Layers), len(b.Layers)) {
		for _, name := range names(a.Layers[i], b.Layers[i]) {
			x, inA := a.Layers[i][name]
			y, inB := b.Layers[i][name]
			if inA == inB || x.Type == tar.TypeDir || y.Type == tar.TypeDir || matches(opt.IgnoreFiles, name) {
				continue
			}
			found = append(found, Difference{Where: fmt.Sprintf("layer %d: /%s", i, name), A: describe(x, inA), B: describe(y, inB)})
		}
	}
	return found
}
