package logdriver

import (
	"maps"
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	type opts = map[string]string
	for _, c := range []struct {
		driver string
		opts   opts
		want   Spec
		err    string
	}{
		{"", nil, Spec{Driver: JSONFile, MaxFile: 1}, ""},
		{JSONFile, opts{"max-size": "10m", "max-file": "3", "compress": "true"},
			Spec{Driver: JSONFile, MaxSize: 10_000_000, MaxFile: 3, Compress: true}, ""},
		{Local, nil, Spec{Driver: Local, MaxSize: 20 << 20, MaxFile: 5, Compress: true}, ""},
		{Local, opts{"max-file": "1"}, Spec{Driver: Local, MaxSize: 20 << 20, MaxFile: 1}, ""},
		{None, opts{"max-size": "x"}, Spec{Driver: None}, ""},
		{JSONFile, opts{"mode": "non-blocking"}, Spec{Driver: JSONFile, MaxFile: 1, Mode: NonBlocking, MaxBuffer: 1_000_000}, ""},
		{JSONFile, opts{"mode": "non-blocking", "max-buffer-size": "4m"},
			Spec{Driver: JSONFile, MaxFile: 1, Mode: NonBlocking, MaxBuffer: 4 << 20}, ""},
		{"syslog", nil, Spec{}, "logger: no log driver named 'syslog' is registered"},
		{JSONFile, opts{"foo": "1"}, Spec{}, "unknown log opt 'foo' for json-file log driver"},
		{Local, opts{"labels": "a"}, Spec{}, "unknown log opt 'labels' for log driver local"},
		{JSONFile, opts{"mode": "fast"}, Spec{}, "logger: logging mode not supported: fast"},
		{JSONFile, opts{"max-buffer-size": "1m"}, Spec{}, "logger: max-buffer-size option is only supported with 'mode=non-blocking'"},
		{JSONFile, opts{"max-file": "0"}, Spec{}, "max-file cannot be less than 1"},
		{JSONFile, opts{"max-file": "x"}, Spec{}, "no number"},
		{JSONFile, opts{"max-size": "-1"}, Spec{}, "invalid size"},
		{JSONFile, opts{"max-size": "0"}, Spec{}, "max-size must be a positive number"},
		{JSONFile, opts{"max-size": "1x"}, Spec{}, "invalid suffix"},
		{JSONFile, opts{"compress": "true"}, Spec{}, "compress cannot be true when max-file is less than 2 or max-size is not set"},
		{JSONFile, opts{"compress": "maybe"}, Spec{}, "neither true nor false"},
		{JSONFile, opts{"labels-regex": "("}, Spec{}, "labels-regex"},
		{JSONFile, opts{"tag": "{{.Nope}}"}, Spec{}, "unknown field"},
	} {
		got, err := Parse(c.driver, c.opts)
		switch {
		case c.err == "" && (err != nil || !reflect.DeepEqual(got, c.want)):
			t.Errorf("%s %v: %+v, %v", c.driver, c.opts, got, err)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s %v: error %v, want %q", c.driver, c.opts, err, c.err)
		}
	}
}

func TestAttributes(t *testing.T) {
	c := &Subject{
		ID: "0123456789abcdef", Name: "web", ImageName: "img", ImageID: "sha256:fedcba9876543210",
		Labels: map[string]string{"a": "1", "b": "2", "com.x": "3"}, Env: []string{"E=4", "F", "G_H=5=6"},
	}
	got, err := Attributes(map[string]string{
		"labels": "a, none", "labels-regex": "^com", "env": "E,F", "env-regex": "^G_", "tag": "{{.Name}}/{{.ID}}/{{ .ImageID }}",
	}, c)
	want := map[string]string{"a": "1", "com.x": "3", "E": "4", "F": "", "G_H": "5=6", "tag": "web/0123456789ab/fedcba987654"}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := Attributes(nil, c); got != nil || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}
