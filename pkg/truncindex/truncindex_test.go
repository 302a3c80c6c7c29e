package truncindex

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestGet(t *testing.T) {
	var x Index
	for _, id := range []string{"abcd1234", "abce1234", "abc", "ffff"} {
		if err := x.Add(id); err != nil {
			t.Fatal(err)
		}
	}
	for prefix, want := range map[string]string{"abcd": "abcd1234", "abce1234": "abce1234", "abc": "abc", "f": "ffff"} {
		if got, err := x.Get(prefix); err != nil || got != want {
			t.Errorf("Get(%q) = %q, %v", prefix, got, err)
		}
	}
	for prefix, kind := range map[string]error{
		"": ErrIllegal, "ab": ErrAmbiguous, "zz": ErrNotFound, "ffff0": ErrNotFound,
	} {
		if _, err := x.Get(prefix); !errors.Is(err, kind) {
			t.Errorf("Get(%q): %v, want %v", prefix, err, kind)
		}
	}
	if _, err := x.Get("ab"); !strings.Contains(err.Error(), "abcd1234") {
		t.Errorf("an ambiguous prefix does not name candidates: %v", err)
	}
}

func TestAddTwiceAndDelete(t *testing.T) {
	var x Index
	x.Add("a1")
	if err := x.Add("a1"); !errors.Is(err, ErrExists) {
		t.Fatalf("second Add: %v", err)
	}
	if err := x.Add("a/1"); !errors.Is(err, ErrIllegal) {
		t.Fatalf("illegal id: %v", err)
	}
	x.Delete("a1")
	x.Delete("a1")
	if x.Len() != 0 {
		t.Fatalf("Len = %d", x.Len())
	}
}

func TestConcurrent(t *testing.T) {
	var x Index
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range 50 {
				id := fmt.Sprintf("%d%03d", g, i)
				x.Add(id)
				x.Get(id)
				if i%2 == 0 {
					x.Delete(id)
				}
			}
		}()
	}
	wg.Wait()
	if x.Len() != 100 {
		t.Fatalf("Len = %d", x.Len())
	}
}
