"""Vaults on the command line, and the life of the master key."""

import json
import os
import re
import sqlite3
import subprocess

import pytest

from harness import ADMIN_KEY, BINARY, Server, World, message, texts, wait_until

NETWORKING = {"type": "unrestricted"}


@pytest.fixture
def perimeter(rehearsal_server):
    def run(*arguments, status=0, text=None):
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(rehearsal_server.folder), "ANTHROPIC_API_KEY": ADMIN_KEY,
            "PERIMETER_SERVER_URL": rehearsal_server.url,
        }  # fmt: skip
        done = subprocess.run(
            [BINARY, *arguments], env=environment, input=text, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == status, f"{done.returncode}: {done.stdout}{done.stderr}"
        assert "never-shown" not in done.stdout + done.stderr
        return done

    return run


def test_credentials_on_the_command_line(perimeter, world, tmp_path):
    vault = json.loads(perimeter("vaults", "create", "--name", "team", "--json").stdout)["id"]
    assert vault in perimeter("vaults", "list").stdout
    create = ("vaults", "credentials", "create", vault)
    perimeter(*create, "--variable", "TOKEN", "--host", "a.example.com", "--host", "*.b.example.com", text="never-shown\n")
    perimeter(*create, "--mcp-server", "https://mcp.example.com", "--name", "m", text="never-shown\n")
    file = tmp_path / "credential.yaml"
    file.write_text("auth: {type: static_bearer, token: never-shown, mcp_server_url: 'https://other.example.com'}\n")
    perimeter(*create, "--file", str(file))
    credentials = world.client.beta.vaults.credentials
    listed = {c.auth.type: c for c in credentials.list(vault)}
    variable = listed["environment_variable"]
    assert variable.auth.networking.allowed_hosts == ["a.example.com", "*.b.example.com"]
    shown = perimeter("vaults", "credentials", "list", vault).stdout
    assert "TOKEN" in shown and "https://mcp.example.com" in shown and "https://other.example.com" in shown
    perimeter("vaults", "credentials", "replace", vault, variable.id, text="other never-shown")
    assert credentials.retrieve(variable.id, vault_id=vault).updated_at > variable.updated_at
    agent, environment = world.agent(model="rehearsal-1"), world.environment("cloud")
    session = ("sessions", "create", "--agent", agent.id, "--environment", environment.id, "--vault", vault, "--json")
    assert json.loads(perimeter(*session).stdout)["vault_ids"] == [vault]
    perimeter("vaults", "credentials", "archive", vault, variable.id)
    perimeter("vaults", "credentials", "delete", vault, variable.id)
    perimeter("vaults", "archive", vault)
    perimeter("vaults", "delete", vault)
    perimeter("vaults", "get", vault, status=3)
    assert "secret" in perimeter(*create, "--variable", "TOKEN", text="", status=2).stderr
    perimeter(*create, "--variable", "TOKEN", "--file", "x", status=2)


def test_placeholders_stay_when_the_worker_is_killed(world, worker):
    vaults = world.client.beta.vaults
    vault = vaults.create(display_name="v")
    auth = {"type": "environment_variable", "secret_name": "A", "secret_value": "never-shown", "networking": NETWORKING}
    vaults.credentials.create(vault.id, auth=auth)
    environment = world.environment()
    first = worker(world, environment, PERIMETER_LEASE_SECONDS="2", PERIMETER_MAX_IDLE_SECONDS="60")
    session = world.client.beta.sessions.create(
        agent=world.agent(model="rehearsal-1").id, environment_id=environment.id, vault_ids=[vault.id],
        initial_events=[message("```bash\necho =$A=\nmark=7\n```")],
    )  # fmt: skip
    world.finished(session)
    first.kill()
    queue = world.server.client(key=world.environment_key(environment)).beta.environments.work
    # A call that comes while the lost lease lasts counts as one that may have run.
    wait_until(lambda: [w.state for w in queue.list(environment.id)] == ["queued"], 20, "the lease is lost")
    worker(world, environment, PERIMETER_LEASE_SECONDS="2")
    world.send(session, "```bash\necho =$A=$mark\n```")
    world.finished(session, 2, seconds=60)
    shown = texts([e for e in world.check(session) if e.type == "user.tool_result"])
    assert re.fullmatch(r"=perimeter-placeholder-[\w-]{43}=", shown[0].strip())
    assert shown[1].strip() == shown[0].strip() + "7", "the same shell, the same placeholder"


class Stopped:
    """A server with one credential that can be started with changed settings."""

    def __init__(self, folder):
        self.folder = folder
        self.key_file = folder / "data" / "master-key"
        server = Server(folder).start()
        vaults = World(server).client.beta.vaults
        self.vault = vaults.create(display_name="v").id
        auth = {"type": "environment_variable", "secret_name": "A", "secret_value": "s", "networking": NETWORKING}
        vaults.credentials.create(self.vault, auth=auth)
        server.stop()

    def sealed(self):
        with sqlite3.connect(self.folder / "data" / "perimeter.db") as database:
            return database.execute("SELECT master_key_id, sealed FROM credentials").fetchone()

    def starts(self, **settings):
        server = Server(self.folder, **settings).start()
        assert World(server).client.beta.vaults.credentials.list(self.vault).data
        server.stop()

    def refuses(self, **settings):
        environment = {**Server(self.folder, **settings).environment}
        done = subprocess.run([BINARY, "server"], env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and "master key" in done.stderr and "remedy" in done.stderr
        return done.stderr

    def rekey(self, status=0, **settings):
        environment = {**Server(self.folder, **settings).environment}
        done = subprocess.run([BINARY, "vaults", "rekey"], env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == status, done.stderr
        return done


def test_the_master_key_is_replaced_while_the_server_is_stopped(tmp_path):
    stopped = Stopped(tmp_path)
    old = stopped.key_file.read_text()
    assert stopped.key_file.stat().st_mode & 0o777 == 0o600
    before = stopped.sealed()
    assert stopped.rekey().stdout.endswith(": 1\n")
    new = stopped.key_file.read_text()
    assert new != old and len(new.splitlines()) == 1 and stopped.key_file.stat().st_mode & 0o777 == 0o600
    assert stopped.sealed()[0] != before[0] and stopped.sealed()[1] != before[1]
    stopped.starts()

    # As after a rekey that was killed between its steps: the file has both keys, the secret is under the older one.
    stopped.key_file.write_text(f"{'k' * 64}\n{new}")
    before = stopped.sealed()
    stopped.starts()
    assert stopped.sealed()[0] != before[0]
    stopped.key_file.write_text("k" * 64 + "\n")
    stopped.starts()
    assert stopped.rekey().returncode == 0

    stopped.rekey(status=2, PERIMETER_MASTER_KEY="x" * 64)
    running = Server(tmp_path).start()
    stopped.rekey(status=1)
    running.stop()


def test_without_its_master_key_a_server_does_not_start(tmp_path):
    stopped = Stopped(tmp_path)
    key = stopped.key_file.read_text().strip()
    stopped.key_file.unlink()
    stopped.refuses()
    assert not stopped.key_file.exists(), "no other key takes its place"
    stopped.refuses(PERIMETER_MASTER_KEY="x" * 64)
    stopped.starts(PERIMETER_MASTER_KEY=f"{'x' * 64},{key}")
    stopped.starts(PERIMETER_MASTER_KEY="x" * 64)
    assert key not in stopped.refuses(PERIMETER_MASTER_KEY=key)
