"""Run jobs of an engine, by the session form of docs/api/remote-jobs.md.

    engine = Engine("/var/run/docker.sock")          # or ("127.0.0.1", 2375)
    for chunk in engine.job("logs", "web", env={"stdout": True, "follow": True}):
        print(chunk)

Any number of jobs run at once on the one connection, from any thread. Nothing
but the standard library is needed.
"""
import io
import json
import queue
import socket
import struct
import threading

HELLO, CALL, DATA, EOF, CANCEL, OUT, ERR, RESULT, WINDOW, PING, PONG, GOAWAY = range(1, 13)
HEADER = struct.Struct(">BBHII")  # type, flags, zero, call, length of the payload
MORE, MAX_PAYLOAD, OUR_WINDOW = 1, 256 << 10, 256 << 10


def text(s):  # a string: its length and its bytes
    s = s if isinstance(s, bytes) else s.encode("utf-8", "surrogateescape")
    return struct.pack(">I", len(s)) + s


def texts(strings):  # a list: its length and its strings
    return struct.pack(">I", len(strings)) + b"".join(map(text, strings))


def cut(b, at=0):  # the string at this place, and where it ends
    end = at + 4 + struct.unpack_from(">I", b, at)[0]
    return b[at + 4:end].decode("utf-8", "surrogateescape"), end


def word(value):  # a value of the env
    value = int(value) if isinstance(value, bool) else value
    return value if isinstance(value, (str, bytes)) else json.dumps(value)


class JobError(Exception):
    """A job that failed: its kind ("not_found", …) and code; status is 1, or 127 for no such job."""

    def __init__(self, kind, code, message):
        super().__init__(message)
        self.kind, self.code, self.status = kind, code, 127 if kind == "unknown_job" else 1


class Engine:
    def __init__(self, *address, path="/jobs/"):
        """Connect to a unix socket (its path) or a port (host, number)."""
        self.sock = socket.socket(socket.AF_UNIX) if len(address) == 1 else socket.socket()
        self.sock.connect(address[0] if len(address) == 1 else address)
        self.file, self.lock, self.jobs, self.last, self.end = self.sock.makefile("rb"), threading.Lock(), {}, 0, None
        self.sock.sendall(b"GET %s HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\nUpgrade: enginejobs/1\r\n\r\n" % path.encode())
        status = self.file.readline()
        while self.file.readline().strip():
            pass  # the other headers
        if b" 101 " not in status:
            raise JobError("unavailable", 0, "no engine is served there: %r" % status)
        self.send(HELLO, 0, struct.pack(">I", 1) + text("") + texts(["window", str(OUR_WINDOW), "max-calls", "0"]))
        kind, _, hello = self.receive()
        if kind != HELLO or hello[:4] != b"\0\0\0\1":
            raise JobError("unavailable", 0, "the other side speaks another version")
        self.id, at = cut(hello, 4)
        words, at = [], at + 4
        while at < len(hello):
            s, at = cut(hello, at)
            words.append(s)
        self.window = int(dict(zip(words[::2], words[1::2])).get("window", 256 << 10))
        threading.Thread(target=self.read, daemon=True).start()

    def job(self, name, *args, env={}, stdin=b"", timeout=None):
        """Start a job. env maps keys to str, bool, number, list or dict; stdin is bytes or a binary file."""
        return Job(self, name, args, env, stdin, timeout)

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)

    def send(self, kind, call, payload=b"", flags=0):
        with self.lock:
            self.sock.sendall(HEADER.pack(kind, flags, 0, call, len(payload)) + payload)

    def receive(self):
        kind, _, _, call, length = HEADER.unpack(self.file.read(HEADER.size))
        return kind, call, self.file.read(length)

    def read(self):
        """Hand what arrives to the jobs, until the connection ends."""
        reason = "the connection ended"
        try:
            while True:
                kind, call, payload = self.receive()
                if kind == PING:
                    self.send(PONG, call, payload)
                elif kind == GOAWAY:
                    reason = payload.decode("utf-8", "replace")
                elif call in self.jobs:
                    self.jobs[call].arrived(kind, payload)
        except (OSError, struct.error):
            self.end = JobError("unavailable", 0, reason)
        for job in list(self.jobs.values()):
            job.finish(self.end)


class Job:
    """A running job. Iterate over it for its stdout; errors is the end of its stderr."""

    def __init__(self, engine, name, args, env, stdin, timeout):
        self.engine, self.credit, self.errors, self.result, self.done = engine, engine.window, b"", None, False
        self.chunks, self.changed = queue.Queue(), threading.Condition()
        message = text(name) + texts(args) + texts([s for key in env for s in (key, word(env[key]))])
        message += texts(["timeout-ms", str(int(timeout * 1000))] if timeout else [])
        message = struct.pack(">I", len(message)) + message
        with engine.lock:  # numbers grow from call to call
            engine.last += 1
            self.call = engine.last
            engine.jobs[self.call] = self
            for at in range(0, len(message), MAX_PAYLOAD):
                part = message[at:at + MAX_PAYLOAD]
                engine.sock.sendall(HEADER.pack(CALL, MORE * (at + len(part) < len(message)), 0, self.call, len(part)) + part)
        if engine.end:
            self.finish(engine.end)
        if stdin:
            threading.Thread(target=self.feed, args=(io.BytesIO(stdin) if isinstance(stdin, bytes) else stdin,), daemon=True).start()
        else:
            self.send(EOF)

    def send(self, kind, payload=b""):
        if not self.done:
            try:
                self.engine.send(kind, self.call, payload)
            except OSError:
                pass  # the reader of the engine notices, too

    def feed(self, source):
        """Send stdin, as much at a time as the other side allows."""
        while not self.done and (part := source.read(64 << 10)):
            while part and not self.done:
                with self.changed:
                    self.changed.wait_for(lambda: self.credit or self.done)
                    n = min(len(part), self.credit)
                    self.credit -= n
                self.send(DATA, part[:n])
                part = part[n:]
        self.send(EOF)

    def arrived(self, kind, payload):
        if kind == OUT and payload:
            self.chunks.put(payload)
        elif kind == ERR:
            self.errors = (self.errors + payload)[-(64 << 10):]
            self.send(WINDOW, struct.pack(">I", len(payload)))
        elif kind == WINDOW:
            with self.changed:
                self.credit += struct.unpack(">I", payload)[0]
                self.changed.notify()
        elif kind == RESULT:
            name, at = cut(payload)
            code, message = struct.unpack_from(">i", payload, at)[0], cut(payload, at + 4)[0]
            self.finish(JobError(name, code, message) if name else None)

    def finish(self, error):
        self.engine.jobs.pop(self.call, None)
        with self.changed:
            self.result, self.done = error, True
            self.changed.notify()
        self.chunks.put(None)

    def __iter__(self):
        """Yield stdout as it comes; at its end raise JobError if the job failed."""
        while (chunk := self.chunks.get()) is not None:
            yield chunk
            self.send(WINDOW, struct.pack(">I", len(chunk)))
        self.chunks.put(None)
        if self.result:
            raise self.result

    def output(self):
        """Wait for the end and return all of stdout."""
        return b"".join(self)

    def cancel(self):
        """Ask the job to end; iterating then raises JobError, kind "canceled"."""
        self.send(CANCEL)
