# What the Python client of docs/api/clients can do, checked against an engine
# with the jobs of jobs_test.go. Run with the socket as the only argument.
import io
import sys
import threading

from jobs import Engine, JobError

engine = Engine(sys.argv[1])
assert len(engine.id) == 64, engine.id

# Arguments, env, both outputs, status.
assert engine.job("echo", "one", "", "zwei ü").output() == "one  zwei ü".encode()
env = {"text": "v=w", "on": True, "off": False, "n": 7, "list": ["a", "b"]}
assert engine.job("who", env=env).output().endswith(b'{"list":"[\\"a\\", \\"b\\"]","n":"7","off":"0","on":"1","text":"v=w"}\n')
say = engine.job("say", "x")
try:
    for chunk in say:
        assert chunk == b"x\n", chunk
    raise AssertionError("say did not fail")
except JobError as error:
    assert (error.kind, error.status, str(error)) == ("conflict", 1, "and that was it"), error
assert say.errors == b"careful\n"


def fails(job, kind, status=1, code=0):
    try:
        job.output()
    except JobError as error:
        assert (error.kind, error.status, error.code) == (kind, status, code), (error.kind, error)
        return str(error)
    raise AssertionError("it did not fail")


assert "command not found" in fails(engine.job("nojob"), "unknown_job", 127)
assert fails(engine.job("fail", "not_found", env={"text": "gone", "code": 42}), "not_found", code=42) == "failing: gone"
assert "count" in fails(engine.job("strict", "x", env={"count": "seven"}), "invalid_argument")
fails(engine.job("hang", timeout=0.05), "deadline")

# Much more than a window, both ways, while other jobs run.
big = bytes(range(256)) * (16 << 10)
assert engine.job("cat", stdin=big).output() == big
assert engine.job("cat", stdin=io.BytesIO(big)).output() == big
assert engine.job("count", stdin=io.BytesIO(big)).output() == b"%d" % len(big)
assert engine.job("mute", stdin=io.BytesIO(big)).output() == b""
assert engine.job("echo", "x" * (1 << 20)).output() == b"x" * (1 << 20)  # a call of several frames

answers = []
threads = [threading.Thread(target=lambda i=i: answers.append(engine.job("echo", str(i)).output())) for i in range(50)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert sorted(answers) == sorted(b"%d" % i for i in range(50))

# Cancelling in the middle of a stream, while a reader that is slow holds back
# its own job only.
slow = engine.job("yes")
hang = engine.job("hang", env={"first": "begun"})
chunks = iter(hang)
assert next(chunks) == b"begun"
hang.cancel()
try:
    next(chunks)
    raise AssertionError("the job goes on")
except JobError as error:
    assert error.kind == "canceled", error.kind
assert engine.job("echo", "alive").output() == b"alive"
slow.cancel()
fails(slow, "canceled")

# Who leaves takes the jobs along.
left = engine.job("hang", env={"first": "begun"})
chunks = iter(left)
assert next(chunks) == b"begun"
engine.close()
try:
    next(chunks)
    raise AssertionError("the job goes on")
except JobError as error:
    assert error.kind == "unavailable", error.kind
try:
    engine.job("echo")
    raise AssertionError("a closed engine takes jobs")
except JobError:
    pass
print("done")
