"""Drives the daemon of DOCKER_HOST with docker-py: docker_py_suite.py REGISTRY.
Every call of the library that asks the daemon is counted."""
import io, json, os, sys, tarfile, time

import docker
from docker import errors, types

REGISTRY, HOST = sys.argv[1], os.environ["DOCKER_HOST"]
calls = 0


class Session(docker.APIClient):
    """Counts requests by the methods of the library that make them."""

    def send(self, *args, **kwargs):
        global calls
        calls += 1
        return super().send(*args, **kwargs)


def client(version="auto"):
    c = docker.DockerClient(base_url=HOST, version=version, timeout=30)
    c.api = Session(base_url=HOST, version=version, timeout=30)
    return c


def refused(kind, words, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except kind as e:
        assert words in str(e), (words, str(e))
        return e
    raise AssertionError("%s was not refused" % words)


def system(c):
    assert c.ping() is True
    v = c.version()
    assert v["Os"] == "linux" and v["MinAPIVersion"] == "1.6", v
    info = c.info()
    assert info["OSType"] == "linux" and info["Images"] >= 1 and info["Swarm"]["LocalNodeState"] == "inactive", info
    df = c.df()
    assert "ImageUsage" in df or {"LayersSize", "Images", "Containers", "Volumes"} <= set(df), df  # since 1.52, and before
    told = c.login("u", "p", registry="http://" + REGISTRY)
    assert told, told
    began = int(time.time()) - 5
    box = c.containers.create("busybox", "true", name="told")
    box.remove()
    told = [e for e in c.events(since=began, until=int(time.time()) + 1, decode=True) if e["Type"] == "container" and e["Actor"]["ID"] == box.id]
    assert [e["Action"] for e in told] == ["create", "destroy"], told
    live = c.events(decode=True, filters={"event": "create", "container": "live"})
    c.containers.create("busybox", "true", name="live").remove()
    assert next(live)["Actor"]["Attributes"]["name"] == "live"
    live.close()


def containers(c):
    box = c.containers.create(
        "busybox", ["sh", "-c", "echo out; echo err >&2; sleep 1000"], name="full", environment={"A": "1", "B": "two words"}, labels={"l": "v"},
        hostname="host1", working_dir="/tmp", user="1:1", mem_limit="64m", cpu_shares=512, ports={"80/tcp": ("127.0.0.1", None)},
        volumes={"named": {"bind": "/data", "mode": "rw"}}, tmpfs={"/scratch": "size=1m"}, cap_drop=["NET_RAW"], dns=["8.8.8.8"],
        extra_hosts={"far": "10.1.2.3"}, restart_policy={"Name": "on-failure", "MaximumRetryCount": 2}, ulimits=[types.Ulimit(name="nofile", soft=100, hard=200)],
        healthcheck={"test": ["CMD", "true"], "interval": 10**9}, log_config=types.LogConfig(type="json-file", config={"max-size": "1m"}),
        sysctls={"net.ipv4.ip_forward": "0"}, init=True, stop_signal="SIGKILL", read_only=True, shm_size="8m", pids_limit=100)
    box.start()
    box.reload()
    host = box.attrs["HostConfig"]
    assert box.status == "running" and box.labels == {"l": "v"} and host["Memory"] == 64 << 20 and host["PidsLimit"] == 100 and host["Init"] is True, box.attrs
    assert int(box.ports["80/tcp"][0]["HostPort"]) > 0, box.ports
    code, out = box.exec_run(["sh", "-c", "id -u; pwd; hostname; echo $B; ulimit -n; grep -c far /etc/hosts"])
    assert code == 0 and out == b"1\n/tmp\nhost1\ntwo words\n100\n1\n", (code, out)
    code, (out, err) = box.exec_run(["sh", "-c", "echo o; echo e >&2; exit 4"], demux=True, environment={"X": "y"}, user="0", workdir="/")
    assert (code, out, err) == (4, b"o\n", b"e\n"), (code, out, err)
    made = c.api.exec_create(box.id, "cat", stdin=True, tty=True)
    s = c.api.exec_start(made["Id"], detach=False, socket=True, tty=True)
    s._sock.sendall(b"typed\n")
    assert b"typed" in s._sock.recv(64)
    c.api.exec_resize(made["Id"], height=20, width=60)
    assert c.api.exec_inspect(made["Id"])["Running"]
    s.close()
    assert box.top()["Titles"] and box.top(ps_args="aux")["Processes"]
    sample = box.stats(stream=False)
    assert sample["memory_stats"]["usage"] > 0 and sample["id"] == box.id, sample
    assert next(iter(box.stats(decode=True)))["name"] == "/full"
    box.update(cpu_shares=256)
    box.pause(), box.reload()
    assert box.status == "paused"
    box.unpause()
    box.rename("fuller")
    assert box.logs(stdout=True, stderr=False) == b"out\n" and box.logs(stdout=False, stderr=True) == b"err\n"
    assert box.logs(timestamps=True, tail=1).startswith(b"20") and box.logs(since=int(time.time()) + 100) == b""
    box.kill("SIGCONT")
    box.restart(timeout=0)
    for _ in range(50):
        box.reload()
        if box.attrs["State"]["Health"]["Status"] == "healthy":
            break
        time.sleep(0.1)
    assert box.attrs["State"]["Health"]["Status"] == "healthy", box.attrs["State"]
    box.stop(timeout=0)
    assert box.wait()["StatusCode"] == 137
    assert [x.name for x in c.containers.list(all=True, filters={"label": "l=v"})] == ["fuller"]
    assert c.containers.list(filters={"name": "fuller"}) == [] and c.containers.get("fuller").id == box.id
    box.remove(v=True)
    refused(errors.NotFound, "No such container", c.containers.get, "fuller")


def files(c):
    box = c.containers.run("busybox", "sleep 1000", detach=True, name="files")
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as t:
        info = tarfile.TarInfo("note")
        info.size = 4
        t.addfile(info, io.BytesIO(b"text"))
    assert box.put_archive("/tmp", content.getvalue())
    chunks, stat = box.get_archive("/tmp/note")
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as t:
        assert t.extractfile("note").read() == b"text" and stat["size"] == 4, stat
    assert {"Path": "/tmp/note", "Kind": 1} in box.diff(), box.diff()
    assert b"tmp/note" in b"".join(box.export())
    image = box.commit("kept", "v1", message="why", author="me", changes=["USER 7"], conf={"Cmd": ["id", "-u"]})
    assert c.containers.run(image.id, remove=True) == b"7\n"
    refused(errors.NotFound, "", box.get_archive, "/none")
    box.remove(force=True)
    c.images.remove("kept:v1")


def runs(c):
    assert c.containers.run("busybox", "echo hello", remove=True) == b"hello\n"
    e = refused(errors.ContainerError, "non-zero exit status 3", c.containers.run, "busybox", ["sh", "-c", "echo why >&2; exit 3"], remove=True)
    assert e.exit_status == 3 and e.stderr == b"why\n", e.stderr
    refused(errors.ImageNotFound, "none", c.api.create_container, "none:v1", "true")
    box = c.containers.create("busybox", "cat", stdin_open=True, name="talks")
    s = box.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
    box.start()
    s._sock.sendall(b"through\n")
    head = s._sock.recv(8)
    assert head[:4] == b"\1\0\0\0" and s._sock.recv(64) == b"through\n", head
    s._sock.close()
    box.kill()
    tty = c.containers.run("busybox", "sleep 1000", tty=True, detach=True, name="tty")
    tty.resize(30, 90)
    lines = c.containers.run("busybox", ["sh", "-c", "echo 1; echo 2"], detach=True, name="lines")
    assert b"".join(lines.logs(stream=True, follow=True)) == b"1\n2\n"
    before = c.containers.create("busybox", ["sh", "-c", "echo 1; echo 2"])
    said = before.attach(stream=True)  # docker-py loses what comes together with the answer
    before.start()
    assert b"".join(said) == b"1\n2\n"
    before.remove(force=True)
    refused(errors.APIError, "Conflict", c.containers.create, "busybox", "true", name="lines")
    refused(errors.APIError, "running container", tty.remove)
    tty.remove(force=True)
    if docker.utils.version_lt(c.api.api_version, "1.25"):
        box.remove(), lines.remove()
        return
    time.sleep(1.1)
    assert len(c.containers.prune(filters={"until": "1s"})["ContainersDeleted"]) == 2


def images(c):
    image = c.images.get("busybox")
    assert "busybox:latest" in image.tags and image.id.startswith("sha256:") and image.short_id and image.history(), image.attrs
    name = REGISTRY + "/team/py"
    assert image.tag(name, "v1")
    pushed = [json.loads(x) for x in c.images.push(name, tag="v1").splitlines()]
    assert any("digest" in m.get("status", "") for m in pushed), pushed
    data = c.images.get_registry_data(name + ":v1")
    assert data.id.startswith("sha256:") and data.has_platform("linux/amd64"), data.attrs
    c.images.remove(name + ":v1")
    assert c.images.pull(name, tag="v1").tags == [name + ":v1"] or name + ":v1" in c.images.pull(name, tag="v1").tags
    assert c.images.search(REGISTRY + "/found")[0]["name"] == "team/found"
    saved = b"".join(image.save(named="busybox:latest"))
    assert "busybox:latest" in c.images.load(saved)[0].tags
    assert name + ":v1" in [t for i in c.images.list(name=name) for t in i.tags] and len(c.images.list(filters={"dangling": True})) < 9
    assert "status" in c.api.import_image_from_data(tarred("f", "x"), repository="single", tag="v1")
    c.images.remove("single:v1", force=True)
    refused(errors.ImageNotFound, "No such image", c.images.get, "none")
    refused(errors.APIError, "", c.images.remove, "none")
    assert c.images.prune(filters={"dangling": True})["SpaceReclaimed"] >= 0


def tarred(name, text):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        info = tarfile.TarInfo(name)
        info.size = len(text)
        t.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


def builds(c):
    text = "FROM busybox AS one\nARG WORD=no\nRUN echo $WORD > /f\nFROM busybox\nCOPY --from=one /f /f\nLABEL a=b\nCMD cat /f\n"
    image, log = c.images.build(fileobj=io.BytesIO(tarred("Dockerfile", text)), custom_context=True, tag="py:built", buildargs={"WORD": "yes"}, labels={"x": "y"}, rm=True)
    assert "py:built" in image.tags and image.labels == {"a": "b", "x": "y"} and any("Successfully built" in m.get("stream", "") for m in log)
    assert c.containers.run("py:built", remove=True) == b"yes\n"
    e = refused(errors.BuildError, "returned a non-zero code: 9", c.images.build, fileobj=io.BytesIO(b"FROM busybox\nRUN exit 9\n"), rm=True, forcerm=True)
    assert any("Step 2/2" in m.get("stream", "") for m in e.build_log)
    refused(errors.APIError, "unknown instruction", c.images.build, fileobj=io.BytesIO(b"FROM busybox\nNONSENSE\n"))
    assert "SpaceReclaimed" in c.images.prune_builds()
    c.images.remove("py:built")


def networks(c):
    pool = types.IPAMConfig(pool_configs=[types.IPAMPool(subnet="192.168.213.0/24", gateway="192.168.213.1")])
    net = c.networks.create("pynet", driver="bridge", labels={"l": "v"}, ipam=pool, check_duplicate=True)
    box = c.containers.run("busybox", "sleep 1000", detach=True, name="member")
    net.connect(box, aliases=["other"], ipv4_address="192.168.213.9")
    net.reload()
    assert [m.name for m in net.containers] == ["member"] and net.attrs["IPAM"]["Config"][0]["Subnet"] == "192.168.213.0/24", net.attrs
    assert b"192.168.213.9" in c.containers.run("busybox", "nslookup other", network="pynet", remove=True)
    assert [n.name for n in c.networks.list(names=["pynet"])] == ["pynet"] and c.networks.list(filters={"label": "l=v"})
    refused(errors.APIError, "active endpoints", net.remove)
    net.disconnect(box, force=True)
    net.remove()
    refused(errors.NotFound, "pynet", c.networks.get, "pynet")
    c.networks.create("idle")
    assert c.networks.prune()["NetworksDeleted"] == ["idle"]
    box.remove(force=True)


def volumes(c):
    vol = c.volumes.create("pyvol", driver="local", labels={"l": "v"}, driver_opts={"type": "tmpfs", "device": "tmpfs", "o": "size=1m"})
    assert c.volumes.get("pyvol").attrs["Labels"] == {"l": "v"} and vol.name in [v.name for v in c.volumes.list(filters={"label": "l=v"})]
    c.containers.run("busybox", "touch /v/f", volumes={"pyvol": {"bind": "/v"}}, remove=True)
    mount = types.Mount(target="/m", source="pyvol", type="volume", read_only=True)
    refused(errors.ContainerError, "Read-only", c.containers.run, "busybox", "touch /m/f", mounts=[mount], remove=True)
    holder = c.containers.create("busybox", "true", volumes=["pyvol:/v"])
    refused(errors.APIError, "volume is in use", vol.remove)
    holder.remove()
    vol.remove()
    refused(errors.NotFound, "pyvol", c.volumes.get, "pyvol")
    c.volumes.create()
    assert "VolumesDeleted" in c.volumes.prune()


def absent(c):
    manager = "This node is not a swarm manager"
    for call in (c.nodes.list, c.services.list, c.secrets.list, c.configs.list, c.api.inspect_swarm, c.api.tasks, c.swarm.reload):
        e = refused(errors.APIError, manager, call)
        assert e.status_code == 503, e.status_code
    refused(errors.APIError, "not part of a swarm", c.swarm.leave)
    assert c.plugins.list() == []
    refused(errors.NotFound, 'plugin "x" not found', c.plugins.get, "x")


parts = (system, containers, files, runs, images, builds, networks, volumes, absent)
for version, some in (("auto", parts), ("1.41", parts), ("1.24", (runs, files)), ("1.21", (files,))):
    c = client(version)
    for part in some:
        try:
            part(c)
        except Exception:
            print("version %s, %s:" % (version, part.__name__), file=sys.stderr)
            raise
    c.close()
print("%d calls by docker-py %s" % (calls, docker.__version__))
sys.exit(0 if calls >= 100 else "only %d calls" % calls)
