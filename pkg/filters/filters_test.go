package filters_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/filters"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]filters.Filters{
		"":                               {},
		"null":                           {},
		`{"a":["1","2"]}`:                {"a": {"1", "2"}},
		`{"a":{"2":true,"1":true}}`:      {"a": {"1", "2"}},
		`{"a":{"2":true,"1":false}}`:     {"a": {"2"}},
		`{"b":["x"],"a":{"label":true}}`: {"a": {"label"}, "b": {"x"}},
	} {
		if got, err := filters.Parse(text, "a", "b"); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"[]", "x", `{"a":1}`, `{"c":["1"]}`, `{"a":{"x":"y"}}`} {
		if got, err := filters.Parse(text, "a"); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

func TestBool(t *testing.T) {
	f := filters.Filters{"yes": {"True"}, "no": {"0"}, "bad": {"x"}, "two": {"1", "1"}}
	for name, want := range map[string]bool{"yes": true, "no": false, "absent": true} {
		if got, err := f.Bool(name, true); err != nil || got != want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for _, name := range []string{"bad", "two"} {
		if _, err := f.Bool(name, true); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUntil(t *testing.T) {
	now := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"10m": now.Add(-10 * time.Minute), "2024-05-06": time.Date(2024, 5, 6, 0, 0, 0, 0, time.UTC),
		"2024-05-06T07:08:09Z": now, "1714979289.5": now.Add(time.Second / 2),
	} {
		if got, err := (filters.Filters{"until": {text}}).Until(now); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	if got, err := (filters.Filters{}).Until(now); err != nil || !got.IsZero() {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range [][]string{{"x"}, {"1m", "2m"}, {""}} {
		if _, err := (filters.Filters{"until": bad}).Until(now); !errdefs.Is(err, errdefs.KindInvalidArgument) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

func TestLabels(t *testing.T) {
	labels := map[string]string{"a": "1", "b": ""}
	for _, c := range []struct {
		f    filters.Filters
		want bool
	}{
		{filters.Filters{}, true}, {filters.Filters{"label": {"a", "b"}}, true}, {filters.Filters{"label": {"a=1"}}, true},
		{filters.Filters{"label": {"a=2"}}, false}, {filters.Filters{"label": {"a", "c"}}, false},
		{filters.Filters{"label!": {"a"}}, false}, {filters.Filters{"label!": {"a=2", "c"}}, true},
	} {
		if got := c.f.Labels(labels); got != c.want {
			t.Errorf("%v: %v", c.f, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"a":{"b":true}}`)
	f.Fuzz(func(_ *testing.T, text string) {
		if got, err := filters.Parse(text); err == nil {
			_, _ = got.Until(time.Now())
			_, _ = got.Bool("a", true)
		}
	})
}
