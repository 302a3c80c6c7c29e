//go:build race

package metrics_test

// raceDetector tells that times say little.
const raceDetector = true
