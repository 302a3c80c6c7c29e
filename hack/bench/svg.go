package main

import (
	"bytes"
	"fmt"
	"math"
	"strings"
)

// The size of a picture, and of what is around its squares.
const (
	pictureWidth, pictureHeight            = 560.0, 300.0
	marginLeft, marginRight                = 64.0, 24.0
	marginTop, marginBottom                = 34.0, 44.0
	plotWidth                              = pictureWidth - marginLeft - marginRight
	plotHeight                             = pictureHeight - marginTop - marginBottom
	inkOfText, inkOfGrid, inkOfLine, blank = "#333", "#ddd", "#1f6feb", "#fff"
)

// svg draws the curve on two logarithmic axes of whole decades.
func (c *curve) svg() []byte {
	x := decadesOf(c.points, func(p point) float64 { return p.n })
	y := decadesOf(c.points, func(p point) float64 { return p.value })
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%g" height="%g" font-family="sans-serif" font-size="12" fill="%s">`+"\n",
		pictureWidth, pictureHeight, inkOfText)
	fmt.Fprintf(&out, `<rect width="100%%" height="100%%" fill="%s"/>`+"\n", blank)
	fmt.Fprintf(&out, `<text x="%g" y="20" font-weight="bold">%s (%s)</text>`+"\n", marginLeft, c.title, c.unit)
	for e := x.from; e <= x.to; e++ {
		at := marginLeft + x.place(math.Pow10(e))*plotWidth
		fmt.Fprintf(&out, `<path d="M%.1f %g V%g" stroke="%s"/>`, at, marginTop, marginTop+plotHeight, inkOfGrid)
		fmt.Fprintf(&out, `<text x="%.1f" y="%g" text-anchor="middle">%g</text>`+"\n", at, marginTop+plotHeight+16, math.Pow10(e))
	}
	for e := y.from; e <= y.to; e++ {
		at := marginTop + (1-y.place(math.Pow10(e)))*plotHeight
		fmt.Fprintf(&out, `<path d="M%g %.1f H%g" stroke="%s"/>`, marginLeft, at, marginLeft+plotWidth, inkOfGrid)
		fmt.Fprintf(&out, `<text x="%g" y="%.1f" text-anchor="end">%g</text>`+"\n", marginLeft-8, at+4, math.Pow10(e))
	}
	fmt.Fprintf(&out, `<text x="%g" y="%g" text-anchor="middle">%s</text>`+"\n", marginLeft+plotWidth/2, pictureHeight-8, c.of)
	var line []string
	for _, p := range c.points {
		line = append(line, fmt.Sprintf("%.1f,%.1f", marginLeft+x.place(p.n)*plotWidth, marginTop+(1-y.place(p.value))*plotHeight))
	}
	fmt.Fprintf(&out, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(line, " "), inkOfLine)
	for _, at := range line {
		cx, cy, _ := strings.Cut(at, ",")
		fmt.Fprintf(&out, `<circle cx="%s" cy="%s" r="3.5" fill="%s"/>`, cx, cy, inkOfLine)
	}
	out.WriteString("\n</svg>\n")
	return out.Bytes()
}

// decades is an axis from one power of ten to another.
type decades struct{ from, to int }

// decadesOf is the axis that all points fit on.
func decadesOf(points []point, of func(point) float64) decades {
	least, most := math.Inf(1), math.Inf(-1)
	for _, p := range points {
		least, most = min(least, of(p)), max(most, of(p))
	}
	d := decades{int(math.Floor(math.Log10(least))), int(math.Ceil(math.Log10(most)))}
	d.to = max(d.to, d.from+1)
	return d
}

// place is where a value lies on the axis, from 0 to 1.
func (d decades) place(v float64) float64 {
	return (math.Log10(v) - float64(d.from)) / float64(d.to-d.from)
}
