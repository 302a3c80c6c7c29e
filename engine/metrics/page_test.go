package metrics_test

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/enginejobs/docker/engine/metrics"
)

// parse reads a page as Prometheus does. It is the oracle of these tests.
func parse(t testing.TB, text []byte) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("Prometheus does not read this: %v\n%s", err, text)
	}
	return families
}

func render(t testing.TB, page *metrics.Page) []byte {
	t.Helper()
	var b bytes.Buffer
	if n, err := page.WriteTo(&b); err != nil || n != int64(b.Len()) {
		t.Fatalf("written: %d of %d, %v", n, b.Len(), err)
	}
	return b.Bytes()
}

func TestPage(t *testing.T) {
	page := metrics.NewPage()
	page.Gauge("temperature", "How warm it is,\nin \\ \"degrees\".").Add(-1.5, "room", "a \"b\"\\c\nd", "floor", "")
	runs := page.Counter("runs_total", "Runs.")
	runs.Add(3, "job", "start")
	runs.Add(1<<53-1, "job", "stop")
	page.Gauge("extremes", "").Add(math.Inf(1), "is", "inf")
	page.Gauge("extremes", "").Add(math.Inf(-1), "is", "-inf")
	page.Gauge("extremes", "").Add(1e300, "is", "much")
	page.Gauge("extremes", "").Add(math.NaN(), "is", "nan")
	page.Gauge("nothing", "A family without samples is not shown.")
	page.Histogram("took_seconds", "Times.").AddBuckets([]float64{0.001, 0.5, 1}, []uint64{1, 0, 2, 3}, 7.25, "job", "x")
	page.Histogram("bare_seconds", "Without labels.").AddBuckets(nil, []uint64{2}, 1)
	const want = `# HELP bare_seconds Without labels.
# TYPE bare_seconds histogram
bare_seconds_bucket{le="+Inf"} 2
bare_seconds_sum 1
bare_seconds_count 2
# HELP extremes 
# TYPE extremes gauge
extremes{is="inf"} +Inf
extremes{is="-inf"} -Inf
extremes{is="much"} 1e+300
extremes{is="nan"} NaN
# HELP runs_total Runs.
# TYPE runs_total counter
runs_total{job="start"} 3
runs_total{job="stop"} 9007199254740991
# HELP temperature How warm it is,\nin \\ "degrees".
# TYPE temperature gauge
temperature{room="a \"b\"\\c\nd",floor=""} -1.5
# HELP took_seconds Times.
# TYPE took_seconds histogram
took_seconds_bucket{job="x",le="0.001"} 1
took_seconds_bucket{job="x",le="0.5"} 1
took_seconds_bucket{job="x",le="1"} 3
took_seconds_bucket{job="x",le="+Inf"} 6
took_seconds_sum{job="x"} 7.25
took_seconds_count{job="x"} 6
`
	text := render(t, page)
	if string(text) != want {
		t.Errorf("the page is\n%s\nwant\n%s", text, want)
	}
	if faults := page.Faults(); len(faults) != 0 {
		t.Errorf("faults: %v", faults)
	}
	got := parse(t, text)
	if help := got["temperature"].GetHelp(); help != "How warm it is,\nin \\ \"degrees\"." {
		t.Errorf("help comes back as %q", help)
	}
	if room := got["temperature"].Metric[0].Label[0].GetValue(); room != "a \"b\"\\c\nd" {
		t.Errorf("the label comes back as %q", room)
	}
	h := got["took_seconds"].Metric[0].Histogram
	if h.GetSampleCount() != 6 || h.GetSampleSum() != 7.25 || len(h.Bucket) != 4 || h.Bucket[2].GetCumulativeCount() != 3 {
		t.Errorf("the histogram comes back as %v", h)
	}
}

// TestFaults: a mistake costs the sample it is in, and is told.
func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		add  func(p *metrics.Page)
		want string
	}{
		"name":            {func(p *metrics.Page) { p.Gauge("0a", "").Add(1) }, `"0a" is no name of a metric`},
		"no name":         {func(p *metrics.Page) { p.Gauge("", "").Add(1) }, `"" is no name of a metric`},
		"label":           {func(p *metrics.Page) { p.Gauge("a", "").Add(1, "x-y", "1") }, `"x-y" is no name of a label`},
		"reserved label":  {func(p *metrics.Page) { p.Gauge("a", "").Add(1, "__x", "1") }, `"__x" is no name of a label`},
		"bucket label":    {func(p *metrics.Page) { p.Gauge("a", "").Add(1, "le", "1") }, `"le" is no name of a label`},
		"label twice":     {func(p *metrics.Page) { p.Gauge("a", "").Add(1, "x", "1", "x", "2") }, `"x" is no name of a label, or is there twice`},
		"odd labels":      {func(p *metrics.Page) { p.Gauge("a", "").Add(1, "x") }, `label "x" has no value`},
		"two types":       {func(p *metrics.Page) { p.Counter("ok", "").Add(1, "x", "1") }, `metric "ok" is a gauge and cannot be a counter too`},
		"series twice":    {func(p *metrics.Page) { p.Gauge("ok", "").Add(2) }, `the series ok is there already`},
		"no buckets":      {func(p *metrics.Page) { p.Histogram("h", "").Add(1) }, `takes buckets`},
		"not buckets":     {func(p *metrics.Page) { p.Gauge("a", "").AddBuckets(nil, []uint64{1}, 1) }, `takes no buckets`},
		"few counts":      {func(p *metrics.Page) { p.Histogram("h", "").AddBuckets([]float64{1}, []uint64{1}, 1) }, `do not fit`},
		"equal bounds":    {func(p *metrics.Page) { p.Histogram("h", "").AddBuckets([]float64{1, 1}, []uint64{1, 1, 1}, 1) }, `do not fit`},
		"infinite bounds": {func(p *metrics.Page) { p.Histogram("h", "").AddBuckets([]float64{math.Inf(1)}, []uint64{1, 1}, 1) }, `do not fit`},
		"no bounds":       {func(p *metrics.Page) { p.Histogram("h", "").AddBuckets([]float64{math.NaN()}, []uint64{1, 1}, 1) }, `do not fit`},
	} {
		t.Run(name, func(t *testing.T) {
			page := metrics.NewPage()
			page.Gauge("ok", "").Add(1)
			c.add(page)
			if faults := page.Faults(); len(faults) != 1 || !strings.Contains(faults[0].Error(), c.want) {
				t.Errorf("faults: %v, want one with %q", faults, c.want)
			}
			text := render(t, page)
			if got := parse(t, text); len(got) != 1 || len(got["ok"].Metric) != 1 {
				t.Errorf("the page is\n%s", text)
			}
		})
	}
}

func TestFaultsAreBounded(t *testing.T) {
	page := metrics.NewPage()
	for range 1000 {
		page.Gauge("-", "").Add(1)
	}
	if n := len(page.Faults()); n == 0 || n > 20 {
		t.Errorf("%d faults", n)
	}
}

func TestHistogram(t *testing.T) {
	var h metrics.Histogram
	for _, d := range []time.Duration{0, 50 * time.Microsecond, 51 * time.Microsecond, time.Second, time.Hour} {
		h.Observe(d)
	}
	page := metrics.NewPage()
	h.Show(page.Histogram("took_seconds", "Times."))
	got := parse(t, render(t, page))["took_seconds"].Metric[0].Histogram
	if got.GetSampleCount() != 5 || math.Abs(got.GetSampleSum()-3601.000101) > 1e-6 {
		t.Errorf("%d samples, sum %v", got.GetSampleCount(), got.GetSampleSum())
	}
	if first := got.Bucket[0]; first.GetUpperBound() != 5e-5 || first.GetCumulativeCount() != 2 {
		t.Errorf("the first bucket is %v", first)
	}
	if n := testing.AllocsPerRun(100, func() { h.Observe(time.Millisecond) }); n != 0 {
		t.Errorf("Observe allocates %v times", n)
	}
}

// FuzzLabels: whatever a value is, Prometheus reads it back as it was; what is
// not UTF-8 is replaced.
func FuzzLabels(f *testing.F) {
	for _, s := range []string{"", "plain", `"`, `\`, "\n", `\n`, "a\\\"\n\r\t\x00", "\xff\xfe", "é€😀", "{x=\"y\"} 1\nz 2"} {
		f.Add(s, s, 1.5)
	}
	f.Fuzz(func(t *testing.T, help, value string, number float64) {
		page := metrics.NewPage()
		page.Gauge("fuzz", help).Add(number, "a", value, "b", value)
		got := parse(t, render(t, page))
		if len(got) != 1 || len(got["fuzz"].Metric) != 1 {
			t.Fatalf("%d families", len(got))
		}
		m := got["fuzz"].Metric[0]
		want := strings.ToValidUTF8(value, "\uFFFD")
		if m.Label[0].GetValue() != want || m.Label[1].GetValue() != want {
			t.Errorf("labels %q and %q, want %q", m.Label[0].GetValue(), m.Label[1].GetValue(), want)
		}
		if n := m.Gauge.GetValue(); n != number && !(math.IsNaN(n) && math.IsNaN(number)) {
			t.Errorf("the number %v comes back as %v", number, n)
		}
	})
}
