package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// checkFilter brings key=value into the form that is sent.
func checkFilter(text string) (string, error) {
	key, value, ok := strings.Cut(text, "=")
	if !ok {
		return "", errors.New("bad format of filter (expected name=value)")
	}
	return strings.ToLower(strings.TrimSpace(key)) + "=" + strings.TrimSpace(value), nil
}

// setFilters adds the filters parameter: a JSON object of lists.
func setFilters(query url.Values, list []string) {
	if len(list) == 0 {
		return
	}
	m := make(map[string][]string)
	for _, text := range list {
		key, value, _ := strings.Cut(text, "=")
		m[key] = append(m[key], value)
	}
	text, err := json.Marshal(m)
	if err == nil { // strings always encode
		query.Set("filters", string(text))
	}
}

// timeArgument turns what a person calls a time into seconds since 1970: a
// span before now (10m), or the beginning of an RFC 3339 time, local when it
// has no zone.
func timeArgument(text string, now time.Time) (string, error) {
	if text == "" {
		return "", nil
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return text, nil
	}
	if span, err := time.ParseDuration(text); err == nil {
		return unixText(now.Add(-span)), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return unixText(t), nil
	}
	const layout = "2006-01-02T15:04:05.999999999"
	if len(text) <= len(layout) {
		if t, err := time.ParseInLocation(layout[:len(text)], text, time.Local); err == nil {
			return unixText(t), nil
		}
	}
	if t, err := time.ParseInLocation("2006-01-02T15:04:05", text, time.Local); err == nil {
		return unixText(t), nil
	}
	return "", fmt.Errorf("failed to parse value as time or duration: %q", text)
}

// setTimes adds times that a person has given to a request.
func (cli *CLI) setTimes(query url.Values, since, until string) error {
	for _, t := range []struct{ key, text string }{{"since", since}, {"until", until}} {
		text, err := timeArgument(t.text, cli.now())
		if err != nil {
			return fmt.Errorf("invalid value for %q: %w", t.key, err)
		}
		setText(query, t.key, text)
	}
	return nil
}

func unixText(t time.Time) string {
	if t.Nanosecond() == 0 {
		return strconv.FormatInt(t.Unix(), 10)
	}
	return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond())
}
