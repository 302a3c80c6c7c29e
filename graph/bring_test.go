//go:build linux

package graph

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver/graphtest"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/reference"
)

// stackOf makes sources of archives and counts how often each is opened.
func stackOf(opened *atomic.Int32, archives ...[]byte) []layerSource {
	sources := make([]layerSource, 0, len(archives))
	for _, data := range archives {
		sources = append(sources, layerSource{
			diffID: image.Digest(data), size: int64(len(data)),
			open: func(context.Context, func(layerState)) (io.ReadCloser, error) {
				opened.Add(1)
				return io.NopCloser(bytes.NewReader(data)), nil
			},
		})
	}
	return sources
}

// keep makes an image of layers and lets go of them.
func (b *bench) keep(held *heldLayers, names ...string) *image.Image {
	b.t.Helper()
	img, err := image.New(image.Document{OS: "linux", Architecture: "amd64", RootFS: image.RootFS{DiffIDs: held.diffIDs}})
	if err != nil {
		b.t.Fatal(err)
	}
	var refs []reference.Ref
	for _, name := range names {
		ref, err := parseName(name, "")
		if err != nil {
			b.t.Fatal(err)
		}
		refs = append(refs, ref)
	}
	img, err = b.keepDocument(b.t.Context(), held, img.Raw, "", refs...)
	if err != nil {
		b.t.Fatal(err)
	}
	held.release()
	return img
}

// nothing fails the test unless the store is empty.
func (b *bench) nothing() {
	b.t.Helper()
	if list := b.driver.List(); len(list) > 0 {
		b.t.Errorf("the driver has layers left: %v", list)
	}
	for _, dir := range []string{"tmp", "layerdb/sha256", "imagedb/content/sha256"} {
		if left, err := os.ReadDir(b.path(dir)); err != nil || len(left) > 0 {
			b.t.Errorf("%s: %v, %v", dir, left, err)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.layers)+len(b.flights) > 0 {
		b.t.Errorf("%d layers and %d on their way are left", len(b.layers), len(b.flights))
	}
}

func TestBringLayers(t *testing.T) {
	onDrivers(t, func(t *testing.T, b *bench) {
		base := graphtest.Archive(t, graphtest.Dir("d"), graphtest.File("d/a", "1"), graphtest.File("gone", "1"))
		// Everything here needs to know the base: a directory that is only implied, a
		// link to a file of another layer, a path through a link.
		middle := graphtest.Archive(t, graphtest.File("d/b", "2"), graphtest.File(".wh.gone", ""), graphtest.Link("h", "d/a"), graphtest.Symlink("l", "d"))
		top := graphtest.Archive(t, graphtest.File("l/c", "3"), graphtest.File("x/y", "3"))
		var opened atomic.Int32
		var mu sync.Mutex
		seen := map[layerPhase]int{}
		sources := stackOf(&opened, base, middle, top)
		for i := range sources {
			sources[i].progress = func(s layerState) {
				mu.Lock()
				defer mu.Unlock()
				seen[s.phase]++
			}
		}
		held, err := b.bringLayers(t.Context(), sources)
		if err != nil {
			t.Fatal(err)
		}
		if seen[layerUnpacking] < 3 || seen[layerDone] != 3 || seen[layerExists] != 0 {
			t.Errorf("progress: %v", seen)
		}
		again, err := b.bringLayers(t.Context(), sources)
		if err != nil || opened.Load() != 3 || seen[layerExists] != 3 {
			t.Fatalf("again: %v, opened %d times, progress %v", err, opened.Load(), seen)
		}
		again.release()
		again.release() // does nothing
		b.keep(held, "box")
		if got := b.files("box"); got != "d/ d/a=1 d/b=2 d/c=3 h=1 l>d x/ x/y=3" {
			t.Errorf("files: %s", got)
		}
		for i, chain := range image.ChainIDs(held.diffIDs) {
			rc, length, err := b.openLayer(t.Context(), chain)
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(rc)
			if err := errors.Join(err, rc.Close(), rc.Close()); err != nil || !bytes.Equal(data, [][]byte{base, middle, top}[i]) || length != int64(len(data)) {
				t.Errorf("layer %d: %d bytes (%d) come back, %v", i, len(data), length, err)
			}
		}
		if _, err := b.Delete(t.Context(), "box", deleteOptions{}); err != nil {
			t.Fatal(err)
		}
		b.nothing()
	})
}

func TestBringLayers_Faults(t *testing.T) {
	onDrivers(t, func(t *testing.T, b *bench) {
		good := graphtest.Archive(t, graphtest.File("a", "1"))
		other := graphtest.Archive(t, graphtest.File("b", "1"))
		broken := errors.New("the wire broke")
		for what, c := range map[string]struct {
			change func(src *layerSource)
			want   func(error) bool
		}{
			"wrong digest": {func(src *layerSource) { src.diffID = image.Digest([]byte("x")) }, func(err error) bool {
				return errdefs.Is(err, errdefs.KindInvalidArgument) && strings.Contains(err.Error(), "verification failed")
			}},
			"no digest at all": {func(src *layerSource) { src.diffID = "sha256:../../x" }, func(err error) bool { return errdefs.Is(err, errdefs.KindInvalidArgument) }},
			"not opened": {func(src *layerSource) {
				src.open = func(context.Context, func(layerState)) (io.ReadCloser, error) { return nil, broken }
			}, func(err error) bool { return errors.Is(err, broken) }},
			"broken": {func(src *layerSource) {
				src.open = func(context.Context, func(layerState)) (io.ReadCloser, error) {
					return io.NopCloser(io.MultiReader(bytes.NewReader(other[:600]), &cutWire{broken})), nil
				}
			}, func(err error) bool { return errors.Is(err, broken) }},
			"a lie at the end": {func(src *layerSource) {
				src.open = func(context.Context, func(layerState)) (io.ReadCloser, error) {
					return io.NopCloser(io.MultiReader(bytes.NewReader(other), &cutWire{broken})), nil
				}
			}, func(err error) bool { return errors.Is(err, broken) }},
			"truncated": {func(src *layerSource) {
				src.open = func(context.Context, func(layerState)) (io.ReadCloser, error) {
					return io.NopCloser(bytes.NewReader(other[:600])), nil
				}
			}, func(err error) bool { return errdefs.Is(err, errdefs.KindInvalidArgument) }},
		} {
			for at := range 3 {
				sources := stackOf(new(atomic.Int32), good, other, good)
				c.change(&sources[at])
				if held, err := b.bringLayers(t.Context(), sources); !c.want(err) || held != nil {
					t.Errorf("%s at %d: %v", what, at, err)
				}
			}
			b.nothing()
		}
		ctx, cancel := context.WithCancel(t.Context())
		sources := stackOf(new(atomic.Int32), good, other)
		sources[1].open = func(ctx context.Context, _ func(layerState)) (io.ReadCloser, error) {
			time.AfterFunc(10*time.Millisecond, cancel)
			return &stuck{ctx}, nil
		}
		begin := time.Now()
		if _, err := b.bringLayers(ctx, sources); !errors.Is(err, context.Canceled) || time.Since(begin) > time.Second {
			t.Errorf("cancelled: %v after %v", err, time.Since(begin))
		}
		b.nothing()
		if _, err := b.bringLayers(t.Context(), make([]layerSource, 1000)); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("too many: %v", err)
		}
	})
}

// cutWire is a stream that broke.
type cutWire struct{ err error }

// Read fails.
func (f *cutWire) Read([]byte) (int, error) { return 0, f.err }

// stuck is a stream from which nothing comes.
type stuck struct{ ctx context.Context }

// Read waits for the end of the context.
func (s *stuck) Read([]byte) (int, error) { <-s.ctx.Done(); return 0, s.ctx.Err() }

// Close does nothing.
func (*stuck) Close() error { return nil }

// gated is an archive whose second half comes when the gate opens.
func gated(data []byte, gate <-chan struct{}) func(context.Context, func(layerState)) (io.ReadCloser, error) {
	return func(ctx context.Context, _ func(layerState)) (io.ReadCloser, error) {
		r, w := io.Pipe()
		go func() {
			_, _ = w.Write(data[:700])
			select {
			case <-gate:
				_, _ = w.Write(data[700:])
				_ = w.Close()
			case <-ctx.Done():
				_ = w.CloseWithError(ctx.Err())
			}
		}()
		return r, nil
	}
}

// TestBringLayers_Shared: who comes later builds on what is on its way, sees how
// far it is, and does it himself when the other one gives up.
func TestBringLayers_Shared(t *testing.T) {
	onDrivers(t, func(t *testing.T, b *bench) {
		base, one := graphtest.Archive(t, graphtest.File("a", "1")), graphtest.Archive(t, graphtest.File("b", "1"))
		two, own := graphtest.Archive(t, graphtest.File("c", "1")), graphtest.Archive(t, graphtest.File("d", "1"))
		for what, giveUp := range map[string]bool{"done": false, "given up": true} {
			t.Run(what, func(t *testing.T) {
				gate := make(chan struct{})
				var opened, mine atomic.Int32
				first := stackOf(&opened, base, one, two)
				first[1].open = gated(one, gate)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				results := make(chan error, 2)
				var heldFirst, heldSecond *heldLayers
				go func() {
					var err error
					heldFirst, err = b.bringLayers(ctx, first)
					results <- err
				}()
				waitFor(t, func() bool { return b.flying() == 3 })
				second := stackOf(&mine, base, one, own)
				told := make(chan struct{})
				once := sync.OnceFunc(func() { close(told) })
				second[1].progress = func(s layerState) {
					if s.phase == layerUnpacking && s.current == 700 {
						once()
					}
				}
				var secondErr error
				done := make(chan struct{})
				go func() { defer close(done); heldSecond, secondErr = b.bringLayers(t.Context(), second) }()
				<-told
				if giveUp {
					cancel()
					if err := <-results; !errors.Is(err, context.Canceled) {
						t.Errorf("given up: %v", err)
					}
				} else {
					close(gate)
					if err := <-results; err != nil {
						t.Fatal(err)
					}
					heldFirst.release() // at once: the second still needs two of them
				}
				<-done
				if secondErr != nil {
					t.Fatal(secondErr)
				}
				if n := mine.Load(); n != 1 && !giveUp || n < 3 && giveUp {
					t.Errorf("the second opened %d archives", n)
				}
				if got := strings.Join(heldSecond.diffIDs, " "); got != strings.Join([]string{image.Digest(base), image.Digest(one), image.Digest(own)}, " ") {
					t.Errorf("layers %s", got)
				}
				b.keep(heldSecond, "box")
				if got := b.files("box"); got != "a=1 b=1 d=1" {
					t.Errorf("files: %s", got)
				}
				if _, err := b.Delete(t.Context(), "box", deleteOptions{}); err != nil {
					t.Fatal(err)
				}
				b.nothing()
			})
		}
	})
}

func (b *bench) flying() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.flights)
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not come")
		}
	}
}

// TestBringLayers_Crowd: many callers with stacks that share layers, some of
// which fail or give up, beside removals.
func TestBringLayers_Crowd(t *testing.T) {
	onDrivers(t, func(t *testing.T, b *bench) {
		var archives [][]byte
		for i := range 6 {
			archives = append(archives, graphtest.Archive(t, graphtest.File(fmt.Sprintf("f%d", i), strings.Repeat("x", 3000*i))))
		}
		var running sync.WaitGroup
		for caller := range 12 {
			running.Go(func() {
				for try := range 6 {
					n := 1 + (caller+try)%5
					sources := stackOf(new(atomic.Int32), append(append([][]byte{}, archives[:n]...), archives[5])...)
					ctx, cancel := context.WithCancel(t.Context())
					if try%3 == 1 {
						time.AfterFunc(time.Duration(caller)*200*time.Microsecond, cancel)
					}
					if try%3 == 2 {
						sources[n].diffID = image.Digest([]byte{byte(caller)})
					}
					held, err := b.bringLayers(ctx, sources)
					switch {
					case err == nil:
						if caller%2 == 0 {
							b.keepQuietly(held)
						}
						held.release()
					case try%3 == 0:
						t.Errorf("caller %d: %v", caller, err)
					}
					cancel()
				}
			})
		}
		running.Wait()
		for id := range b.current.Load().images {
			if _, err := b.Delete(t.Context(), id, deleteOptions{force: true}); err != nil && !errdefs.IsNotFound(err) {
				t.Error(err)
			}
		}
		b.nothing()
	})
}

func (b *bench) keepQuietly(held *heldLayers) {
	img, err := image.New(image.Document{OS: "linux", RootFS: image.RootFS{DiffIDs: held.diffIDs}})
	if err == nil {
		_, err = b.keepDocument(context.Background(), held, img.Raw, "")
	}
	if err != nil {
		b.t.Error(err)
	}
}

// TestBringLayers_OddArchives: what comes in goes out byte for byte.
func TestBringLayers_OddArchives(t *testing.T) {
	plain := graphtest.Archive(t, graphtest.File("a", "1"))
	written := func(format tar.Format, entries ...tar.Header) []byte {
		var buf bytes.Buffer
		w := tar.NewWriter(&buf)
		for _, h := range entries {
			h.Format = format
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(bytes.Repeat([]byte("y"), int(h.Size))); err != nil {
				t.Fatal(err)
			}
		}
		_ = w.Close()
		return buf.Bytes()
	}
	long := strings.Repeat("n", 200)
	for what, data := range map[string][]byte{
		"plain": plain, "no end": plain[:len(plain)-1024], "half an end": plain[:len(plain)-512],
		"padding": append(bytes.Clone(plain), make([]byte, 5000)...), "rubbish after the end": append(bytes.Clone(plain), bytes.Repeat([]byte("rubbish"), 10000)...),
		"gnu":  written(tar.FormatGNU, tar.Header{Name: long, Mode: 0o644, Size: 5}, tar.Header{Name: "s", Typeflag: tar.TypeSymlink, Linkname: long}),
		"pax":  written(tar.FormatPAX, tar.Header{Name: long + "/é", Mode: 0o644, Size: 513, ModTime: time.Unix(1, 5), PAXRecords: map[string]string{"VENDOR.x": "1"}}),
		"old":  written(tar.FormatUSTAR, tar.Header{Name: "x", Mode: 0o4755, Size: 512}, tar.Header{Name: "x/../y", Size: 1, Mode: 0o600}),
		"wh":   written(tar.FormatGNU, tar.Header{Name: ".wh.a", Size: 700, Mode: 0o600}, tar.Header{Name: ".wh..wh.plnk/5", Size: 600, Mode: 0o600}),
		"same": written(tar.FormatGNU, tar.Header{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o755}, tar.Header{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o700}, tar.Header{Name: "e"}, tar.Header{Name: "e"}),
		"raw":  written(tar.FormatGNU, tar.Header{Name: "\xff\xfe", Size: 3, Mode: 0o600}),
		"through": written(tar.FormatGNU, tar.Header{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o755},
			tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "/d"}, tar.Header{Name: "l/f", Size: 9, Mode: 0o600}),
		"sparse": graphtest.GNUSparse(), "pax sparse": graphtest.PAXSparse(),
	} {
		t.Run(what, func(t *testing.T) {
			onDrivers(t, func(t *testing.T, b *bench) {
				held, err := b.bringLayers(t.Context(), []layerSource{{open: func(context.Context, func(layerState)) (io.ReadCloser, error) {
					return io.NopCloser(bytes.NewReader(data)), nil
				}}})
				if err != nil {
					t.Fatal(err)
				}
				defer held.release()
				rc, length, err := b.openLayer(t.Context(), held.chainID)
				if err != nil {
					t.Fatal(err)
				}
				defer rc.Close()
				got, err := io.ReadAll(rc)
				if err != nil || !bytes.Equal(got, data) || length != int64(len(data)) || held.diffIDs[0] != image.Digest(data) {
					t.Errorf("%d of %d bytes (%d) come back, %v", len(got), len(data), length, err)
				}
			})
		})
	}
}

// TestBringLayers_Deep: as many layers as an image can have, of which a container
// is made.
func TestBringLayers_Deep(t *testing.T) {
	onDrivers(t, func(t *testing.T, b *bench) {
		var archives [][]byte
		for i := range maxLayers {
			archives = append(archives, graphtest.Archive(t, graphtest.File(fmt.Sprintf("f%d", i%10), fmt.Sprint(i))))
		}
		held, err := b.bringLayers(t.Context(), stackOf(new(atomic.Int32), archives...))
		if err != nil {
			t.Fatal(err)
		}
		b.keep(held, "deep")
		if got := b.files("deep"); got != "f0=120 f1=121 f2=122 f3=123 f4=124 f5=125 f6=126 f7=117 f8=118 f9=119" {
			t.Errorf("files: %s", got)
		}
		if got := b.problems(); got != "" {
			t.Error(got)
		}
		if _, err := b.bringLayers(t.Context(), stackOf(new(atomic.Int32), append(archives, archives[0])...)); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("one more: %v", err)
		}
		box := b.container("a", "deep", func(root string) { writeFile(t, root+"/new", "x") })
		if _, err := b.Commit(t.Context(), image.Commit{Container: box, Parent: "deep"}); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("a commit: %v", err)
		}
	})
}
