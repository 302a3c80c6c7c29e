//go:build linux

package graph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/graphdriver/graphtest"
	"github.com/enginejobs/docker/image"
	"github.com/enginejobs/docker/pkg/jsonstream"
)

// TestBeside: images come, get names, are read, pruned, removed and checked at the
// same time. Nobody finds half of anything.
func TestBeside(t *testing.T) {
	onDrivers(t, func(t *testing.T, b *bench) {
		var archives [][]byte
		for i := range 5 {
			archives = append(archives, graphtest.Archive(t, graphtest.File(fmt.Sprintf("f%d", i), strings.Repeat("x", 2000))))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var running sync.WaitGroup
		loop := func(do func(i int) error) {
			running.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					if err := do(i); err != nil && ctx.Err() == nil {
						t.Error(err)
						return
					}
				}
			})
		}
		for n := range 3 {
			loop(func(i int) error {
				return bringNamed(ctx, t, b.Store, archives[:1+(i+n)%5], fmt.Sprintf("n%d", (i+n)%4))
			})
		}
		loop(func(i int) error {
			_, err := b.Delete(ctx, fmt.Sprintf("n%d", i%4), deleteOptions{})
			if errdefs.IsNotFound(err) {
				time.Sleep(time.Millisecond)
				return nil
			}
			return err
		})
		loop(func(int) error { _, err := b.Prune(ctx, pruneOptions{}); time.Sleep(5 * time.Millisecond); return err })
		loop(func(int) error {
			var text strings.Builder
			result, err := b.Check(ctx, nil, jsonstream.NewWriter(&text, false))
			if err == nil && len(result.Problems) > 0 {
				return errors.New(text.String())
			}
			return err
		})
		var read atomic.Int32
		loop(func(i int) error {
			img, release, err := b.holdImage(fmt.Sprintf("n%d", i%4))
			if errdefs.IsNotFound(err) {
				time.Sleep(time.Millisecond)
				return nil
			}
			if err != nil {
				return err
			}
			defer release()
			for _, chain := range image.ChainIDs(img.RootFS.DiffIDs) {
				rc, length, err := b.openLayer(ctx, chain)
				if err != nil {
					return err
				}
				n, err := io.Copy(io.Discard, rc)
				if err := errors.Join(err, rc.Close()); err != nil {
					return err
				}
				if n != length {
					return fmt.Errorf("%d of %d bytes", n, length)
				}
				read.Add(1)
			}
			return nil
		})
		running.Wait()
		if read.Load() < 5 {
			t.Errorf("only %d layers were read", read.Load())
		}
		for id := range b.current.Load().images {
			if _, err := b.Delete(t.Context(), id, deleteOptions{force: true}); err != nil && !errdefs.IsNotFound(err) {
				t.Error(err)
			}
		}
		b.nothing()
	})
}
