package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// How many networks, ports and images there are when "many" is measured.
const (
	manyNetworks = 1000
	manyPorts    = 1000
	manyImages   = 2000
)

// before is the peer of what must not become slower: ours, without the many.
const before = "ours without"

// benchManyNetworks starts containers and a daemon beside a thousand networks, and
// then beside a thousand published ports, and compares with the same daemon before.
// The official engine cannot have as many networks with its own pools of addresses.
func benchManyNetworks(ctx context.Context, b *board) (err error) {
	d, err := daemonproc.New(daemonproc.Options{Quiet: true, Args: []string{"--default-address-pool", "base=10.128.0.0/12,size=28"}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := d.Start(); err != nil {
		return err
	}
	if err := d.ImportBusybox(); err != nil {
		return err
	}
	m := manyNetworksOf{d, &ours{cfg: b.cfg, d: d}, newAPI(d.Socket()), map[string][]float64{}, map[string][]float64{}}
	if err := m.measure(ctx, b, before); err != nil {
		return err
	}
	for i := range manyNetworks {
		if err := m.api.do(ctx, "POST", "/networks/create", map[string]any{"Name": fmt.Sprint("many", i)}, nil); err != nil {
			return err
		}
	}
	if err := m.print(ctx, b, fmt.Sprintf("beside %d networks", manyNetworks)); err != nil {
		return err
	}
	err = together(8, manyNetworks, func(i int) error { return m.api.do(ctx, "DELETE", fmt.Sprint("/networks/many", i), nil, nil) })
	if err != nil {
		return err
	}
	id, err := publishing(ctx, m.api, manyPorts)
	if err != nil {
		return err
	}
	if err := m.print(ctx, b, fmt.Sprintf("beside %d published ports", manyPorts)); err != nil {
		return err
	}
	return m.api.remove(ctx, id)
}

// manyNetworksOf is a daemon with many networks or ports.
type manyNetworksOf struct {
	d          *daemonproc.Daemon
	engine     *ours
	api        api
	run, start map[string][]float64 // who -> samples
}

// measure takes the samples of one state.
func (m manyNetworksOf) measure(ctx context.Context, b *board, who string) error {
	m.run[who], m.start[who] = nil, nil
	for range b.cfg.rounds {
		ms, err := timed(func() error { return m.engine.run(ctx, "port") })
		if err != nil {
			return err
		}
		m.run[who] = append(m.run[who], ms)
	}
	for range min(b.cfg.rounds, 10) {
		took, err := m.engine.start(ctx)
		if err != nil {
			return err
		}
		m.start[who] = append(m.start[who], float64(took.Microseconds())/1000)
	}
	return nil
}

// print measures the state that the daemon is in and prints its rows.
func (m manyNetworksOf) print(ctx context.Context, b *board, state string) error {
	if err := m.measure(ctx, b, "ours"); err != nil {
		return err
	}
	for _, r := range []row{
		{name: "run --rm, published port, " + state, goal: target{peer: before, times: 0.8}, values: m.run},
		{name: "daemon start to serving, " + state, goal: target{peer: before, times: 0.8}, values: m.start},
	} {
		r.unit = "ms"
		r.values = map[string][]float64{"ours": r.values["ours"], before: r.values[before]}
		b.print(r)
	}
	return nil
}

// publishing starts a container with so many published ports.
func publishing(ctx context.Context, a api, ports int) (id string, err error) {
	bindings, exposed := map[string]any{}, map[string]any{}
	for i := range ports {
		port := fmt.Sprintf("%d/tcp", 1000+i)
		exposed[port] = struct{}{}
		bindings[port] = []map[string]string{{"HostIp": "127.0.0.1"}}
	}
	var made struct{ ID string }
	err = a.do(ctx, "POST", "/containers/create", map[string]any{
		"Image": "busybox", "Cmd": []string{"sleep", "10000"}, "ExposedPorts": exposed, "HostConfig": map[string]any{"PortBindings": bindings},
	}, &made)
	if err != nil {
		return "", err
	}
	return made.ID, a.start(ctx, made.ID)
}

// benchManyImages lists many images. They stay: the roots of the engines go when
// all is measured.
func benchManyImages(ctx context.Context, b *board) error {
	dir, err := os.MkdirTemp("", "ejt-images-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	archive, err := makeManyImages(dir)
	if err != nil {
		return err
	}
	for _, e := range b.engines {
		if e.socket() == "" {
			continue // podman takes minutes to load them
		}
		if err := quietly(ctx, e.cli("load", "-i", archive)); err != nil {
			return err
		}
	}
	name := fmt.Sprintf("images, %d of them", manyImages)
	err = b.alternate(ctx, name, "ms", b.cfg.rounds, target{most: 20}, func(e engine) (float64, error) {
		if e.socket() == "" {
			return -1, nil
		}
		return timed(func() error { return quietly(ctx, e.cli("images")) })
	})
	if err != nil {
		return err
	}
	return b.get(ctx, b.pool(), name+", API", target{}, func(string) string { return "/images/json" })
}

// makeManyImages writes an archive of images that share one layer.
func makeManyImages(dir string) (name string, err error) {
	name = filepath.Join(dir, "images.tar")
	layer, err := newArchive(filepath.Join(dir, "layer.tar"))
	if err != nil {
		return "", err
	}
	if err := errors.Join(layer.add("file", []byte("in all of them")), layer.close()); err != nil {
		return "", err
	}
	content, err := os.ReadFile(filepath.Join(dir, "layer.tar"))
	if err != nil {
		return "", err
	}
	out, err := newArchive(name)
	if err != nil {
		return "", err
	}
	if err := out.add("layer.tar", content); err != nil {
		return "", err
	}
	manifest := make([]map[string]any, manyImages)
	for i := range manifest {
		config, err := json.Marshal(map[string]any{
			"architecture": "amd64", "os": "linux", "created": time.Unix(int64(i), 0).UTC(),
			"rootfs": map[string]any{"type": "layers", "diff_ids": []string{digestOf(content)}},
		})
		if err != nil {
			return "", err
		}
		file := fmt.Sprintf("config%d.json", i)
		if err := out.add(file, config); err != nil {
			return "", err
		}
		manifest[i] = map[string]any{"Config": file, "RepoTags": []string{fmt.Sprintf("many.example/image%d:1", i)}, "Layers": []string{"layer.tar"}}
	}
	text, err := json.Marshal(manifest)
	if err != nil {
		return "", err
	}
	return name, errors.Join(out.add("manifest.json", text), out.close())
}
