"""Run a container and stream what it writes: containers.py SOCKET IMAGE COMMAND [ARG]...

Exits as the container does. Interrupt it to cancel the stream; the container is
removed in the end.
"""
import json
import sys

from jobs import Engine, JobError


def run(engine, image, command, out=sys.stdout.buffer, tty=False):
    """Create, start and follow a container; return its exit code."""
    config = {"Image": image, "Cmd": command, "Tty": tty}
    container = json.loads(engine.job("create", env={"Config": config}).output())["Id"]
    try:
        engine.job("start", container).output()
        logs = follow(engine, container)
        try:
            for chunk in logs:
                out.write(chunk)
                out.flush()
        except KeyboardInterrupt:
            logs.cancel()
        sys.stderr.buffer.write(logs.errors)
        return json.loads(engine.job("wait", container).output())["StatusCode"]
    finally:
        engine.job("rm", container, env={"forceRemove": True}).output()


def follow(engine, container):
    """The job that streams what a container writes; cancel it to stop earlier."""
    return engine.job("logs", container, env={"stdout": True, "stderr": True, "follow": True})


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    engine = Engine(sys.argv[1])
    try:
        sys.exit(run(engine, sys.argv[2], sys.argv[3:]))
    except JobError as error:
        sys.exit("%s (%s)" % (error, error.kind))
