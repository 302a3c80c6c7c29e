package enginetest_test

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
)

// A fake stands in for a job that a test cannot have, and keeps what it saw.
func ExampleFake() {
	eng := engine.New() // a test says enginetest.New(t)
	pull := enginetest.Fake(eng, "pull")
	pull.Answers = []enginetest.Answer{{Err: errdefs.Unavailable("registry is down")}}
	pull.Stdout = "done"

	fmt.Println(eng.Job("pull", "busybox").Run())
	fmt.Println(enginetest.Run(eng.Job("pull", "debian")).Stdout)
	for _, call := range pull.Calls() {
		fmt.Println(call.Name, call.Args)
	}
	// Output:
	// registry is down
	// done
	// pull [busybox]
	// pull [debian]
}

// The third start fails; all others are real.
func ExampleFailNth() {
	eng := engine.New()
	_ = eng.Register("start", func(*engine.Job) error { return nil })
	enginetest.FailNth(eng, "start", 3, errdefs.Internal("no space left"))
	for i := range 4 {
		fmt.Println(i+1, eng.Job("start").Run())
	}
	// Output:
	// 1 <nil>
	// 2 <nil>
	// 3 no space left
	// 4 <nil>
}

func ExampleCount() {
	eng := engine.New()
	_ = eng.Register("start", func(*engine.Job) error { return nil })
	counter := enginetest.Count(eng, "start")
	for range 3 {
		_ = eng.Job("start").Run()
	}
	fmt.Println(counter.Of("start"))
	// Output: 3
}

// A job that takes an hour takes no time.
func ExampleClock() {
	eng, clock := engine.New(), enginetest.NewClock()
	eng.SetClock(clock)
	enginetest.Fake(eng, "backup").Delay = time.Hour
	job := eng.Job("backup")
	if err := job.Start(); err != nil {
		fmt.Println(err)
	}
	clock.WaitTimers(1) // it sleeps
	clock.Advance(time.Hour)
	fmt.Println(job.Wait())
	// Output: <nil>
}

// What jobs did is written as text, to be run again by Replay or to answer by
// Playback.
func ExampleRecord() {
	eng := engine.New()
	_ = eng.Register("upper", func(job *engine.Job) error {
		job.Printf("%s\n", strings.ToUpper(job.Args[0]))
		return nil
	})
	var file bytes.Buffer
	recording := enginetest.Record(eng, &file)
	_ = eng.Job("upper", "case").Run()
	if err := recording.Close(); err != nil {
		fmt.Println(err)
	}
	fmt.Print(file.String())
	// Output:
	// enginejobs recording 1
	// -- 1/upper.json --
	// {
	// 	"Name": "upper",
	// 	"Args": [
	// 		"case"
	// 	],
	// 	"Began": 1,
	// 	"Ended": 2
	// }
	// -- 1/stdout --
	// CASE
}
