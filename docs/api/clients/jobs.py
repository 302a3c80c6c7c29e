"""Run jobs of an engine, by the session form of docs/api/remote-jobs.md; any number at once, from any thread.

    engine = Engine("/var/run/docker.sock")          # or ("127.0.0.1", 2375)
    for chunk in engine.job("logs", "web", env={"stdout": True, "follow": True}): print(chunk)
"""
import contextlib, io, json, queue, socket, struct, threading

HELLO, CALL, DATA, EOF, CANCEL, OUT, ERR, RESULT, WINDOW, PING, PONG, GOAWAY = range(1, 13)
HEADER = struct.Struct(">BBHII")  # type, flags (1: the message goes on), zero, call, length of the payload
PAYLOAD = INITIAL_WINDOW = 262144  # bytes: the most in a frame; what may be sent before a Window frame
def number(n):
    return struct.pack(">I", n)
def text(s):  # a string: its length and its bytes
    s = s.encode("utf-8", "surrogateescape")
    return number(len(s)) + s
def texts(strings):  # a list: its length and its strings
    return number(len(strings)) + b"".join(map(text, strings))
def cut(b, at):  # the string at this place, and where it ends
    end = at + 4 + struct.unpack_from(">I", b, at)[0]
    return b[at + 4:end].decode("utf-8", "surrogateescape"), end
def word(v):  # a value of the env: booleans are 1 and 0, lists and documents JSON
    return v if isinstance(v, str) else json.dumps(int(v) if isinstance(v, bool) else v)

class JobError(Exception):  # a job failed; its kind decides, the text is for people
    def __init__(self, kind, code, message):
        super().__init__(message)
        self.kind, self.code, self.status = kind, code, 127 if kind == "unknown_job" else 1

class Engine:
    def __init__(self, *address):
        """Connect to a unix socket (its path) or a port (host, number)."""
        self.sock = socket.socket(socket.AF_UNIX) if len(address) == 1 else socket.socket()
        self.sock.connect(address[0] if len(address) == 1 else address)
        self.file, self.lock, self.jobs, self.last = self.sock.makefile("rb"), threading.RLock(), {}, 0
        self.sock.sendall(b"GET /jobs/ HTTP/1.1\r\nHost: engine\r\n"
                          b"Connection: Upgrade\r\nUpgrade: enginejobs/1\r\n\r\n")
        head = b"".join(iter(lambda: self.file.readline().strip(), b""))  # to the blank line
        if not head.startswith(b"HTTP/1.1 101 "):
            raise JobError("unavailable", 0, "no engine is served there: %r" % head)
        self.send(HELLO, 0, number(1) + text("") + texts(["max-calls", "0"]))  # our window: the initial one
        self.id = cut(self.receive()[2], 4)[0]  # of a Hello; before it the version, 1 as in Upgrade
        threading.Thread(target=self.read, daemon=True).start()

    def job(self, name, *args, env={}, stdin=b"", timeout=None):
        """Start a job. env maps keys to str, bool, number, list or dict; stdin is bytes or a binary file."""
        message = text(name) + texts(args) + texts([s for key in env for s in (key, word(env[key]))])
        message += texts(["timeout-ms", str(max(1, int(timeout * 1000)))] if timeout else [])
        message = number(len(message)) + message
        source = io.BytesIO(stdin) if isinstance(stdin, bytes) else stdin
        with self.lock:  # numbers grow from call to call
            if self.jobs is None:
                raise JobError("unavailable", 0, "the connection to the engine ended")
            self.last += 1
            job = self.jobs[self.last] = Job(self, self.last)
            for at in range(0, len(message), PAYLOAD):
                self.send(CALL, job.call, message[at:at + PAYLOAD], flags=at + PAYLOAD < len(message))
        threading.Thread(target=job.feed, args=(source,), daemon=True).start()
        return job

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def send(self, kind, call, payload=b"", flags=0):
        with self.lock, contextlib.suppress(OSError):  # of a connection that ended: read notices, too
            self.sock.sendall(HEADER.pack(kind, flags, 0, call, len(payload)) + payload)

    def receive(self):
        kind, _, _, call, length = HEADER.unpack(self.file.read(HEADER.size))
        return kind, call, struct.unpack("%ds" % length, self.file.read(length))[0]  # fails when cut short

    def read(self):  # hands what arrives to the jobs
        with contextlib.suppress(OSError, struct.error):  # at the end of the connection
            while True:
                kind, call, payload = self.receive()
                if kind == PING:
                    self.send(PONG, 0)
                elif job := self.jobs.get(call):
                    (job.grants if kind == WINDOW else job.frames).put((kind, payload))
                    if kind == RESULT:
                        self.jobs.pop(call).grants.put((kind, payload))
        self.close()
        with self.lock:
            jobs, self.jobs = self.jobs, None
        for job in jobs.values():  # every job without a result has failed
            for q in job.frames, job.grants:
                q.put((RESULT, text("unavailable") + number(0) + text("the connection to the engine ended")))

class Job:
    """A running job. Iterate over it for its stdout; errors is its stderr until now."""
    def __init__(self, engine, call):
        self.engine, self.call, self.errors = engine, call, b""
        self.frames, self.grants = queue.Queue(), queue.Queue()

    def feed(self, source):  # sends stdin, as much at a time as the engine allows
        allowed = INITIAL_WINDOW
        while part := source.read(min(allowed, 65536)):
            self.engine.send(DATA, self.call, part)
            allowed -= len(part)
            while not allowed or not self.grants.empty():
                kind, payload = self.grants.get()
                if kind == RESULT:
                    return  # nobody reads the rest
                allowed += struct.unpack(">I", payload)[0]
        self.engine.send(EOF, self.call)

    def __iter__(self):
        """Yield stdout as it comes; in the end raise JobError if the job failed."""
        while (frame := self.frames.get())[0] != RESULT:
            kind, payload = frame
            if kind == ERR:
                self.errors += payload
            else:
                yield payload
            self.engine.send(WINDOW, self.call, number(len(payload)))  # consumed: as much again may come
        self.frames.put(frame)  # for who iterates again
        kind, at = cut(frame[1], 0)
        if kind:
            raise JobError(kind, struct.unpack_from(">i", frame[1], at)[0], cut(frame[1], at + 4)[0])

    def output(self):  # waits for the end
        return b"".join(self)

    def cancel(self):  # iterating then raises JobError, kind "canceled"
        self.engine.send(CANCEL, self.call)
