package initproto

import (
	"errors"
	"reflect"
	"testing"
)

// fill sets each field of a value to something that is not zero, so that a
// field that the codec forgets shows up as a difference.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString(string(rune('a'+*n%26)) + "\x00é")
	case reflect.Int32, reflect.Int64:
		v.SetInt(-int64(*n))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*n % 200))
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 3, 3))
		for i := range 3 {
			fill(v.Index(i), n)
		}
	default:
		panic("a kind the codec does not know: " + v.Kind().String())
	}
}

func TestSetupSurvivesTheWire(t *testing.T) {
	want := new(Setup)
	n := 0
	fill(reflect.ValueOf(want).Elem(), &n)
	body := want.Encode()
	got, err := DecodeSetup(body)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(want, got) {
		t.Fatalf("got %+v\nwant %+v", got, want)
	}
	empty, err := DecodeSetup(new(Setup).Encode())
	if err != nil || !reflect.DeepEqual(empty, new(Setup)) {
		t.Fatalf("empty setup became %+v, %v", empty, err)
	}
	for i := range body {
		if _, err := DecodeSetup(body[:i]); !errors.Is(err, ErrShort) {
			t.Fatalf("a body cut at %d gave %v", i, err)
		}
	}
	if _, err := DecodeSetup(append(body, 0)); !errors.Is(err, ErrShort) {
		t.Fatalf("a byte left over gave %v", err)
	}
}

func TestReportsSurviveTheWire(t *testing.T) {
	f := &Failure{Step: "mount", Object: "/proc", Errno: 13, Text: "permission denied"}
	got, err := DecodeFailure(f.Encode())
	if err != nil || *got != *f || got.Error() != "mount /proc: permission denied" {
		t.Fatalf("got %+v, %v", got, err)
	}
	p := &Phase{Name: "root", Nanos: 42}
	if got, err := DecodePhase(p.Encode()); err != nil || *got != *p {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestFrames(t *testing.T) {
	frame := AppendFrame(nil, TypeWarning, []byte("hello"))
	typ, n, err := ParseHeader(frame)
	if err != nil || typ != TypeWarning || n != 5 || string(frame[HeaderSize:]) != "hello" {
		t.Fatalf("got %v %v %v", typ, n, err)
	}
	if _, _, err := ParseHeader([]byte{1, 255, 255, 255, 255}); err == nil {
		t.Fatal("a frame of 4 GiB was accepted")
	}
	if _, _, err := ParseHeader(frame[:3]); err == nil {
		t.Fatal("half a header was accepted")
	}
}

func FuzzDecodeSetup(f *testing.F) {
	f.Add(new(Setup).Encode())
	f.Fuzz(func(t *testing.T, b []byte) { _, _ = DecodeSetup(b) })
}

func BenchmarkSetup(b *testing.B) {
	s := &Setup{Args: []string{"true"}, Env: make([]string, 20), Mounts: make([]Mount, 20), Seccomp: make([]byte, 8000)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeSetup(s.Encode()); err != nil {
			b.Fatal(err)
		}
	}
}
