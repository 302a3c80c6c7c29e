package execengine

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/enginejobs/docker/logdriver"
)

// BenchmarkStream copies output from a pipe to a log, and says how much time of
// the processors that took, which is what counts on a busy machine.
func BenchmarkStream(b *testing.B) {
	line := []byte("2026-01-02T03:04:05 request 000042 from 10.0.3.7 took 12 ms and was answered with status 200\n")
	var chunk []byte
	for len(chunk) < 128<<10 {
		chunk = append(chunk, line...)
	}
	for name, spec := range map[string]logdriver.Spec{
		"json-file": {Driver: logdriver.JSONFile},
		"rotated":   {Driver: logdriver.JSONFile, MaxSize: 10 << 20, MaxFile: 3},
		"local":     {Driver: logdriver.Local, MaxSize: 20 << 20, MaxFile: 5},
		"none":      {},
	} {
		b.Run(name, func(b *testing.B) {
			spec.Path = filepath.Join(b.TempDir(), "log")
			j, err := newJournal()
			if err != nil {
				b.Fatal(err)
			}
			defer j.close()
			log, err := openLog(&spec, nil)
			if err != nil {
				b.Fatal(err)
			}
			defer log.close()
			r, w, err := os.Pipe()
			if err != nil {
				b.Fatal(err)
			}
			defer r.Close()
			s, err := newStream(0, false, r, j, log)
			if err != nil {
				b.Fatal(err)
			}
			go s.run(b.Logf)
			b.SetBytes(int64(len(chunk)))
			b.ReportAllocs()
			before := processorTime()
			for b.Loop() {
				if _, err := w.Write(chunk); err != nil {
					b.Fatal(err)
				}
			}
			w.Close()
			<-s.done
			used := processorTime() - before
			b.ReportMetric(float64(b.N*len(chunk))/1e6/used.Seconds(), "MB/cpu-s")
			if log.w != nil {
				if err := os.Truncate(spec.Path, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func processorTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
