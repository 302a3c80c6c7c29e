package mflag

import (
	"errors"
	"strconv"
	"strings"
)

type boolValue bool

func (b *boolValue) IsBool() bool   { return true }
func (b *boolValue) String() string { return strconv.FormatBool(bool(*b)) }
func (b *boolValue) Set(text string) error {
	v, err := strconv.ParseBool(text)
	*b = boolValue(v)
	return numError(err)
}

type stringValue string

func (s *stringValue) String() string { return string(*s) }
func (s *stringValue) Set(text string) error {
	*s = stringValue(text)
	return nil
}

type intValue int

func (i *intValue) String() string { return strconv.Itoa(int(*i)) }
func (i *intValue) Set(text string) error {
	v, err := strconv.ParseInt(text, 0, strconv.IntSize)
	*i = intValue(v)
	return numError(err)
}

type int64Value int64

func (i *int64Value) String() string { return strconv.FormatInt(int64(*i), 10) }
func (i *int64Value) Set(text string) error {
	v, err := strconv.ParseInt(text, 0, 64)
	*i = int64Value(v)
	return numError(err)
}

// numError keeps the reason and drops the name of the conversion function.
func numError(err error) error {
	var ne *strconv.NumError
	if errors.As(err, &ne) {
		return ne.Err
	}
	return err
}

type listValue struct {
	list  *[]string
	check func(string) (string, error)
}

func (l *listValue) String() string { return "[" + strings.Join(*l.list, " ") + "]" }
func (l *listValue) Set(text string) error {
	if l.check != nil {
		checked, err := l.check(text)
		if err != nil {
			return err
		}
		text = checked
	}
	*l.list = append(*l.list, text)
	return nil
}

type funcValue func(string) error

func (f funcValue) String() string        { return "" }
func (f funcValue) Set(text string) error { return f(text) }
