"""Packages of environments, from small registries that the tests serve, in real sandboxes."""

import hashlib
import http.server
import io
import subprocess
import threading
import zipfile
from email.utils import formatdate

import anthropic
import pytest

from harness import TOOLSET, Server, World, texts, wait_until


def wheel(name, version, text):
    """A wheel with one module and one program."""
    files = {
        f"{name}.py": f"def main():\n    print({text!r})\n",
        f"{name}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{name}-{version}.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{name}-{version}.dist-info/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n",
    }
    record = "".join(f"{path},,\n" for path in files)
    files[f"{name}-{version}.dist-info/RECORD"] = record + f"{name}-{version}.dist-info/RECORD,,\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return buffer.getvalue()


def debian_package(folder, name, text):
    """A package whose maintainer script does what such scripts do: makes a user and gives it a folder."""
    root = folder / name
    (root / "DEBIAN").mkdir(parents=True)
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin" / name).write_text(f"#!/bin/sh\necho {text}\n")
    (root / "usr/bin" / name).chmod(0o755)
    (root / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: 1.0\nArchitecture: all\nMaintainer: test <test@example.com>\nDescription: a test\n"
    )
    script = root / "DEBIAN/postinst"
    script.write_text(
        "#!/bin/sh\nset -e\necho 'shelf:x:999:' >> /etc/group\n"
        "echo 'shelf:x:999:999::/var/lib/shelf:/usr/sbin/nologin' >> /etc/passwd\n"
        "mkdir -p /var/lib/shelf; echo kept > /var/lib/shelf/state; chown -R shelf:shelf /var/lib/shelf\n"
    )
    script.chmod(0o755)
    target = folder / f"{name}.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", root, target], check=True, capture_output=True)
    return target.read_bytes()


class Registry(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.seen.append(self.path)
        if self.path.endswith(".whl"):
            self.server.is_open.wait(60)
        content = self.server.files.get(self.path)
        self.send_response(200 if content is not None else 404)
        self.send_header("content-length", str(len(content or b"")))
        if self.path.endswith("/"):
            self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """A Python index with one wheel and a Debian archive with one package."""
    module = wheel("perimeter_hello", "1.0", "hello from the wheel")
    package = debian_package(tmp_path_factory.mktemp("deb"), "perimeter-shelf", "hello from the package")
    index = (
        "Package: perimeter-shelf\nVersion: 1.0\nArchitecture: all\nMaintainer: test <test@example.com>\nDescription: a test\n"
        f"Filename: ./perimeter-shelf.deb\nSize: {len(package)}\nSHA256: {hashlib.sha256(package).hexdigest()}\n"
    ).encode()
    release = f"Suite: test\nDate: {formatdate(usegmt=True)}\nSHA256:\n {hashlib.sha256(index).hexdigest()} {len(index)} Packages\n".encode()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    file = "perimeter_hello-1.0-py3-none-any.whl"
    server.files = {
        "/simple/perimeter-hello/": f'<a href="/{file}#sha256={hashlib.sha256(module).hexdigest()}">{file}</a>'.encode(),
        "/simple/perimeter-elsewhere/": b'<a href="http://elsewhere.example.com/perimeter_elsewhere-1.0-py3-none-any.whl">x</a>',
        f"/{file}": module,
        "/apt/./Release": release, "/apt/./Packages": index, "/apt/./perimeter-shelf.deb": package,
        "/apt/Release": release, "/apt/Packages": index, "/apt/perimeter-shelf.deb": package,
    }  # fmt: skip
    server.seen, server.is_open = [], threading.Event()
    server.is_open.set()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def settings(registry):
    url = f"http://127.0.0.1:{registry.server_port}"
    return {
        "PERIMETER_DISK_LIMIT": "128MiB",
        "PERIMETER_MAX_IDLE_SECONDS": "2",
        "PERIMETER_PACKAGE_MIRROR_PIP": f"{url}/simple",
        "PERIMETER_PACKAGE_MIRROR_GEM": f"{url}/gems",
        "PERIMETER_PACKAGE_MIRROR_APT": f"deb [trusted=yes] {url}/apt ./",
    }


@pytest.fixture(scope="module")
def up(tmp_path_factory, registry):
    server = Server(tmp_path_factory.mktemp("packages"), command="up", **settings(registry)).start()
    yield World(server)
    server.stop()


def environment(world, metadata=None, **packages):
    networking = {"type": "limited", "allow_package_managers": True, "allowed_hosts": []}
    return world.client.beta.environments.create(
        name="test", config={"type": "cloud", "networking": networking, "packages": packages}, metadata=metadata or {}
    )


def answers(world, session):
    return texts([e for e in world.check(session) if e.type == "agent.tool_result"])


def test_packages_are_installed_once_and_serve_every_session(up, registry):
    place = environment(up, apt=["perimeter-shelf"], pip=["perimeter-hello==1.0"])
    look = "```bash\nperimeter_hello; perimeter-shelf; cat /var/lib/shelf/state; stat -c %u /var/lib/shelf; id -u\n"
    look += "python3 -c 'import perimeter_hello as h; h.main()'; dpkg-query -W perimeter-shelf; ls -A /workspace | wc -l\n"
    look += "touch /usr/local/bin/x 2>&1; ls /usr/sbin/policy-rc.d 2>&1 | grep -c 'No such'\n```"
    shown, before = [], len(registry.seen)
    for _ in range(2):
        session = up.session(TOOLSET, text=look, environment=place)
        up.idle(session, seconds=60)
        shown += answers(up, session)
    assert shown[0] == shown[1]
    lines = shown[0].split("\n")
    assert lines[:3] == ["hello from the wheel", "hello from the package", "kept"], shown
    assert lines[4] == "1000" and lines[5] == "hello from the wheel", shown
    assert lines[6] == "perimeter-shelf\t1.0" and lines[7] == "0", shown
    assert "Read-only file system" in lines[8] and lines[9] == "1", shown
    fetched = [path for path in registry.seen[before:] if path.endswith((".whl", ".deb"))]
    assert len(fetched) == 2, registry.seen
    with up.server.raw() as http:
        stages = http.get(f"/v1/sessions/{session.id}/sandbox").json()["stages"]
        assert {"packages", "create"} <= stages.keys(), stages
        assert 'stage="packages"' in http.get("/metrics").text


def test_a_package_that_is_not_there_is_an_error_that_says_so(up, registry):
    place = environment(up, pip=["perimeter-hello==2.0"])
    session = up.session(TOOLSET, text="```bash\necho never\n```", environment=place)
    up.idle(session, seconds=60)
    (shown,) = answers(up, session)
    assert "pip did not install perimeter-hello==2.0" in shown and "No matching distribution found" in shown, shown
    assert len(shown) < 2500 and "never" not in shown
    # Nobody knocks at the registry for every call; the same words come back at once.
    count = len(registry.seen)
    up.send(session, "```bash\necho again\n```")
    up.idle(session, 2, seconds=30)
    assert answers(up, session)[1] == shown and len(registry.seen) == count


def test_an_installation_reaches_registries_only(up):
    place = environment(up, pip=["perimeter-elsewhere"])
    session = up.session(TOOLSET, text="```bash\necho never\n```", environment=place)
    up.idle(session, seconds=60)
    (shown,) = answers(up, session)
    assert "pip did not install perimeter-elsewhere" in shown, shown
    assert "The sandbox may not reach elsewhere.example.com" in shown, shown


def test_a_manager_that_is_missing_is_named(up):
    place = environment(up, gem=["perimeter-hello"], metadata={"perimeter.output_limit": "64KiB"})
    session = up.session(TOOLSET, text="```bash\necho never\n```", environment=place)
    up.idle(session, seconds=60)
    (shown,) = answers(up, session)
    assert "gem did not install perimeter-hello" in shown, shown


def test_an_environment_lets_programs_change_the_system(up):
    with pytest.raises(anthropic.BadRequestError, match="writable or read_only"):
        environment(up, metadata={"perimeter.system": "yes"})
    place = environment(up, pip=["perimeter-hello"], metadata={"perimeter.system": "writable", "perimeter.idle_seconds": "1"})
    session = up.session(TOOLSET, text="```bash\nid -u; perimeter_hello; echo own > /etc/own; rm /usr/bin/env\n```", environment=place)
    up.idle(session, seconds=60)
    assert answers(up, session)[0].startswith("0\nhello from the wheel")
    # The sandbox ends with its idle session; the next message finds the files in another one.
    with up.server.raw() as http:
        wait_until(lambda: http.get(f"/v1/sessions/{session.id}/sandbox").status_code == 200, 10)
    up.send(session, "```bash\ncat /etc/own; ls /usr/bin/env 2>&1\n```")
    up.idle(session, 2, seconds=30)
    shown = answers(up, session)[1]
    assert shown.startswith("own\n") and "No such file" in shown, shown


def test_a_worker_that_dies_while_it_installs(tmp_path, start, registry):
    server = start(Server(tmp_path, command="up", PERIMETER_LEASE_SECONDS="2", **settings(registry)))
    world = World(server)
    place, before = environment(world, pip=["perimeter-hello"]), len(registry.seen)
    registry.is_open.clear()
    try:
        session = world.session(TOOLSET, text="```bash\nperimeter_hello\n```", environment=place)
        wait_until(lambda: any(path.endswith(".whl") for path in registry.seen[before:]), 30, "pip fetches the wheel")
        server.kill()
    finally:
        registry.is_open.set()
    server.start()
    world.finished(session, seconds=60)
    world.send(session, "```bash\nperimeter_hello\n```")
    world.finished(session, 2, seconds=30)
    assert answers(world, session)[-1].strip() == "hello from the wheel"
    server.stop()
    data = str(tmp_path / "data")
    assert data not in open("/proc/mounts").read()
    assert [path.name for path in tmp_path.rglob("packages-*.img")] == []
    assert len(list(tmp_path.rglob("packages-*.snapshot"))) == 1
