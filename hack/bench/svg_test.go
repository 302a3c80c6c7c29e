package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

// TestPicture: it is XML, has a point for each sample, and none lies outside.
func TestPicture(t *testing.T) {
	c := &curve{title: "start", of: "containers", unit: "ms", points: []point{{1, 5}, {10, 7}, {1000, 480}}}
	text := string(c.svg())
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(text, "<circle"); n != len(c.points) {
		t.Errorf("%d points", n)
	}
	axis := decadesOf(c.points, func(p point) float64 { return p.value })
	if axis != (decades{0, 3}) || axis.place(1) != 0 || math.Abs(axis.place(1000)-1) > 1e-9 {
		t.Errorf("%+v", axis)
	}
	if one := decadesOf([]point{{1, 1}}, func(p point) float64 { return p.n }); one.to <= one.from {
		t.Errorf("an axis without length: %+v", one)
	}
}
