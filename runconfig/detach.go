package runconfig

import (
	"fmt"
	"strings"
)

// ParseDetachKeys reads the keys that leave a terminal: single characters, DEL,
// and ctrl- with a small letter or one of @ [ \\ ] ^ _, with commas between
// them ("ctrl-x,e"). Empty text gives nil, which stands for the default.
func ParseDetachKeys(text string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	var keys []byte
	for word := range strings.SplitSeq(text, ",") {
		key, ok := detachKey(word)
		if !ok {
			return nil, fmt.Errorf("Invalid detach keys (%s): Unknown character: '%s'", text, word)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func detachKey(word string) (byte, bool) {
	if len(word) == 1 {
		return word[0], true
	}
	if word == "DEL" {
		return 0x7f, true
	}
	name, ctrl := strings.CutPrefix(word, "ctrl-")
	if !ctrl || len(name) != 1 {
		return 0, false
	}
	if c := name[0]; c >= 'a' && c <= 'z' || strings.IndexByte(`@[\]^_`, c) >= 0 {
		return c & 0x1f, true
	}
	return 0, false
}
