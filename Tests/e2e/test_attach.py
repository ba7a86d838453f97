"""People in a session's sandbox: shells, commands, files and ports, through the server and the worker's own connections."""

import concurrent.futures
import fcntl
import http.client
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import tarfile
import termios
import time
import urllib.parse
import urllib.request

import pytest

from harness import ADMIN_KEY, BINARY, Server, TOOLSET, World, wait_until


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    server = Server(
        tmp_path_factory.mktemp("attach"), command="up", PERIMETER_DISK_LIMIT="256MiB"
    ).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def world(up):
    return World(up)


@pytest.fixture(scope="module")
def session(world):
    return world.session(TOOLSET, kind="cloud")


def environment(up, key=ADMIN_KEY):
    return {
        "PATH": os.environ["PATH"], "HOME": str(up.folder), "ANTHROPIC_API_KEY": key, "PERIMETER_SERVER_URL": up.url,
    }


@pytest.fixture
def perimeter(up):
    def run(*arguments, status=0, text=None, key=ADMIN_KEY):
        done = subprocess.run(
            [BINARY, "sessions", *arguments], env=environment(up, key), input=text, capture_output=True, timeout=120
        )
        assert done.returncode == status, f"{done.returncode}: {done.stdout[-500:]}{done.stderr}"
        return done

    return run


def test_a_command_has_its_input_output_and_status(perimeter, session):
    done = perimeter("attach", session.id, "--", "id -u; cat; echo to-error >&2; exit 4", text=b"from stdin\n", status=4)
    assert done.stdout == b"1000\nfrom stdin\nto-error\n"
    # Without a command, standard input is a script.
    assert perimeter("attach", session.id, text=b"echo $((6 * 7))\n").stdout == b"42\n"


def test_what_cannot_be_opened_says_why(perimeter, world, session):
    assert b"no session" in perimeter("attach", "sesn_none", "--", "true", text=b"", status=3).stderr
    perimeter("attach", session.id, "--", "true", text=b"", key="sk-ant-api03-wrong", status=4)
    archived = world.session(TOOLSET, kind="cloud")
    world.client.beta.sessions.archive(archived.id)
    perimeter("attach", archived.id, "--", "true", text=b"", status=1)
    path = f"/v1/sessions/{session.id}/sandbox/streams"
    for query, reason in [
        ("", "type"), ("?type=dance", "type"), ("?type=port", "port"), ("?type=port&port=70000", "port"),
        ("?type=command", "command"), ("?type=terminal&columns=0", "columns"), ("?type=terminal&x=1", "x"),
    ]:
        answer = world.raw.post(path + query)
        assert answer.status_code == 400 and reason in answer.json()["error"]["message"], answer.text
    # Only the serving worker's token is let near the other side.
    assert world.raw.get(path + "/next").status_code == 403
    assert world.raw.post(path + "/strm_1").status_code == 403


def test_files_go_in_and_come_out_whole(perimeter, session, tmp_path):
    big = tmp_path / "big"
    big.write_bytes(os.urandom(20_000_000))
    perimeter("upload", session.id, str(big), "deep/it's here/big")
    perimeter("download", session.id, "deep/it's here/big", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == big.read_bytes()
    perimeter("upload", session.id, "-", "small", text=b"\x00\xff")
    assert perimeter("download", session.id, "small", "-").stdout == b"\x00\xff"
    perimeter("download", session.id, "deep", str(tmp_path / "deep.tar"))
    with tarfile.open(tmp_path / "deep.tar") as archive:
        assert "./it's here/big" in archive.getnames()
    assert b"no readable file" in perimeter("download", session.id, "nothing", str(tmp_path / "n"), status=3).stderr
    assert b"not written" in perimeter("upload", session.id, str(big), "/usr/bin/big", status=1).stderr
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["back", "big", "deep.tar"]


def test_a_port_is_reached_many_times_at_once(up, perimeter, session):
    perimeter("upload", session.id, "-", "web/data", text=os.urandom(3_000_000))
    expected = perimeter("download", session.id, "web/data", "-").stdout
    serve = "cd web; python3 -m http.server 8000 >/dev/null 2>&1 & for n in $(seq 100); do (echo > /dev/tcp/127.0.0.1/8000) 2>/dev/null && exit; sleep 0.1; done; exit 1"
    perimeter("attach", session.id, "--", serve, text=b"")
    forward = subprocess.Popen(
        [BINARY, "sessions", "forward", session.id, "0:8000"], env=environment(up), stderr=subprocess.PIPE, text=True
    )
    try:
        address = re.search(r"http://127.0.0.1:\d+", forward.stderr.readline()).group()

        def fetch(_):
            return urllib.request.urlopen(address + "/data", timeout=60).read() == expected

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            assert all(pool.map(fetch, range(16)))
    finally:
        forward.send_signal(signal.SIGINT)
        forward.wait(30)


class Terminal:
    """`sessions attach` on a terminal of a known size."""

    def __init__(self, up, session, columns, rows):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.execve(BINARY, [BINARY, "sessions", "attach", session.id], environment(up))
        self.resize(columns, rows)
        self.seen = b""

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys):
        os.write(self.master, keys)

    def until(self, mark, seconds=40):
        deadline = time.monotonic() + seconds
        while not re.search(mark, self.seen):
            assert time.monotonic() < deadline, self.seen
            if select.select([self.master], [], [], 0.5)[0]:
                try:
                    self.seen += os.read(self.master, 65536)
                except OSError:
                    break
        assert re.search(mark, self.seen), self.seen
        return self.seen

    def end(self):
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_a_person_has_a_terminal_and_the_agent_goes_on(up, world):
    environment = world.environment("cloud", metadata={"perimeter.idle_seconds": "1"})
    session = world.session(TOOLSET, environment=environment)
    terminal = Terminal(up, session, 101, 37)
    terminal.until(rb"Ctrl-\] leaves")
    terminal.type(b"stty -echo; PS1=; echo rea''dy\r")
    terminal.until(rb"ready")
    terminal.resize(90, 20)
    time.sleep(0.5)
    terminal.type(b"stty size; tty; echo shared > note\r")
    terminal.until(rb"20 90\r\n/dev/pts/\d+")
    # Beyond the idle time: the session stays, because a person is there; and its tools see the same files.
    time.sleep(3)
    world.send(session, "```bash\ncat note; echo from the agent > answer\n```")
    assert world.finished(session).type == "end_turn"
    world.send(session, "```bash\nsleep 300\n```")
    wait_until(lambda: len(world.history(session, types=["agent.tool_use"])) == 2, 10, "the long call")
    world.send(session, {"type": "user.interrupt"})
    wait_until(lambda: world.status(session) == "idle", 20, "the interrupt")
    terminal.type(b"cat answer\r")
    terminal.until(rb"from the agent")
    terminal.type(b"exit 3\r")
    assert terminal.end() == 3


def test_who_leaves_takes_the_foreground_along(up, world, perimeter):
    session = world.session(TOOLSET, kind="cloud")
    terminal = Terminal(up, session, 80, 24)
    terminal.until(rb"leaves")
    terminal.type(b"sleep 4715\r")
    running = "grep -l 471[5] /proc/[0-9]*/cmdline | wc -l"
    wait_until(lambda: perimeter("attach", session.id, "--", running, text=b"").stdout.strip() == b"1", 10, "the sleep")
    terminal.type(b"\x1d")
    assert terminal.end() == 0
    wait_until(lambda: perimeter("attach", session.id, "--", running, text=b"").stdout.strip() == b"0", 10, "the end")


def test_ssh_with_keys_of_its_own(up, perimeter, world, tmp_path):
    session = world.session(TOOLSET, kind="cloud")
    done = perimeter("ssh", session.id, "--", "echo over ssh; id -un; pwd; exit 6", text=b"", status=6)
    assert done.stdout.split() == [b"over", b"ssh", b"agent", b"/workspace"]
    # An editor or rsync uses the printed block: files, and a port inside.
    config = tmp_path / "config"
    config.write_bytes(perimeter("ssh", session.id, "--print").stdout)
    (tmp_path / "file").write_bytes(os.urandom(100_000))
    copy = ["scp", "-F", str(config), str(tmp_path / "file"), f"{session.id}:copied"]
    subprocess.run(copy, env=environment(up), check=True, timeout=60)
    assert perimeter("download", session.id, "copied", "-").stdout == (tmp_path / "file").read_bytes()
    kept = pathlib.Path(re.search(r"IdentityFile (.*)/user", config.read_text()).group(1))
    assert kept.stat().st_mode & 0o777 == 0o700
    # Another key is not let in.
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")], check=True)
    text = re.sub(r"IdentityFile .*", f"IdentityFile {tmp_path}/other", config.read_text())
    config.write_text(text)
    refused = subprocess.run(
        ["ssh", "-F", str(config), session.id, "true"], env=environment(up), capture_output=True, timeout=60
    )
    shutil.rmtree(kept)
    assert refused.returncode == 255 and b"Permission denied" in refused.stderr


def fetch(up, url, method="GET", body=None, headers={}):
    """One request to a preview, as a browser that resolves names below localhost would send it."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", up.port, timeout=60)
    connection.request(method, parts.path or "/", body, {"Host": parts.netloc, **headers})
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read()


APP = r"""
import http.server, socketserver
class App(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.path == "/parts":
            self.send_response(200); self.send_header("Transfer-Encoding", "chunked"); self.end_headers()
            for n in range(3): self.wfile.write(b"5\r\npart%d\r\n" % n)
            return self.wfile.write(b"0\r\n\r\n")
        body = ("%s %s" % (self.path, self.headers["Host"])).encode()
        self.answer(201, body)
    def do_POST(self):
        self.answer(200, self.rfile.read(int(self.headers["Content-Length"])))
    def answer(self, status, body):
        self.send_response(status); self.send_header("Content-Length", str(len(body))); self.send_header("X-App", "1")
        self.end_headers(); self.wfile.write(body)
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", 8100), App).serve_forever()
"""


def test_a_port_is_shown_until_it_expires(up, perimeter, world, session):
    perimeter("upload", session.id, "-", "app.py", text=APP.encode())
    perimeter("attach", session.id, "--", "python3 app.py >/dev/null 2>&1 & for n in $(seq 100); do (echo > /dev/tcp/127.0.0.1/8100) 2>/dev/null && exit; sleep 0.1; done; exit 1", text=b"")
    url = perimeter("preview", session.id, "8100").stdout.decode().strip()
    assert re.fullmatch(rf"http://[a-z2-7]{{32}}\.preview\.localhost:{up.port}/", url)
    status, headers, body = fetch(up, url + "page")
    assert (status, body) == (201, b"/page localhost:8100")
    assert headers["X-App"] == "1" and headers["referrer-policy"] == "same-origin"
    data = os.urandom(2_000_000)
    assert fetch(up, url, "POST", data)[2] == data
    assert fetch(up, url + "parts")[2] == b"part0part1part2"
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda n: fetch(up, f"{url}{n}")[2] == f"/{n} localhost:8100".encode(), range(40)))

    previews = f"/v1/sessions/{session.id}/sandbox/previews"
    (listed,) = world.raw.get(previews).json()["data"]
    assert listed["port"] == 8100 and "url" not in listed and url.split(".")[0][7:] not in json.dumps(listed)
    # Nobody's secret, another secret, and a port on which nothing listens.
    assert fetch(up, f"http://nothing.preview.localhost:{up.port}/")[0] == 404
    assert fetch(up, f"http://{'a' * 32}.preview.localhost:{up.port}/v1/agents")[0] == 404
    closed = world.raw.post(previews, json={"port": 8199}).json()["url"]
    assert fetch(up, closed)[0] == 502
    brief = world.raw.post(previews, json={"port": 8100, "expires_in": 1}).json()["url"]
    time.sleep(1.2)
    assert fetch(up, brief)[0] == 404
    assert world.raw.delete(f"{previews}/{listed['id']}").status_code == 200
    assert fetch(up, url)[0] == 404
    for body in ({}, {"port": 0}, {"port": "80"}, {"port": 80, "expires_in": 0}, {"port": 80, "x": 1}):
        assert world.raw.post(previews, json=body).status_code == 400


def test_sessions_start_from_a_kept_sandbox(up, perimeter, world):
    original = world.session(TOOLSET, kind="cloud")
    perimeter("attach", original.id, "--", "echo kept > file; mkdir d; echo deep > d/file", text=b"")
    perimeter("snapshot", original.id, "base")
    perimeter("attach", original.id, "--", "echo changed > file", text=b"")
    environment_id = original.environment_id
    for number in range(2):
        (created,) = [
            json.loads(line)
            for line in perimeter(
                "create", "--agent", original.agent.id, "--environment", environment_id, "--from-snapshot", "base", "--json"
            ).stdout.splitlines()
        ]
        done = perimeter("attach", created["id"], "--", f"cat file d/file; echo {number} > file", text=b"")
        assert done.stdout == b"kept\ndeep\n"
    assert perimeter("attach", original.id, "--", "cat file", text=b"").stdout == b"changed\n"
    assert b"" != perimeter("snapshot", original.id, "base", status=1).stderr, "a name is taken once"
    # An environment can say it for all its sessions.
    world.client.beta.environments.update(environment_id, metadata={"perimeter.snapshot": "base"})
    plain = world.client.beta.sessions.create(agent=original.agent.id, environment_id=environment_id)
    assert perimeter("attach", plain.id, "--", "cat file d/file", text=b"").stdout == b"kept\ndeep\n"
    # Another environment does not see it, and a name that is none is refused at once.
    other = world.session(TOOLSET, kind="cloud")
    stranger = world.client.beta.sessions.create(
        agent=other.agent.id, environment_id=other.environment_id, metadata={"perimeter.snapshot": "base"}
    )
    assert b"no snapshot" in perimeter("attach", stranger.id, "--", "true", text=b"", status=1).stderr
    answer = world.raw.post(
        "/v1/sessions",
        json={"agent": other.agent.id, "environment_id": other.environment_id, "metadata": {"perimeter.snapshot": "../x"}},
    )
    assert answer.status_code == 400 and "perimeter.snapshot" in answer.json()["error"]["message"]


def test_streams_outlive_the_moment_in_which_a_session_is_left(perimeter, world):
    environment = world.environment("cloud", metadata={"perimeter.idle_seconds": "1"})
    session = world.session(TOOLSET, environment=environment)
    # Again and again just when the idle session's sandbox is given up: whoever serves it next takes the stream.
    for pause in (0.9, 0.95, 1.0, 1.05, 1.1, 1.15):
        assert perimeter("attach", session.id, "--", "echo there", text=b"").stdout == b"there\n"
        time.sleep(pause)
