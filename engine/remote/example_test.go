package remote_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/engine/remote"
)

// greeter is an engine with one job.
func greeter() *engine.Engine {
	eng := engine.New()
	err := eng.Declare(engine.Declaration{
		Name: "greet", Summary: "Greet somebody.",
		Args: []engine.Arg{{Name: "WHO"}}, Env: []engine.Key{{Name: "loud", Type: engine.Bool}},
		Handler: func(job *engine.Job) error {
			text := "hello, " + job.Args[0]
			if job.GetenvBool("loud") {
				text = strings.ToUpper(text)
			}
			job.Printf("%s\n", text)
			return nil
		},
	})
	if err != nil {
		panic(err)
	}
	return eng
}

// An engine is served below a path, and used from elsewhere like a local one.
func Example() {
	mux := http.NewServeMux()
	mux.Handle("/jobs/", remote.Handler(greeter(), remote.Options{}))
	srv := httptest.NewServer(mux)
	defer srv.Close()

	there, err := remote.Dial(context.Background(), srv.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	job := there.Job("greet", "world")
	job.SetenvBool("loud", true)
	out, err := job.Output()
	fmt.Print(string(out), err, "\n")
	fmt.Println(there.Job("greet").Run())
	fmt.Println(there.Close())
	// Output:
	// HELLO, WORLD
	// <nil>
	// job greet does not take 0 arguments, usage: greet WHO
	// <nil>
}

// An engine hands on what it does not know.
func ExampleEngine_Handle() {
	srv := httptest.NewServer(remote.Handler(greeter(), remote.Options{}))
	defer srv.Close()
	there, err := remote.Dial(context.Background(), srv.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	here := engine.New()
	here.RegisterCatchall(there.Handle)
	out, err := here.Job("greet", "far away").Output()
	fmt.Print(string(out), err, "\n")
	fmt.Println(there.Close())
	// Output:
	// hello, far away
	// <nil>
	// <nil>
}
