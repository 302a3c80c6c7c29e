//go:build linux

package daemontest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/moby/moby/client"

	"github.com/enginejobs/docker/engine/enginetest"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/server/daemontest"
)

// A daemon for one test, and the official SDK connected to it.
func ExampleNew() {
	inTest(func(t testing.TB) {
		d := daemontest.New(t, daemontest.Fake())
		d.ImportBox(t)
		cli, err := client.New(client.WithHost(d.Host()))
		if err != nil {
			t.Fatal(err)
		}
		defer cli.Close()
		images, err := cli.ImageList(context.Background(), client.ImageListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(images.Items[0].RepoTags)
	})
	// Output: [box:latest]
}

// Everything is real but the first start.
func ExampleDaemon_Engine() {
	inTest(func(t testing.TB) {
		d := daemontest.New(t, daemontest.Fake())
		enginetest.FailNth(d.Engine(), "start", 1, errdefs.Unavailable("no memory left"))
		resp, err := d.HTTPClient().Post("http://docker/containers/web/start", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		fmt.Println(resp.Status)
	})
	// Output: 503 Service Unavailable
}

// inTest stands in for the test that an example is not.
func inTest(f func(t testing.TB)) {
	t := &exampleTest{}
	defer t.run()
	f(t)
}

type exampleTest struct{ cleanups }

func (*exampleTest) Helper()                           {}
func (*exampleTest) Failed() bool                      { return false }
func (*exampleTest) Context() context.Context          { return context.Background() }
func (*exampleTest) Logf(format string, args ...any)   { fmt.Printf(format+"\n", args...) }
func (*exampleTest) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (*exampleTest) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
func (*exampleTest) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
