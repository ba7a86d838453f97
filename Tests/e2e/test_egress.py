"""The way out of real sandboxes: rules, requests read inside TLS, secrets that never come in, and what is told of refusals."""

import http.server
import json
import ssl
import subprocess
import threading

import pytest

from harness import Server, World, message, texts, wait_until
from private_network import private_network

SECRET = "never-inside-5f2c9e"
# Longer than any pause of a test: what a shell knows, and what runs, stays.
KEPT = {"PERIMETER_MAX_IDLE_SECONDS": "60"}
# The loopback of a sandbox is its own; here it stands for a host outside.
PROXIED = "export NO_PROXY= no_proxy="


class Echo(http.server.BaseHTTPRequestHandler):
    """Keeps what it was asked, and answers with the path."""

    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        self.server.seen.append({"method": self.command, "path": self.path, "fields": dict(self.headers), "body": body})
        answer = f"got {self.path}\n".encode()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *_):
        pass


def tls_server(tmp_path, name, address):
    """A TLS server under an authority of its own, as an organisation has one."""
    make = f"""set -e
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=house 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out host.csr -subj /CN={name} 2>/dev/null
    printf 'subjectAltName=DNS:{name}' > names
    openssl x509 -req -in host.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out host.pem 2>/dev/null"""
    folder = tmp_path / "host"
    folder.mkdir()
    subprocess.run(["bash", "-c", make], cwd=folder, check=True)
    server = http.server.ThreadingHTTPServer(address, Echo)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "host.pem", folder / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.seen, server.authority = [], str(folder / "ca.pem")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture
def host(tmp_path):
    server = tls_server(tmp_path, "localhost", ("127.0.0.1", 0))
    yield server
    server.shutdown()
    server.server_close()


class Plain(http.server.BaseHTTPRequestHandler):
    """Says hello; below /slow it says so once and then waits for the other side to go."""

    def do_GET(self):
        if self.path == "/slow":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\nbegin\n")
            self.server.slow.set()
            while self.rfile.read1():
                pass
            self.server.gone.set()
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello from " + self.headers["host"].encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def network(tmp_path):
    """A network with names of its own, of which an operator may open all addresses."""
    with private_network({"open.example": "127.5.0.1", "closed.example": "127.5.0.2"}, tmp_path):
        yield


@pytest.fixture
def plain(network):
    """An HTTP server on port 80 of every address."""
    server = http.server.ThreadingHTTPServer(("0.0.0.0", 80), Plain)
    server.slow, server.gone = threading.Event(), threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def limited(*hosts):
    return {"type": "cloud", "networking": {"type": "limited", "allowed_hosts": list(hosts)}}


def answers(world, session):
    events = [e for e in world.check(session) if e.type in ("user.tool_result", "agent.tool_result")]
    return texts(events)


def run(world, session, *commands):
    """What the commands print, one call each."""
    for command in commands:
        count = len(answers(world, session))
        world.send(session, f"```bash\n{command}\n```")
        wait_until(lambda: len(answers(world, session)) > count, 30, command)
        world.idle(session, count + 1, seconds=30)
    return answers(world, session)[-len(commands) :]


def test_secrets_stay_outside_and_reach_their_host(world, worker, host, tmp_path):
    port = host.server_port
    vaults = world.client.beta.vaults
    vault = vaults.create(display_name="v")
    auth = {
        "type": "environment_variable", "secret_name": "TOKEN", "secret_value": SECRET,
        "networking": {"type": "limited", "allowed_hosts": ["localhost"]},
    }  # fmt: skip
    credential = vaults.credentials.create(vault.id, auth=auth)
    environment = world.environment()
    process = worker(
        world, environment, PERIMETER_ALLOWED_HOSTS=f"localhost:{port}", PERIMETER_EGRESS_AUTHORITY=host.authority, **KEPT
    )
    session = world.client.beta.sessions.create(
        agent=world.agent(model="rehearsal-1").id, environment_id=environment.id, vault_ids=[vault.id]
    )
    url = f"https://localhost:{port}"
    python = (
        "python3 -c \"import os, urllib.request as u; print(u.urlopen(u.Request('" + url + "/python', "
        "headers={'Authorization': 'Bearer ' + os.environ['TOKEN']}), timeout=20).read().decode())\""
    )
    shown = run(
        world, session,
        PROXIED, f'curl -sS -m 20 -H "Authorization: Bearer $TOKEN" -u "me:$TOKEN" -d "token=$TOKEN" {url}/curl',
        python, "env; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'; echo $TOKEN",
    )[1:]  # fmt: skip
    assert "got /curl" in shown[0] and "got /python" in shown[1], shown
    curl, python = host.seen
    assert python["fields"]["Authorization"] == f"Bearer {SECRET}"
    assert curl["body"] == f"token={SECRET}"
    assert SECRET not in json.dumps(shown) and "perimeter-placeholder-" in shown[2]
    # A new value counts for the running session.
    vaults.credentials.update(
        credential.id, vault_id=vault.id, auth={"type": "environment_variable", "secret_value": "rotated-" + SECRET}
    )

    def rotated():
        run(world, session, f'curl -sS -m 20 -H "X-Key: $TOKEN" {url}/again')
        return host.seen[-1]["fields"].get("X-Key") == "rotated-" + SECRET

    wait_until(rotated, 10, "the new value")
    process.stop()
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.stat().st_size < 1 << 24:
            assert SECRET.encode() not in path.read_bytes(), path


def test_requests_are_judged_inside_tls_and_refusals_are_told(world, worker, host, tmp_path):
    port = host.server_port
    rules = f"GET https://localhost:{port}/open/*,deny https://localhost:{port}/open/secret*"
    environment = world.environment()
    leaks = tmp_path / "leaks"
    leaks.write_text("# what nobody outside hears of\nredact project Bluebird\n")
    worker(
        world, environment, PERIMETER_ALLOWED_HOSTS=rules, PERIMETER_EGRESS_AUTHORITY=host.authority,
        PERIMETER_EGRESS_LEAK_RULES=str(leaks), **KEPT,
    )  # fmt: skip
    session = world.client.beta.sessions.create(
        agent=world.agent(model="rehearsal-1").id, environment_id=environment.id
    )
    url = f"https://localhost:{port}"
    shown = run(
        world, session, PROXIED, f"curl -sS -m 20 {url}/open/a", f"curl -sS -m 20 {url}/open/secret.txt",
        f"curl -sS -m 20 -X DELETE {url}/open/a", f"curl -sS -m 20 --path-as-is {url}/open/../etc",
        "curl -sS -m 20 https://example.com/ 2>&1; curl -sS -m 20 http://169.254.169.254/latest",
    )[1:]  # fmt: skip
    assert "got /open/a" in shown[0]
    assert "refuses it" in shown[1] and f"may not send DELETE {url.rsplit(':', 1)[0]}/open/a" in shown[2]
    assert "refuses it" in shown[3] or "may not send" in shown[3]
    assert "169.254.169.254" in shown[4]
    assert [(r["method"], r["path"]) for r in host.seen] == [("GET", "/open/a")]
    with world.server.raw() as http:
        sandbox = lambda: http.get(f"/v1/sessions/{session.id}/sandbox").json()
        wait_until(lambda: sum(d["count"] for d in sandbox()["egress_denials"]) >= 5, 10, "the refusals are told")
        denials = sandbox()["egress_denials"]
    assert all(d["count"] >= 1 and d["reason"].startswith("The sandbox may not") for d in denials)
    log = next((tmp_path).rglob("egress/requests/*.jsonl"))
    wait_until(lambda: len(log.read_text().splitlines()) >= 6, 10, "the request log")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(x["method"], x["path"], x["outcome"]) for x in lines][0] == ("GET", "/open/a", "carried")
    assert lines[0]["inspected"] and lines[0]["bytes_in"] > 0 and lines[0]["session_id"] == session.id
    assert log.stat().st_mode & 0o777 == 0o600
    # One connection carries several requests, to the gate and from there to the host.
    shared = run(world, session, f"curl -sS -m 20 -w '%{{num_connects}}.' {url}/open/b {url}/open/c")[0]
    assert shared == "got /open/b\n1.got /open/c\n0.", shared
    run(world, session, f"curl -sS -m 20 -H 'X-Note: for Bluebird' '{url}/open/d?project=Bluebird'")
    assert host.seen[-1]["fields"]["X-Note"] == "for [redacted:project]"
    assert host.seen[-1]["path"] == "/open/d?project=%5Bredacted:project%5D"


def test_rules_of_an_environment_count_for_running_sessions(plain, start, worker, tmp_path):
    world = World(start(Server(tmp_path)))
    environments = world.client.beta.environments
    environment = environments.create(name="e", config=limited())
    process = worker(world, environment, PERIMETER_ALLOWED_HOSTS="127.5.0.0/16", **KEPT)
    session = world.client.beta.sessions.create(
        agent=world.agent(model="rehearsal-1").id, environment_id=environment.id
    )
    fetch = "curl -sS -m 20 http://open.example/"
    assert "may not reach open.example" in run(world, session, fetch)[0]

    def says(text, command=fetch):
        wait_until(lambda: text in run(world, session, command)[0], 10, text)

    environments.update(environment.id, config=limited("open.example"))
    says("hello from open.example")
    # An open tunnel ends with its rule.
    run(world, session, "curl -sSNp -x http://127.0.0.1:3128 http://open.example/slow > slow.txt 2>&1 &")
    assert plain.slow.wait(40) and not plain.gone.is_set()
    environments.update(environment.id, config=limited("closed.example"))
    assert plain.gone.wait(40)
    says("may not reach open.example")
    says("hello from closed.example", "curl -sS -m 20 http://closed.example/")
    environments.update(environment.id, metadata={"perimeter.leak_block": "aws_key"})
    says("'aws_key' about leaks refuses it", "curl -sS -m 20 http://closed.example/?k=AKIAIOSFODNN7EXAMPLE")
    # Nothing leaves an archived environment, also where the operator's own rules would let it.
    says("hello from 127.5.0.1", "curl -sS -m 20 http://127.5.0.1/")
    environments.archive(environment.id)
    says("its network policy allows no host", "curl -sS -m 20 http://127.5.0.1/")
    process.stop()
    assert "egress denied" in process.log.read_text() and "host=open.example" in process.log.read_text()


# What a program does that reads no variables for proxies.
NAKED = "unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy"


def test_programs_that_know_no_proxy_reach_what_is_allowed(plain, start, worker, tmp_path):
    world = World(start(Server(tmp_path)))
    vaults = world.client.beta.vaults
    vault = vaults.create(display_name="v")
    auth = {
        "type": "environment_variable", "secret_name": "TOKEN", "secret_value": SECRET,
        "networking": {"type": "limited", "allowed_hosts": ["open.example"]},
    }  # fmt: skip
    vaults.credentials.create(vault.id, auth=auth)
    other = http.server.ThreadingHTTPServer(("127.5.0.1", 8080), Plain)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    host = tls_server(tmp_path, "open.example", ("127.5.0.1", 443))
    environment = world.environment()
    # The addresses behind names are the operator's to open here, since they are not public.
    rules = "open.example,open.example:8080,127.5.0.0/16:*"
    worker(world, environment, PERIMETER_ALLOWED_HOSTS=rules, PERIMETER_EGRESS_AUTHORITY=host.authority, **KEPT)
    session = world.client.beta.sessions.create(
        agent=world.agent(model="rehearsal-1").id, environment_id=environment.id, vault_ids=[vault.id]
    )
    speak = (
        "python3 -c \"import socket; s = socket.create_connection(('open.example', 8080), 20); "
        "s.sendall(b'GET / HTTP/1.0\\r\\nHost: open.example:8080\\r\\n\\r\\n'); print(s.makefile().read())\""
    )
    shown = run(
        world, session, NAKED, "curl -sS -m 20 http://open.example/", speak,
        'curl -sS -m 20 -H "X-Key: $TOKEN" https://open.example/tls',
        "curl -sS -m 20 http://closed.example/ 2>&1; getent hosts unknown.example; echo $?",
        "curl -sS -m 20 http://127.5.0.1/ 2>&1",
        "(python3 -m http.server --bind 127.0.0.1 80 > /dev/null 2>&1 &); "
        "curl -sS --retry 60 --retry-connrefused --retry-delay 1 -o /dev/null -w '%{http_code}' http://127.0.0.1/",
    )[1:]  # fmt: skip
    assert "hello from open.example" in shown[0]
    assert "hello from open.example:8080" in shown[1]
    assert "got /tls" in shown[2] and host.seen[-1]["fields"]["X-Key"] == SECRET
    assert "not resolve host: closed.example" in shown[3] and shown[3].rstrip().endswith("2")
    assert "127.5.0.1 port 80" in shown[4], "an address without a name is the sandbox's own loopback"
    assert shown[5].endswith("200")
    with world.server.raw() as api:
        told = lambda: [d["reason"] for d in api.get(f"/v1/sessions/{session.id}/sandbox").json()["egress_denials"]]
        wait_until(lambda: any("may not reach closed.example" in reason for reason in told()), 10, "the refusal is told")
    for server in (other, host):
        server.shutdown()
        server.server_close()
