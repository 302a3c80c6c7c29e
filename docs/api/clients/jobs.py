"""Run jobs of an engine, by the session form of docs/api/remote-jobs.md.

    engine = Engine("/var/run/docker.sock")          # or ("127.0.0.1", 2375)
    for chunk in engine.job("logs", "web", env={"stdout": True, "follow": True}):
        print(chunk)

Any number of jobs run at once on the one connection, from any thread. Nothing
but the standard library is needed.
"""
import itertools
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
    strings = list(strings)
    return struct.pack(">I", len(strings)) + b"".join(map(text, strings))


def cut(b, at=0):  # the string at this place, and where it ends
    end = at + 4 + struct.unpack_from(">I", b, at)[0]
    return b[at + 4:end].decode("utf-8", "surrogateescape"), end


def word(value):  # a value of the env
    if isinstance(value, bool):
        return "1" if value else "0"
    return value if isinstance(value, (str, bytes)) else json.dumps(value)


class JobError(Exception):
    """A job that failed: its kind ("not_found", …) and code; status is 1, or 127 for no such job."""

    def __init__(self, kind, code, message):
        super().__init__(message)
        self.kind, self.code, self.status = kind, code, 127 if kind == "unknown_job" else 1


class Engine:
    def __init__(self, *address, path="/jobs/"):
        """Connect to a unix socket (its path) or a port (host, number)."""
        if len(address) == 1:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(address[0])
        else:
            self.sock = socket.create_connection(address)
        self.jobs, self.numbers, self.lock, self.end = {}, itertools.count(1), threading.Lock(), None
        self.sock.sendall(b"GET %s HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\nUpgrade: enginejobs/1\r\n\r\n" % path.encode())
        self.file = self.sock.makefile("rb")
        answer = self.file.readline()
        while (line := self.file.readline()).strip():
            answer += line
        if b" 101 " not in answer:
            raise JobError("unavailable", 0, "no engine is served there: %s" % answer.split(b"\r\n")[0].decode())
        self.send(HELLO, 0, struct.pack(">I", 1) + text("") + texts(["window", str(OUR_WINDOW), "max-calls", "0"]))
        kind, _, _, hello = self.receive()
        if kind != HELLO or hello[:4] != b"\0\0\0\1":
            raise JobError("unavailable", 0, "the other side speaks another version")
        self.id, at = cut(hello, 4)
        pairs, at = [], at + 4
        while at < len(hello):
            s, at = cut(hello, at)
            pairs.append(s)
        self.window = int(dict(zip(pairs[::2], pairs[1::2])).get("window", 256 << 10))
        threading.Thread(target=self.run, daemon=True).start()

    def job(self, name, *args, env=None, stdin=None, timeout=None):
        """Start a job. env maps keys to str, bool, number, list or dict; stdin is bytes or a binary file."""
        return Job(self, name, args, env or {}, stdin, timeout)

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)

    def send(self, kind, call, payload=b"", flags=0):
        with self.lock:
            self.sock.sendall(HEADER.pack(kind, flags, 0, call, len(payload)) + payload)

    def receive(self):
        kind, flags, _, call, length = HEADER.unpack(self.file.read(HEADER.size))
        return kind, flags, call, self.file.read(length)

    def run(self):
        """Hand what arrives to the jobs, until the connection ends."""
        reason = "the connection ended"
        try:
            while True:
                kind, _, call, payload = self.receive()
                if kind == PING:
                    self.send(PONG, call, payload)
                elif kind == GOAWAY:
                    reason = cut(payload)[0]
                elif call in self.jobs:
                    self.jobs[call].arrived(kind, payload)
        except (OSError, struct.error, ValueError):
            pass
        self.end = reason
        for job in list(self.jobs.values()):
            job.finish(JobError("unavailable", 0, reason))


class Job:
    """A running job. Iterate over it for its stdout; errors is the end of its stderr.

    begun is set with the first write of the job, be it of no bytes: attach, with
    the env key headers, says so that nothing will be missed from then on.
    """

    def __init__(self, engine, name, args, env, stdin, timeout):
        self.engine, self.call, self.errors, self.result = engine, next(engine.numbers), b"", None
        self.begun = threading.Event()
        self.chunks, self.done, self.credit, self.allowed = queue.Queue(), threading.Event(), engine.window, threading.Condition()
        engine.jobs[self.call] = self
        pairs = [s for key, value in env.items() for s in (key, word(value))]
        meta = ["timeout-ms", str(int(timeout * 1000))] if timeout else []
        message = text(name) + texts(args) + texts(pairs) + texts(meta)
        message = struct.pack(">I", len(message)) + message
        with engine.lock:  # the frames of one call are not mixed with those of another
            for at in range(0, len(message), MAX_PAYLOAD):
                part = message[at:at + MAX_PAYLOAD]
                more = MORE if at + len(part) < len(message) else 0
                engine.sock.sendall(HEADER.pack(CALL, more, 0, self.call, len(part)) + part)
        if engine.end:
            self.finish(JobError("unavailable", 0, engine.end))
        if stdin is None or isinstance(stdin, bytes) and len(stdin) <= self.credit:
            self.feed([stdin] if stdin else [])
        else:
            parts = [stdin] if isinstance(stdin, bytes) else iter(lambda: stdin.read(64 << 10), b"")
            threading.Thread(target=self.feed, args=(parts,), daemon=True).start()

    def feed(self, parts):
        """Send stdin, as much at a time as the other side allows."""
        try:
            for part in parts:
                while part and not self.done.is_set():
                    with self.allowed:
                        self.allowed.wait_for(lambda: self.credit or self.done.is_set())
                        n = min(len(part), self.credit, MAX_PAYLOAD)
                        self.credit -= n
                    self.engine.send(DATA, self.call, part[:n])
                    part = part[n:]
            if not self.done.is_set():
                self.engine.send(EOF, self.call)
        except OSError:
            pass  # the reader notices, too

    def arrived(self, kind, payload):
        if kind == OUT:
            self.begun.set()
            if payload:
                self.chunks.put(payload)
        elif kind == ERR:
            self.errors = (self.errors + payload)[-(64 << 10):]
            self.grant(len(payload))
        elif kind == WINDOW:
            with self.allowed:
                self.credit += struct.unpack(">I", payload)[0]
                self.allowed.notify()
        elif kind == RESULT:
            name, at = cut(payload)
            code, (message, _) = struct.unpack_from(">i", payload, at)[0], cut(payload, at + 4)
            self.finish(JobError(name, code, message) if name else None)

    def grant(self, n):
        """Let the engine send as much again as was consumed."""
        try:
            if not self.done.is_set():
                self.engine.send(WINDOW, self.call, struct.pack(">I", n))
        except OSError:
            pass

    def finish(self, error):
        self.engine.jobs.pop(self.call, None)
        self.result = error
        self.done.set()
        self.begun.set()
        with self.allowed:
            self.allowed.notify()
        self.chunks.put(None)

    def __iter__(self):
        """Yield stdout as it comes; at its end raise JobError if the job failed."""
        while (chunk := self.chunks.get()) is not None:
            yield chunk
            self.grant(len(chunk))
        self.chunks.put(None)
        if self.result:
            raise self.result

    def output(self):
        """Wait for the end and return all of stdout."""
        return b"".join(self)

    def cancel(self):
        """Ask the job to end; iterating then raises JobError, kind "canceled"."""
        self.engine.send(CANCEL, self.call)
