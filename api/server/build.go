package server

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
)

// buildKeys are the parameters of a build that are passed on as they are.
func buildKeys() []key {
	return []key{
		{"t", "t", setList}, text("remote"), text("dockerfile"), text("target"), text("platform"), text("networkmode"), text("isolation"),
		text("cgroupparent"), text("cpusetcpus"), text("cpusetmems"), flag("q"), flag("nocache"), flag("squash"),
		integer("memory"), integer("memswap"), integer("cpushares"), integer("cpuperiod"), integer("cpuquota"), integer("shmsize"),
		{"buildargs", "buildargs", setJSON}, {"labels", "labels", setJSON}, {"cachefrom", "cachefrom", setJSON}, {"ulimits", "ulimits", setJSON},
		{"extrahosts", "extrahosts", setList}, {"securityopt", "securityopt", setList},
	}
}

// integer makes a key of an integer. What is none counts as not given: clients
// have always been served so.
func integer(name string) key { return key{name, name, setInteger} }

func setInteger(job *engine.Job, env string, values []string) error {
	if n, err := strconv.ParseInt(strings.TrimSpace(values[0]), 10, 64); err == nil {
		job.SetenvInt64(env, n)
	}
	return nil
}

// setJSON gives the job a document as it is.
func setJSON(job *engine.Job, env string, values []string) error {
	if values[0] == "" {
		return nil
	}
	if !json.Valid([]byte(values[0])) {
		return errdefs.InvalidArgument("the parameter %s is no JSON document", env)
	}
	job.Setenv(env, values[0])
	return nil
}

// build runs the job build with the body as the context. Before 1.8 it answers
// with text; clients from 1.18 on cancel it by leaving.
func build(x *exchange, row *route) error {
	if x.value("version") == "2" {
		return errdefs.InvalidArgument("this engine builds by itself and not by BuildKit: set DOCKER_BUILDKIT=0 in the environment of the client")
	}
	job, err := row.prepare(x)
	if err != nil {
		return err
	}
	ctx := x.r.Context()
	if x.v < v1(18) {
		ctx = context.WithoutCancel(ctx)
	}
	ctx, done := x.s.builds.enter(ctx, x.value("buildid"))
	defer done()
	job.SetContext(ctx)
	x.buildVersion(job)
	if err := x.buildHeaders(job); err != nil {
		return err
	}
	defer x.duplex()() // the job reports while it reads
	if err := job.Stdin.Add(x.r.Body); err != nil {
		return err
	}
	if x.v >= v1(8) {
		job.SetenvBool("json", true)
		return x.messages(job)
	}
	return x.textMessages(job)
}

// buildVersion sets what depends on the version.
func (x *exchange) buildVersion(job *engine.Job) {
	lenient := truthy
	if x.v < v1(19) {
		lenient = func(s string) bool { return s == "1" }
	}
	force, remove := lenient(x.value("forcerm")), truthy(x.value("rm"))
	if x.v >= v1(12) {
		remove = remove || force || x.value("rm") == ""
		job.SetenvBool("forcerm", force)
	}
	job.SetenvBool("rm", remove)
	if x.v >= v1(16) {
		job.SetenvBool("pull", lenient(x.value("pull")))
	}
	if x.v >= v1(22) && truthy(x.value("q")) {
		job.SetenvBool("idOnly", true)
		job.SetenvBool("q", false) // all is shown of a build that fails
	}
	switch {
	case x.v < v1(21):
		job.Setenv("stepStyle", "from0")
	case x.v < v1(25):
		job.Setenv("stepStyle", "from1")
	}
}

// buildHeaders passes credentials on, and what the API has no parameter for.
func (x *exchange) buildHeaders(job *engine.Job) error {
	if x.v < v1(9) {
		if auth := x.registryAuth(); auth != "" {
			job.Setenv("authConfig", auth)
		}
	}
	for header, env := range map[string]string{"X-Registry-Config": "configFile", "X-Build-Secrets": "secrets", "X-Build-Ssh": "ssh"} {
		text := x.r.Header.Get(header)
		if text == "" {
			continue
		}
		document, ok := fromHeader(text)
		if !ok {
			if header == "X-Registry-Config" {
				continue // classic clients sent what could not be read, and were not told
			}
			return errdefs.InvalidArgument("the header %s is no JSON document in base64", header)
		}
		job.Setenv(env, document)
	}
	return nil
}

// textMessages runs a job that writes text. Once some is out a failure becomes the
// last line.
func (x *exchange) textMessages(job *engine.Job) error {
	out := &sink{w: x.w, code: http.StatusOK, media: "text/plain; charset=utf-8", flush: true}
	job.Stdout.Add(out)
	err := x.run(job)
	if err == nil {
		out.begin()
		return nil
	}
	if !x.w.begun {
		return err
	}
	_, _ = out.Write([]byte("Error: " + err.Error() + "\r\n")) // a client that has left is not told
	return nil
}
