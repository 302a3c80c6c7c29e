package metrics

import (
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/enginejobs/docker/errdefs"
)

// Page is one answer to a scrape: families of samples, shown in the order of
// their names. It belongs to one goroutine.
//
// What does not fit the format (a bad name, a series that is there already, one
// name with two types) is left out and listed by Faults, so that a mistake in
// one place costs that place only.
type Page struct {
	families map[string]*Family
	series   map[string]struct{} // name and labels of every sample, to refuse the second
	faults   []error
}

// NewPage makes an empty page.
func NewPage() *Page {
	return &Page{families: map[string]*Family{}, series: map[string]struct{}{}}
}

// Family is all samples of one name.
type Family struct {
	page *Page
	name string
	kind string
	text []byte // HELP, TYPE and the samples
	key  []byte // scratch: the series that is being added, name and labels
}

// Counter begins, or goes on with, a family of numbers that only grow; the name
// ends in _total.
func (p *Page) Counter(name, help string) *Family { return p.family(name, "counter", help) }

// Gauge begins, or goes on with, a family of numbers that go up and down.
func (p *Page) Gauge(name, help string) *Family { return p.family(name, "gauge", help) }

// Histogram begins, or goes on with, a family of distributions; a name of
// seconds ends in _seconds.
func (p *Page) Histogram(name, help string) *Family { return p.family(name, "histogram", help) }

func (p *Page) family(name, kind, help string) *Family {
	if f := p.families[name]; f != nil {
		if f.kind == kind {
			return f
		}
		p.fault("metric %q is a %s and cannot be a %s too", name, f.kind, kind)
		return &Family{page: p, name: name, kind: kind} // takes samples, is not shown
	}
	f := &Family{page: p, name: name, kind: kind}
	if !validName(name, true) {
		p.fault("%q is no name of a metric", name)
		return f
	}
	f.text = append(append(append(f.text, "# HELP "...), name...), ' ')
	f.text = append(escape(f.text, help, false), '\n')
	f.text = append(append(append(f.text, "# TYPE "...), name...), ' ')
	f.text = append(append(f.text, kind...), '\n')
	p.families[name] = f
	return f
}

func (p *Page) fault(format string, args ...any) {
	const most = 20 // the first ones tell enough
	if len(p.faults) < most {
		p.faults = append(p.faults, errdefs.InvalidArgument(format, args...))
	}
}

// Faults lists what was left out, and why.
func (p *Page) Faults() []error { return p.faults }

// WriteTo writes the page, a family at a time. One without a sample is not
// shown.
func (p *Page) WriteTo(w io.Writer) (int64, error) {
	total := int64(0)
	for _, name := range slices.Sorted(maps.Keys(p.families)) {
		f := p.families[name]
		if f.key == nil {
			continue
		}
		n, err := w.Write(f.text)
		if total += int64(n); err != nil {
			return total, err
		}
	}
	return total, nil
}

// Add adds one sample. Labels are names and values in turn.
func (f *Family) Add(value float64, labels ...string) {
	if f.kind == "histogram" {
		f.page.fault("metric %q is a histogram: it takes buckets, not single numbers", f.name)
		return
	}
	if f.begin(labels) {
		f.text = append(append(f.text, f.key...), ' ')
		f.text = append(appendValue(f.text, value), '\n')
	}
}

// AddBuckets adds one distribution: bounds are the inclusive upper ends of the
// buckets, growing and finite; counts has one number more than bounds, the last
// for what is above all of them; sum is the sum of everything counted.
func (f *Family) AddBuckets(bounds []float64, counts []uint64, sum float64, labels ...string) {
	switch {
	case f.kind != "histogram":
		f.page.fault("metric %q is a %s and takes no buckets", f.name, f.kind)
		return
	case len(counts) != len(bounds)+1 || !growing(bounds):
		f.page.fault("metric %q: %d counts do not fit %d growing and finite bounds", f.name, len(counts), len(bounds))
		return
	}
	if !f.begin(labels) {
		return
	}
	inner := f.key[len(f.name):] // the labels, without the closing brace
	if len(inner) > 0 {
		inner = inner[:len(inner)-1]
	}
	if need := (len(counts) + 2) * (len(f.key) + 40); cap(f.text)-len(f.text) < need {
		f.text = slices.Grow(f.text, max(need, len(f.text))) // there are more to come
	}
	total := uint64(0)
	for i, n := range counts {
		total += n
		f.text = append(append(append(f.text, f.name...), "_bucket"...), inner...)
		if len(inner) == 0 {
			f.text = append(f.text, `{le="`...)
		} else {
			f.text = append(f.text, `,le="`...)
		}
		if i < len(bounds) {
			f.text = strconv.AppendFloat(f.text, bounds[i], 'g', -1, 64)
		} else {
			f.text = append(f.text, "+Inf"...)
		}
		f.text = append(f.text, `"} `...)
		f.text = append(strconv.AppendUint(f.text, total, 10), '\n')
	}
	f.whole("_sum", sum)
	f.whole("_count", float64(total))
}

// whole writes a sample of a distribution that is not about one bucket.
func (f *Family) whole(suffix string, value float64) {
	f.text = append(append(append(f.text, f.name...), suffix...), f.key[len(f.name):]...)
	f.text = append(f.text, ' ')
	f.text = append(appendValue(f.text, value), '\n')
}

// growing tells whether every bound is greater than the one before, and finite.
func growing(bounds []float64) bool {
	last := math.Inf(-1)
	for _, b := range bounds {
		if !(b > last) || math.IsInf(b, 1) { // so that NaN is not
			return false
		}
		last = b
	}
	return true
}

// begin checks a series and takes note of it.
func (f *Family) begin(labels []string) bool {
	if len(labels)%2 != 0 {
		f.page.fault("metric %q: label %q has no value", f.name, labels[len(labels)-1])
		return false
	}
	for i := 0; i < len(labels); i += 2 {
		if name := labels[i]; !validName(name, false) || strings.HasPrefix(name, "__") || name == "le" || named(labels[:i], name) {
			f.page.fault("metric %q: %q is no name of a label, or is there twice", f.name, name)
			return false
		}
	}
	f.key = append(f.key[:0], f.name...)
	f.key = appendLabels(f.key, labels)
	if _, twice := f.page.series[string(f.key)]; twice {
		f.page.fault("the series %s is there already", f.key)
		return false
	}
	f.page.series[string(f.key)] = struct{}{}
	return true
}

// named tells whether one of the labels has this name.
func named(labels []string, name string) bool {
	for i := 0; i < len(labels); i += 2 {
		if labels[i] == name {
			return true
		}
	}
	return false
}

func appendLabels(b []byte, labels []string) []byte {
	if len(labels) == 0 {
		return b
	}
	b = append(b, '{')
	for i := 0; i < len(labels); i += 2 {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, labels[i]...), `="`...)
		b = append(escape(b, labels[i+1], true), '"')
	}
	return append(b, '}')
}

func appendValue(b []byte, v float64) []byte {
	const exact = 1 << 53 // beyond, not every whole number is a float64
	switch {
	case math.IsInf(v, 1):
		return append(b, "+Inf"...)
	case math.IsInf(v, -1):
		return append(b, "-Inf"...)
	case v == math.Trunc(v) && math.Abs(v) < exact:
		return strconv.AppendInt(b, int64(v), 10)
	}
	return strconv.AppendFloat(b, v, 'g', -1, 64) // NaN too
}

// escape writes a text on one line. The value of a label is quoted, so its
// quotes are escaped as well. The format is UTF-8; what is not is replaced.
func escape(b []byte, s string, quoted bool) []byte {
	s = strings.ToValidUTF8(s, "\uFFFD")
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\\':
			b = append(b, `\\`...)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '"' && quoted:
			b = append(b, `\"`...)
		default:
			b = append(b, c)
		}
	}
	return b
}

// validName judges the name of a metric (colons are allowed) or of a label.
func validName(name string, colon bool) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', colon && c == ':':
		case c >= '0' && c <= '9' && i > 0:
		default:
			return false
		}
	}
	return name != ""
}
