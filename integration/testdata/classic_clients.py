"""Speaks API 1.6, 1.12 and 1.17 as programs of their time did, with nothing but the
standard library: classic_clients.py SOCKET REGISTRY LOCKED...,
where the locked registries want tester with the password sesame. Every shape is that of the
published descriptions of these versions."""
import base64, http.client, io, json, socket, struct, sys, tarfile, time

SOCKET, REGISTRY, LOCKED = sys.argv[1], sys.argv[2], sys.argv[3:]
calls = 0


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(SOCKET)


class Client:
    def __init__(self, version):
        self.version, self.v = version, tuple(int(x) for x in version.split("."))

    def call(self, method, path, body=None, headers=None, want=200):
        global calls
        calls += 1
        headers = dict(headers or {})
        headers["User-Agent"] = "Docker-Client/0.6.5"
        if isinstance(body, (dict, list)):
            body, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        elif method == "POST" and body is None:
            headers["Content-Type"] = "plain/text"  # as the client of then spelled it
        c = Connection("docker")
        c.request(method, "/v%s%s" % (self.version, path), body, headers)
        r = c.getresponse()
        data = r.read()
        assert r.status == want, (self.version, method, path, r.status, data, want)
        c.close()
        return r, data

    def json(self, method, path, body=None, want=200, **kw):
        r, data = self.call(method, path, body, want=want, **kw)
        assert r.getheader("Content-Type") == "application/json", r.getheaders()
        return json.loads(data)

    def messages(self, method, path, body=None, headers=None):
        r, data = self.call(method, path, body, headers)
        out, decode, text = [], json.JSONDecoder(), data.decode()
        while text.strip():
            m, n = decode.raw_decode(text.lstrip())
            out.append(m)
            text = text.lstrip()[n:]
        assert all("error" not in m for m in out), out
        return out

    def attach(self, container, query, stdin=b""):
        """Takes the connection over without an Upgrade, as clients before 1.5 did."""
        global calls
        calls += 1
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(20)
        s.connect(SOCKET)
        s.sendall(("POST /v%s/containers/%s/attach?%s HTTP/1.1\r\nHost: docker\r\nContent-Type: plain/text\r\n\r\n" % (self.version, container, query)).encode())
        f = s.makefile("rb")
        assert f.readline() == b"HTTP/1.1 200 OK\r\n"
        head = []
        while True:
            line = f.readline()
            if line == b"\r\n":
                break
            head.append(line)
        assert b"Content-Type: application/vnd.docker.raw-stream\r\n" in head, head
        assert not any(h.startswith((b"Transfer-Encoding", b"Content-Length", b"Upgrade")) for h in head), head
        if stdin:
            s.sendall(stdin)
            s.shutdown(socket.SHUT_WR)
        return f


def frames(data):
    out = {1: b"", 2: b""}
    while data:
        kind, length = struct.unpack(">BxxxI", data[:8])
        out[kind] += data[8:8 + length]
        data = data[8 + length:]
    return out[1], out[2]


def only(document, keys, name):
    """The document has these members, of these types, and no others."""
    missing = [k for k in keys if k not in document]
    extra = [k for k in document if k not in keys]
    assert not missing and not extra, (name, "missing", missing, "extra", extra)
    has(document, keys, name)


def has(document, keys, name):
    for k, kind in keys.items():
        assert k in document and isinstance(document[k], kind), (name, k, document.get(k))


def tar(**files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            t.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


def system(c):
    keys = {"Version": str, "GitCommit": str, "GoVersion": str}
    has(c.json("GET", "/version"), keys, "version")
    info = c.json("GET", "/info")
    has(info, {"Containers": int, "Images": int, "NFd": int, "NGoroutines": int, "KernelVersion": str, "IndexServerAddress": str}, "info")
    for k in ("Debug", "MemoryLimit", "SwapLimit", "IPv4Forwarding"):
        assert type(info[k]) is int, (k, info[k])  # true booleans came with 1.19
    if c.v >= (1, 17):
        has(info, {"ID": str, "Name": str, "NCPU": int, "MemTotal": int, "RegistryConfig": dict}, "info 1.17")
    for path in ("/nothing", "/containers/nobody/json"):
        r, data = c.call("GET", path, want=404)
        assert r.getheader("Content-Type") == "text/plain; charset=utf-8", r.getheaders()
        assert not data.startswith(b"{"), data


def images(c):
    rows = c.json("GET", "/images/json")
    if c.v < (1, 7):
        row = [r for r in rows if r["Repository"] == "busybox"][0]
        only(row, {"Repository": str, "Tag": str, "Id": str, "Created": int, "Size": int, "VirtualSize": int}, "image row")
    else:
        row = [r for r in rows if "busybox:latest" in r["RepoTags"]][0]
        has(row, {"RepoTags": list, "Id": str, "ParentId": str, "Created": int, "Size": int, "VirtualSize": int}, "image row")
    one = c.json("GET", "/images/busybox/json")
    if c.v < (1, 12):
        has(one, {"id": str, "created": str, "architecture": str}, "raw image")
        assert "Id" not in one, one
    else:
        has(one, {"Id": str, "Created": str, "Architecture": str, "Size": int, "VirtualSize": int, "Config": dict}, "image")
    past = c.json("GET", "/images/busybox/history")
    has(past[0], {"Id": str, "Created": int, "CreatedBy": str}, "history")
    c.call("POST", "/images/busybox/tag?repo=%s/team/box&tag=v%s&force=1" % (REGISTRY, c.version), want=201)
    auth = {"X-Registry-Auth": base64.urlsafe_b64encode(b'{"username":"u","password":"p","email":"","serveraddress":""}').decode()}
    name = "%s/team/box" % REGISTRY
    assert c.messages("POST", "/images/%s/push?tag=v%s" % (name, c.version), headers=auth)
    gone = c.json("DELETE", "/images/%s:v%s" % (name, c.version))
    assert gone and list(gone[0]) == ["Untagged"], gone
    told = c.messages("POST", "/images/create?fromImage=%s&tag=v%s" % (name, c.version), headers=auth)
    assert any("status" in m for m in told), told
    told = c.messages("POST", "/images/create?fromSrc=-&repo=made&tag=v%s" % c.version, tar(f="x"))
    assert "status" in told[-1], told
    c.call("DELETE", "/images/made:v%s" % c.version)


def containers(c):
    name = "old%s" % c.version.replace(".", "")
    config = {"Image": "busybox", "Cmd": ["sh", "-c", "read x; echo out $x; echo err >&2; exit 3"], "OpenStdin": True, "StdinOnce": True, "Memory": 33554432,
              "ExposedPorts": {"80/tcp": {}}, "Env": ["A=1"]}
    made = c.json("POST", "/containers/create?name=" + name, config, want=201)
    has(made, {"Id": str}, "created")
    assert len(made["Id"]) == 64 and made["Warnings"] is None, made
    f = c.attach(name, "stream=1&stdin=1&stdout=1&stderr=1", b"word\n")
    c.call("POST", "/containers/%s/start" % name, {"PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}, "Dns": ["8.8.8.8"]}, want=204)
    assert frames(f.read()) == (b"out word\n", b"err\n")
    assert c.json("POST", "/containers/%s/wait" % name) == {"StatusCode": 3}
    box = c.json("GET", "/containers/%s/json" % name)
    identity = "ID" if c.v < (1, 12) else "Id"
    has(box, {identity: str, "Created": str, "Path": str, "Args": list, "Config": dict, "State": dict, "Image": str, "NetworkSettings": dict,
              "ResolvConfPath": str, "HostnamePath": str, "HostsPath": str, "Name": str, "Volumes": dict, "VolumesRW": dict}, "inspect")
    assert box["Name"] == "/" + name and box["Config"]["Memory"] == 33554432 and box["State"]["ExitCode"] == 3, box
    assert type(box["State"]["Running"]) is bool and ("Id" if c.v < (1, 12) else "ID") not in box
    has(box["NetworkSettings"], {"IPAddress": str, "IPPrefixLen": int, "Gateway": str, "Bridge": str}, "network")
    assert box["NetworkSettings"]["PortMapping"] is None
    row = [r for r in c.json("GET", "/containers/json?all=1") if r["Id"] == made["Id"]][0]
    has(row, {"Id": str, "Names": list, "Image": str, "Command": str, "Created": int, "Status": str, "Ports": list}, "row")
    assert row["Names"] == ["/" + name] and row["Status"].startswith("Exited (3)"), row
    if c.v >= (1, 11):
        _, text = c.call("GET", "/containers/%s/logs?stdout=1" % name)
        assert frames(text) == (b"out word\n", b""), text
    f = c.attach(name, "logs=1&stdout=1&stderr=1")  # replays what was said
    assert frames(f.read()) == (b"out word\n", b"err\n")
    r, archive = c.call("POST", "/containers/%s/copy" % name, {"Resource": "/etc/hostname", "HostPath": "."})
    with tarfile.open(fileobj=io.BytesIO(archive)) as t:
        assert t.getnames() == ["hostname"], t.getnames()
    assert [list(x) for x in c.json("GET", "/containers/%s/changes" % name)] in ([], [["Path", "Kind"]] * 1, [["Path", "Kind"]] * 2)
    image = c.json("POST", "/commit?container=%s&repo=kept&tag=v%s&comment=why&author=me" % (name, c.version), {"Cmd": ["true"]}, want=201)
    assert list(image) == ["Id"], image
    c.call("DELETE", "/images/kept:v%s" % c.version)
    c.call("DELETE", "/containers/%s?v=1" % name, want=204)
    c.call("DELETE", "/containers/%s" % name, want=404)


def running(c):
    name = "run%s" % c.version.replace(".", "")
    c.json("POST", "/containers/create?name=" + name, {"Image": "busybox", "Cmd": ["sh", "-c", "stty -echo; cat"], "Tty": True, "OpenStdin": True}, want=201)
    f = c.attach(name, "stream=1&stdout=1&stdin=1")
    c.call("POST", "/containers/%s/start" % name, want=204)
    top = c.json("GET", "/containers/%s/top" % name)
    assert "Titles" in top and top["Processes"], top
    box = c.json("GET", "/containers/json")[0]
    assert box["Status"].startswith(("Up ", "Up")), box
    c.call("POST", "/containers/%s/resize?h=24&w=80" % name)
    c.call("POST", "/containers/%s/start" % name, want=304)
    if c.v >= (1, 12):
        c.call("POST", "/containers/%s/pause" % name, want=204)
        c.call("POST", "/containers/%s/unpause" % name, want=204)
    if c.v >= (1, 15):
        made = c.json("POST", "/containers/%s/exec" % name, {"Cmd": ["echo", "hi"], "AttachStdout": True}, want=201)
        _, text = c.call("POST", "/exec/%s/start" % made["Id"], {"Detach": False, "Tty": False})
        assert frames(text) == (b"hi\n", b""), text
        seen = c.json("GET", "/exec/%s/json" % made["Id"])
        has(seen, {"ID": str, "Running": bool, "ExitCode": int, "ProcessConfig": dict, "OpenStdin": bool, "Container": dict}, "exec")
    if c.v >= (1, 17):
        c.call("POST", "/containers/%s/rename?name=%s-new" % (name, name), want=204)
        name += "-new"
        stream = Connection("docker")  # without an end: stream=0 came with 1.19
        stream.request("GET", "/v%s/containers/%s/stats" % (c.version, name))
        sample = json.loads(stream.getresponse().readline())
        stream.close()
        has(sample, {"read": str, "cpu_stats": dict, "memory_stats": dict}, "stats")
    c.call("POST", "/containers/%s/kill" % name, want=204)
    f.read()
    c.call("POST", "/containers/%s/restart?t=1" % name, want=204)
    c.call("POST", "/containers/%s/stop?t=0" % name, want=204)
    c.call("POST", "/containers/%s/stop?t=0" % name, want=304)
    c.call("DELETE", "/containers/%s" % name, want=204)


def builds(c):
    context = tar(Dockerfile="FROM busybox\nMAINTAINER me\nADD f /f\nRUN cat /f\n", f="in the context\n")
    config = base64.urlsafe_b64encode(b'{"https://index.docker.io/v1/":{"username":"u","password":"p"}}').decode()
    headers = {"Content-Type": "application/tar", "X-Registry-Config": config}
    query = "/build?t=built:v%s&rm=1" % c.version
    if c.v < (1, 8):
        r, data = c.call("POST", query, context, headers)
        text = data.decode()
        assert not text.startswith("{"), text
    else:
        text = "".join(m.get("stream", "") for m in c.messages("POST", query, context, headers))
    assert "Step 0 : FROM busybox" in text and "in the context" in text and "Successfully built " in text, text
    c.call("DELETE", "/images/built:v%s" % c.version)
    if c.v < (1, 12):  # a file of elsewhere as a layer of an image
        told = c.messages("POST", "/images/busybox/insert?path=/put/in&url=http://%s/v2/" % REGISTRY)
        image = told[-1]["status"].strip()
        assert len(image.split(":")[-1]) == 64, told
        made = c.json("POST", "/containers/create", {"Image": image, "Cmd": ["ls", "/put"]}, want=201)
        c.call("POST", "/containers/%s/start" % made["Id"], want=204)
        c.json("POST", "/containers/%s/wait" % made["Id"])
        assert frames(c.attach(made["Id"], "logs=1&stdout=1").read()) == (b"in\n", b"")
        c.call("DELETE", "/containers/" + made["Id"], want=204)
        c.call("DELETE", "/images/" + image)


def locked(c):
    """Registries that want a name: by Basic, and by a token."""
    encoded = lambda document: base64.urlsafe_b64encode(json.dumps(document).encode()).decode()
    for host in LOCKED:
        user = {"username": "tester", "password": "sesame", "email": "me@example.org", "serveraddress": "http://%s/v1/" % host}
        told = c.json("POST", "/auth", user)
        assert told["Status"] == "Login Succeeded", told
        c.call("POST", "/auth", dict(user, password="wrong"), want=401)
        name = "%s/team/shut%s" % (host, c.version.replace(".", ""))
        c.call("POST", "/images/busybox/tag?repo=%s&tag=v1" % name, want=201)
        assert "error" in refused(c, "/images/%s/push?tag=v1" % name, {"X-Registry-Auth": encoded({})})
        auth = {"X-Registry-Auth": encoded(user)}
        c.messages("POST", "/images/%s/push?tag=v1" % name, headers=auth)
        c.call("DELETE", "/images/%s:v1" % name)
        assert "error" in refused(c, "/images/create?fromImage=%s&tag=v1" % name, {"X-Registry-Auth": encoded(dict(user, password="wrong"))})
        c.messages("POST", "/images/create?fromImage=%s&tag=v1" % name, headers=auth)
        c.call("DELETE", "/images/%s:v1" % name)
        keys = {"username": "tester", "password": "sesame", "auth": "", "email": ""}
        # The whole of a .dockercfg until 1.18, by its addresses alone since then.
        for shape in ({"configs": {host: keys}}, {host: keys}, {"http://%s/v1/" % host: keys}):
            headers = {"Content-Type": "application/tar", "X-Registry-Config": encoded(shape)}
            _, data = c.call("POST", "/build?t=shut&rm=1", tar(Dockerfile="FROM %s:v1\nENV a=b\n" % name), headers)
            assert b"Successfully built " in data, (shape, data)
            c.call("DELETE", "/images/shut")
            c.call("DELETE", "/images/%s:v1" % name)


def refused(c, path, headers):
    """What a stream, or an answer that is no stream, says went wrong."""
    global calls
    calls += 1
    conn = Connection("docker")
    conn.request("POST", "/v%s%s" % (c.version, path), None, headers)
    r = conn.getresponse()
    text = r.read().decode()
    conn.close()
    return "error" if r.status >= 400 and text else text


def links(c):
    """A container that has another by an alias: its address, its variables, its hosts."""
    v = c.version.replace(".", "")
    c.json("POST", "/containers/create?name=db" + v, {"Image": "busybox", "Cmd": ["sleep", "1000"], "Env": ["WHO=db"], "ExposedPorts": {"5432/tcp": {}}}, want=201)
    c.call("POST", "/containers/db%s/start" % v, want=204)
    address = c.json("GET", "/containers/db%s/json" % v)["NetworkSettings"]["IPAddress"]
    c.json("POST", "/containers/create?name=web" + v, {"Image": "busybox", "Cmd": ["sh", "-c", "env; cat /etc/hosts"]}, want=201)
    c.call("POST", "/containers/web%s/start" % v, {"Links": ["db%s:store" % v]}, want=204)
    assert c.json("POST", "/containers/web%s/wait" % v) == {"StatusCode": 0}
    out, _ = frames(c.attach("web" + v, "logs=1&stdout=1").read())
    out = out.decode().replace("\t", " ")
    for line in ("STORE_PORT=tcp://%s:5432" % address, "STORE_PORT_5432_TCP_ADDR=" + address, "STORE_NAME=/web%s/store" % v, "STORE_ENV_WHO=db", "%s store" % address):
        assert line in out, (line, out)
    names = [r["Names"] for r in c.json("GET", "/containers/json?all=1") if "/db" + v in r["Names"]][0]
    assert "/web%s/store" % v in names, names
    c.call("DELETE", "/containers/web%s/store?link=1" % v, want=204)
    c.call("DELETE", "/containers/web%s" % v, want=204)
    c.call("DELETE", "/containers/db%s" % v, want=409)
    c.call("DELETE", "/containers/db%s?force=1" % v, want=204)


def events(c, since):
    _, data = c.call("GET", "/events?since=%d&until=%d" % (since, int(time.time()) + 1))
    told, decode, text = [], json.JSONDecoder(), data.decode()
    while text.strip():
        m, n = decode.raw_decode(text.lstrip())
        told.append(m)
        text = text.lstrip()[n:]
    for m in told:
        only(m, {k: v for k, v in {"status": str, "id": str, "from": str, "time": int}.items() if k in m or k in ("status", "time")}, "event")
    names = [m["status"] for m in told]
    assert all(x in names for x in ("create", "start", "die", "destroy")), names


for version in ("1.6", "1.12", "1.17"):
    c, began = Client(version), int(time.time())
    for part in (system, images, containers, links, running, builds, locked):
        try:
            part(c)
        except Exception:
            print("API %s, %s:" % (version, part.__name__), file=sys.stderr)
            raise
    events(c, began)
print("%d calls of API 1.6, 1.12 and 1.17" % calls)
