package api

import (
	"testing"

	"github.com/enginejobs/docker/errdefs"
)

func TestEveryKindCrossesTheBorderAndBack(t *testing.T) {
	for kind := errdefs.KindInternal; kind <= errdefs.KindUnknownJob; kind++ {
		want := kind
		if kind == errdefs.KindUnknownJob { // a client cannot tell the two apart, nor need it
			want = errdefs.KindNotImplemented
		}
		if got := KindOfStatus(StatusOf(kind)); got != want {
			t.Errorf("%v -> %d -> %v, want %v", kind, StatusOf(kind), got, want)
		}
	}
	for status, want := range map[int]errdefs.Kind{
		406: errdefs.KindConflict, 418: errdefs.KindInvalidArgument, 502: errdefs.KindInternal,
	} {
		if got := KindOfStatus(status); got != want {
			t.Errorf("status %d is %v, want %v", status, got, want)
		}
	}
}
