package jsonfile

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/enginejobs/docker/logdriver"
)

var (
	logKey    = []byte(`{"log":"`)
	streamKey = []byte(`","stream":"`)
	stdoutKey = []byte(`","stream":"stdout","`)
	stderrKey = []byte(`","stream":"stderr","`)
	attrsKey  = []byte(`attrs":`)
	timeKey   = []byte(`time":"`)
)

// decoder remembers what neighbouring records have in common.
type decoder struct {
	text  []byte // unescaped, reused
	stamp []byte // the last time, as it is written
	time  time.Time
	extra []byte // the last attrs, as they are written
	attrs []logdriver.Attr
}

// Next implements logdriver.Decoder.
func (d *decoder) Next(b []byte, e *logdriver.Entry) (n int, ok bool) {
	n = bytes.IndexByte(b, '\n') + 1
	if n == 0 {
		if len(b) > logdriver.MaxRecord {
			return len(b), false
		}
		return 0, false
	}
	line := b[:n-1]
	if n > logdriver.MaxRecord {
		return n, false
	}
	if d.fast(line, e) {
		return n, true
	}
	return n, d.slow(line, e)
}

// fast understands the order of members and the escapes that our writer uses
// for ordinary text.
func (d *decoder) fast(line []byte, e *logdriver.Entry) bool {
	rest, ok := bytes.CutPrefix(line, logKey)
	if !ok {
		return false
	}
	text := d.text[:0]
	for {
		i := bytes.IndexByte(rest, '\\')
		end := rest
		if i >= 0 {
			end = rest[:i]
		}
		if q := bytes.IndexByte(end, '"'); q >= 0 {
			text = append(text, rest[:q]...)
			rest = rest[q:]
			break
		}
		if i < 0 || i+1 >= len(rest) {
			return false
		}
		text = append(text, rest[:i]...)
		c := rest[i+1]
		switch c {
		case 'n':
			c = '\n'
		case 't':
			c = '\t'
		case 'r':
			c = '\r'
		case '"', '\\', '/':
		case 'u':
			if text, rest, ok = unicode(text, rest[i:]); !ok {
				return false
			}
			continue
		default:
			return false
		}
		text = append(text, c)
		rest = rest[i+2:]
	}
	d.text = text
	if rest, ok = bytes.CutPrefix(rest, stdoutKey); ok {
		e.Stderr = false
	} else if rest, ok = bytes.CutPrefix(rest, stderrKey); ok {
		e.Stderr = true
	} else {
		return false
	}
	if rest, ok = d.cutAttrs(rest, e); !ok {
		return false
	}
	if rest, ok = bytes.CutPrefix(rest, timeKey); !ok {
		return false
	}
	stamp, ok := bytes.CutSuffix(rest, []byte(`"}`))
	if !ok || !d.parse(stamp) {
		return false
	}
	e.Text, e.Time = text, d.time
	return true
}

// unicode appends the character of an escape with four digits, below 0x80: the
// writer's other characters stand for themselves, or are rare.
func unicode(text, rest []byte) (_, _ []byte, ok bool) {
	if len(rest) < 6 || rest[2] != '0' || rest[3] != '0' {
		return text, rest, false
	}
	hi, lo := bytes.IndexByte([]byte(hexDigits), rest[4]), bytes.IndexByte([]byte(hexDigits), rest[5])
	if hi < 0 || hi > 7 || lo < 0 {
		return text, rest, false
	}
	return append(text, byte(hi<<4|lo)), rest[6:], true
}

// cutAttrs reads attrs where there are some: mostly those of the last record.
func (d *decoder) cutAttrs(rest []byte, e *logdriver.Entry) ([]byte, bool) {
	e.Attrs = nil
	after, ok := bytes.CutPrefix(rest, attrsKey)
	if !ok {
		return rest, true
	}
	if len(d.extra) > 0 && bytes.HasPrefix(after, d.extra) {
		e.Attrs = d.attrs
		return after[len(d.extra):], true
	}
	i := bytes.LastIndex(after, timeKey)
	if i < 2 {
		return rest, false
	}
	var attrs map[string]string
	if json.Unmarshal(after[:i-2], &attrs) != nil {
		return rest, false
	}
	d.extra, d.attrs = bytes.Clone(after[:i-1]), list(attrs)
	e.Attrs = d.attrs
	return after[i:], true
}

func list(attrs map[string]string) []logdriver.Attr {
	var out []logdriver.Attr
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		out = append(out, logdriver.Attr{Name: name, Value: attrs[name]})
	}
	return out
}

func (d *decoder) parse(stamp []byte) bool {
	if bytes.Equal(stamp, d.stamp) {
		return true
	}
	t, err := time.Parse(time.RFC3339Nano, string(stamp))
	if err != nil {
		return false
	}
	d.stamp, d.time = append(d.stamp[:0], stamp...), t
	return true
}

// slow understands everything that is JSON.
func (d *decoder) slow(line []byte, e *logdriver.Entry) bool {
	line = bytes.Trim(line, "\x00\r ")
	var r struct {
		Log    string            `json:"log"`
		Stream string            `json:"stream"`
		Attrs  map[string]string `json:"attrs"`
		Time   time.Time         `json:"time"`
	}
	if len(line) == 0 || json.Unmarshal(line, &r) != nil {
		return false
	}
	d.text = append(d.text[:0], r.Log...)
	*e = logdriver.Entry{Text: d.text, Stderr: r.Stream == "stderr", Time: r.Time, Attrs: list(r.Attrs)}
	return true
}
