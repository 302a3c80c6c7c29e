package server

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/enginejobs/docker/engine"
	"github.com/enginejobs/docker/errdefs"
	"github.com/enginejobs/docker/pkg/stdcopy"
)

// TestExecCreate_Versions: the members that a version did not know are ignored,
// and classic bodies may be loose.
func TestExecCreate_Versions(t *testing.T) {
	b := newBench(t)
	var seen map[string]string
	b.eng.Replace("exec_create", func(job *engine.Job) error {
		seen = job.Environ()
		_, err := io.WriteString(job.Stdout, "abc\n")
		return err
	})
	path := b.listen()
	post := func(version, body string) (int, string) {
		_, _, resp := dial(t, path, version+"/containers/box/exec", fmt.Sprintf("Content-Length: %d\r\n", len(body)), body)
		text, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, strings.TrimSpace(string(text))
	}
	// dial sends text/plain: fine before 1.22, refused since.
	code, text := post("/v1.18", `{"Cmd":"true","Tty":"1","User":"me","Privileged":true,"AttachStdout":1}`)
	if code != 201 || text != `{"Id":"abc"}` {
		t.Errorf("1.18: %d %s", code, text)
	}
	if seen["Cmd"] != `["true"]` || seen["Tty"] != "1" || seen["AttachStdout"] != "1" || seen["User"] != "" || seen["Privileged"] != "" {
		t.Errorf("1.18: %v", seen)
	}
	if code, text = post("/v1.21", `{"Cmd":["true"],"User":"me","Privileged":true}`); code != 201 {
		t.Errorf("1.21: %d %s", code, text)
	}
	if seen["User"] != "me" || seen["Privileged"] != "1" {
		t.Errorf("1.21: %v", seen)
	}
	if code, text = post("/v1.22", `{"Cmd":["true"]}`); code != 400 || !strings.Contains(text, "must be 'application/json'") {
		t.Errorf("1.22: %d %s", code, text)
	}
	if code, text = post("/v1.18", ``); code != 500 && code != 400 {
		t.Errorf("no body: %d %s", code, text)
	}
}

// TestExecStart_Versions: what is wrong before the start has a status since
// 1.21; before, and when the start itself fails, it is told in the stream.
func TestExecStart_Versions(t *testing.T) {
	b := newBench(t)
	b.eng.Replace("exec_start", func(job *engine.Job) error {
		switch job.Args[0] {
		case "none":
			return errdefs.NotFound("No such exec instance: none")
		case "bad":
			if _, err := job.Stdout.Write(nil); err != nil {
				return err
			}
			return errdefs.NotFound("no such program")
		}
		return echo(job)
	})
	path := b.listen()
	start := func(version, id, body string) (code int, stdout, stderr string) {
		conn, r, resp := dial(t, path, version+"/exec/"+id+"/start",
			fmt.Sprintf("%sContent-Length: %d\r\n", upgrade, len(body)), body)
		if resp.StatusCode != 101 {
			text, _ := io.ReadAll(resp.Body)
			return resp.StatusCode, string(text), ""
		}
		_, _ = io.WriteString(conn, "typed")
		_ = conn.CloseWrite()
		if strings.Contains(body, `"Tty":true`) {
			text, _ := io.ReadAll(r)
			return resp.StatusCode, string(text), ""
		}
		var out, errOut strings.Builder
		if _, err := stdcopy.Copy(&out, &errOut, r); err != nil {
			t.Errorf("%s %s: %v", version, id, err)
		}
		return resp.StatusCode, out.String(), errOut.String()
	}
	for _, c := range []struct {
		version, id, body string
		code              int
		stdout            string
	}{
		{"/v1.18", "good", `{"Detach":false,"Tty":false}`, 101, "out typed"},
		{"/v1.18", "none", `{}`, 101, "Error starting exec command in container none: No such exec instance: none\n"},
		{"/v1.21", "none", `{}`, 404, "No such exec instance: none\n"},
		{"/v1.21", "bad", `{}`, 101, "Error starting exec command in container bad: no such program\n"},
		{"/v1.18", "good", `{"Detach":true}`, 204, ""},
		{"/v1.21", "good", `{"Detach":true}`, 200, ""},
		{"/v1.21", "none", `{"Detach":true}`, 404, "No such exec instance: none\n"},
	} {
		code, stdout, _ := start(c.version, c.id, c.body)
		if code != c.code || stdout != c.stdout {
			t.Errorf("%s %s %s: %d %q, want %d %q", c.version, c.id, c.body, code, stdout, c.code, c.stdout)
		}
	}
	if code, stdout, _ := start("/v1.21", "good", `{"Tty":true}`); code != 101 || !strings.Contains(stdout, "typed") {
		t.Errorf("a terminal: %d %q", code, stdout)
	}
	if code, text, _ := start("/v1.22", "good", `{}`); code != 400 || !strings.Contains(text, "application/json") {
		t.Errorf("the content type since 1.22: %d %s", code, text)
	}
}

func TestExecInspect_Versions(t *testing.T) {
	b := newBench(t)
	running := true
	b.eng.Replace("exec_inspect", func(job *engine.Job) error {
		_, err := io.WriteString(job.Stdout, `{"ID":"abc","Running":true,"ExitCode":null,"ProcessConfig":{"entrypoint":"sh","arguments":["-c"],"tty":false},`+
			`"OpenStdin":false,"OpenStderr":true,"OpenStdout":true,"CanRemove":false,"ContainerID":"box","DetachKeys":"","Pid":42}`)
		return err
	})
	b.eng.Replace("container_inspect", func(job *engine.Job) error {
		_, err := fmt.Fprintf(job.Stdout, `{"Id":"box","State":{"Running":%v,"Status":"running"},"Config":{},"HostConfig":{},"NetworkSettings":{},"Mounts":[]}`, running)
		return err
	})
	for _, c := range []struct {
		target string
		code   int
		has    []string
		hasNot []string
	}{
		{"/v1.44/exec/abc/json", 200, []string{`"ExitCode":null`, `"ContainerID":"box"`, `"Pid":42`}, []string{`"Container":`}},
		{"/v1.18/exec/abc/json", 200, []string{`"ExitCode":0`, `"Container":{`, `"ID":"box"`}, []string{`"ContainerID"`, `"HostConfig"`, `"Status"`, `"Pid"`}},
	} {
		resp := b.do("GET", c.target, "")
		if resp.Code != c.code {
			t.Errorf("%s: %d %s", c.target, resp.Code, resp.Body)
		}
		for _, want := range c.has {
			if !strings.Contains(resp.Body.String(), want) {
				t.Errorf("%s has no %s: %s", c.target, want, resp.Body)
			}
		}
		for _, bad := range c.hasNot {
			if strings.Contains(resp.Body.String(), bad) {
				t.Errorf("%s has %s: %s", c.target, bad, resp.Body)
			}
		}
	}
	running = false
	if resp := b.do("GET", "/v1.18/exec/abc/json", ""); resp.Code != 409 || !strings.Contains(resp.Body.String(), "Container box is not running") {
		t.Errorf("of a container that has ended: %d %s", resp.Code, resp.Body)
	}
}
