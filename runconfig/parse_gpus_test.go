package runconfig

import (
	"encoding/json"
	"testing"
)

func TestParseGPUs(t *testing.T) {
	for text, want := range map[string]string{
		"all":              `{"Driver":"","Count":-1,"DeviceIDs":null,"Capabilities":[["gpu"]],"Options":{}}`,
		"2":                `{"Driver":"","Count":2,"DeviceIDs":null,"Capabilities":[["gpu"]],"Options":{}}`,
		`"device=0,1"`:     `{"Driver":"","Count":0,"DeviceIDs":["0","1"],"Capabilities":[["gpu"]],"Options":{}}`,
		"driver=nvidia":    `{"Driver":"nvidia","Count":1,"DeviceIDs":null,"Capabilities":[["gpu"]],"Options":{}}`,
		"capabilities=a,3": `{"Driver":"","Count":3,"DeviceIDs":null,"Capabilities":[["a","gpu"]],"Options":{}}`,
		`options=a=b`:      `{"Driver":"","Count":1,"DeviceIDs":null,"Capabilities":[["gpu"]],"Options":{"a":"b"}}`,
	} {
		r, err := ParseGPUs(text)
		got, _ := json.Marshal(r) // plain fields always encode
		if err != nil || string(got) != want {
			t.Errorf("%s: %v, %s, want %s", text, err, got, want)
		}
	}
	for text, want := range map[string]string{
		"some":             `invalid count (some): value must be either "all" or an integer`,
		"1,count=2":        "gpu request key 'count' can be specified only once",
		"colour=red":       "unexpected key 'colour' in 'colour=red'",
		"driver=a,driver=": "gpu request key 'driver' can be specified only once",
		`"`:                "invalid --gpus \"\\\"\": parse error on line 1, column 2: extraneous or missing \" in quoted-field",
	} {
		if _, err := ParseGPUs(text); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
