package integration

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/enginejobs/docker/integration/daemonproc"
)

// pythonShow uses the Python client of docs/api/clients as a program would.
const pythonShow = `
import json, sys, threading, time
sys.path.insert(0, sys.argv[1])
from jobs import Engine, JobError

engine = Engine(sys.argv[2])

# Create a container, start it, stream its output while it runs, get its exit code.
script = 'for i in 1 2 3; do echo out $i; sleep 0.2; done; echo oops >&2; exit 7'
made = json.loads(engine.job("create", "py", env={"Config": {"Image": "busybox", "Cmd": ["sh", "-c", script]}}).output())
engine.job("start", made["Id"]).output()
began, seen = time.time(), []
logs = engine.job("logs", "py", env={"stdout": True, "stderr": True, "follow": True})
for chunk in logs:
    seen.append((chunk, time.time() - began))
assert b"".join(c for c, _ in seen) == b"out 1\nout 2\nout 3\n", seen
assert len(seen) >= 2 and seen[-1][1] - seen[0][1] > 0.1, "not streamed: %r" % seen
assert logs.errors == b"oops\n", logs.errors
assert json.loads(engine.job("wait", "py").output())["StatusCode"] == 7

# Cancel a logs -f that would go on for ever, with other jobs on the connection.
made = json.loads(engine.job("create", "ticks", env={"Config": {"Image": "busybox",
    "Cmd": ["sh", "-c", "while :; do echo tick; sleep 0.1; done"]}}).output())
engine.job("start", "ticks").output()
logs = engine.job("logs", "ticks", env={"stdout": True, "follow": True})
ticks = 0
try:
    for chunk in logs:
        ticks += chunk.count(b"tick\n")
        if ticks == 3:
            assert json.loads(engine.job("containers").output())[0]["Names"] == ["/ticks"]
            logs.cancel()
    raise SystemExit("the cancelled job ended well")
except JobError as e:
    assert e.kind == "canceled", (e.kind, str(e))
running = [j["Name"] for j in json.loads(engine.job("jobs").output())]
assert "logs" not in running, running

# Failures keep their kind; a standard input goes in.
try:
    engine.job("container_inspect", "nobody").output()
    raise SystemExit("nobody exists")
except JobError as e:
    assert (e.kind, e.status, str(e)) == ("not_found", 1, "No such container: nobody"), (e.kind, e.status, str(e))
try:
    engine.job("no_such_job").output()
    raise SystemExit("no_such_job exists")
except JobError as e:
    assert (e.kind, e.status) == ("unknown_job", 127)
with open(sys.argv[3], "rb") as tar:
    assert engine.job("import", "-", "frompython", stdin=tar).output().startswith(b"sha256:")
engine.job("rm", "ticks", env={"forceRemove": True}).output()
engine.close()
print("done")
`

// TestPythonClient lets a client in another language, which knows nothing but
// docs/api/remote-jobs.md, work with containers.
func TestPythonClient(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("needs python3: it runs the client of docs/api/clients")
	}
	d := daemonproc.Start(t, daemonproc.Options{NoBridge: true})
	clients, err := filepath.Abs("../docs/api/clients")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, python, "-B", "-c", pythonShow, clients, d.Socket(), daemonproc.MustAsset(t, "busybox")).CombinedOutput()
	if err != nil || string(out) != "done\n" {
		t.Errorf("%v\n%s", err, out)
	}
	// The program beside it, as a user runs it.
	out, err = exec.CommandContext(ctx, python, "-B", filepath.Join(clients, "containers.py"), d.Socket(), "busybox", "sh", "-c", "echo hello; exit 4").CombinedOutput()
	if string(out) != "hello\n" || err == nil || err.Error() != "exit status 4" {
		t.Errorf("containers.py: %v\n%s", err, out)
	}
}
