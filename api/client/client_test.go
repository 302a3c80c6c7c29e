package client

import (
	"strings"
	"testing"
)

// TestDecodeRows: all rows come in order, and a list that ends early is an error.
func TestDecodeRows(t *testing.T) {
	const n = 150
	type row struct {
		ID string `json:"Id"`
	}
	list := "[" + strings.Repeat(`{"Id":"a"},`, n-1) + `{"Id":"z"}]`
	for text, want := range map[string]int{"[]": 0, list: n, list[:len(list)-1]: -1, `[{"Id":"a"},{"Id"`: -1, `[{"Id":1}]`: -1, "": -1} {
		batches := make(chan []row, n)
		err := decodeRows(strings.NewReader(text), batches)
		close(batches)
		if (err != nil) != (want < 0) {
			t.Errorf("%.30q: %v", text, err)
		}
		count, last := 0, ""
		for batch := range batches {
			for _, r := range batch {
				count, last = count+1, r.ID
			}
		}
		if want >= 0 && count != want || want == n && last != "z" {
			t.Errorf("%.30q: %d rows, the last is %q", text, count, last)
		}
	}
}
