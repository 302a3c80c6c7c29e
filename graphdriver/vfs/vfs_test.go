//go:build linux

package vfs_test

import (
	"testing"

	"github.com/enginejobs/docker/graphdriver"
	"github.com/enginejobs/docker/graphdriver/graphtest"
	"github.com/enginejobs/docker/graphdriver/vfs"
)

func TestContract(t *testing.T) {
	graphtest.Run(t, func(t testing.TB, root string) graphdriver.Driver {
		d, err := vfs.New(vfs.Options{Root: root, Logf: t.Logf})
		if err != nil {
			t.Fatal(err)
		}
		return d
	})
}
