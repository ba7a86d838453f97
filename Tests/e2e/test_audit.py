"""The audit chain of the real binary: what is in it, who may see it, and that it shows every change."""

import json
import os
import subprocess
import threading

import httpx2 as httpx
import pytest

from harness import ADMIN_KEY, BINARY, Server, TOOLSET, World, wait_until


def perimeter(server, *arguments, status=0, key=ADMIN_KEY, text=None):
    environment = {"PATH": os.environ["PATH"], "HOME": str(server.folder), "ANTHROPIC_API_KEY": key, "PERIMETER_SERVER_URL": server.url}
    done = subprocess.run([BINARY, *arguments], env=environment, capture_output=True, timeout=120, input=text)
    assert done.returncode == status, f"{done.returncode}: {done.stdout[-500:]}{done.stderr}"
    return done


def export(server, file):
    perimeter(server, "audit", "export", str(file))
    return [json.loads(line) for line in file.read_text().splitlines()[:-1]]


def test_what_is_done_is_in_the_chain_and_a_change_is_found(tmp_path, start):
    settings = {"PERIMETER_DISK_LIMIT": "64MiB", "PERIMETER_ALLOWED_HOSTS": "allowed.example.com"}
    server = start(Server(tmp_path, command="up", **settings))
    world = World(server)
    made = world.raw.post("/v1/organizations/api_keys", json={"name": "for a test"}).json()
    world.raw.post(f"/v1/organizations/api_keys/{made['id']}", json={"status": "archived"})
    vault = world.client.beta.vaults.create(display_name="v")
    variable = {"type": "environment_variable", "secret_name": "TOKEN", "secret_value": "the-secret", "networking": {"type": "unrestricted"}}
    credential = world.client.beta.vaults.credentials.create(vault.id, auth=variable)
    environment = world.environment("cloud")
    session = world.client.beta.sessions.create(
        agent=world.agent(TOOLSET).id, environment_id=environment.id, vault_ids=[vault.id]
    )
    world.send(session, "```bash\necho of-the-tool; curl -sS https://nowhere.example.com\n```")
    world.finished(session)
    perimeter(server, "sessions", "upload", session.id, "-", "file", text=b"of a person")
    perimeter(server, "sessions", "attach", session.id, "--", "echo not-in-the-chain", text=b"")
    preview = world.raw.post(f"/v1/sessions/{session.id}/sandbox/previews", json={"port": 8080}).json()
    perimeter(server, "sessions", "pause", session.id)

    def refused():
        lines = world.raw.get("/v1/organizations/audit", params={"limit": 100}).json()["data"]
        return [item for item in lines if '"egress.denied"' in item["line"] and "nowhere.example.com" in item["line"]]

    # A worker reports refusals when it comes to it.
    wait_until(refused, 20, "the refusal")
    file = tmp_path / "audit"
    entries = export(server, file)
    did = [(entry["action"], entry["actor"]["type"]) for entry in entries]
    for action, actor in [
        ("key.created", "system"), ("key.created", "organization_key"), ("key.revoked", "organization_key"),
        ("vault.created", "organization_key"), ("credential.created", "organization_key"),
        ("environment.created", "organization_key"), ("agent.created", "organization_key"),
        ("session.created", "organization_key"), ("credentials.delivered", "work"), ("tool.called", "agent"),
        ("tool.answered", "work"), ("stream.opened", "organization_key"), ("preview.created", "organization_key"),
        ("sandbox.pause_requested", "organization_key"),
    ]:
        assert (action, actor) in did, f"{action} by {actor}: {did}"
    (delivered,) = [entry for entry in entries if entry["action"] == "credentials.delivered"]
    assert delivered["subject"] == session.id and delivered["details"] == {"credential_ids": [credential.id]}
    purposes = [entry["details"]["purpose"] for entry in entries if entry["action"] == "stream.opened"]
    assert purposes == ["upload", "attach"]
    text = file.read_text()
    for secret in ("the-secret", made["key"], ADMIN_KEY, "of-the-tool", "not-in-the-chain", preview["url"].split("//")[1][:32]):
        assert secret not in text

    # Offline: neither a server nor a key.
    server.stop()
    assert b"unbroken" in perimeter(server, "audit", "verify", str(file)).stdout
    lines = text.splitlines(keepends=True)
    middle = len(lines) // 2
    for name, broken, number in [
        ("changed", lines[:middle] + [lines[middle].replace('"subject":"', '"subject":"x')] + lines[middle + 1:], middle + 1),
        ("dropped", lines[:middle] + lines[middle + 1:], middle + 1),
        ("moved", lines[:middle] + [lines[middle + 1], lines[middle]] + lines[middle + 2:], middle + 1),
        ("cut", lines[:middle], middle + 1),
    ]:
        (tmp_path / name).write_text("".join(broken))
        message = perimeter(server, "audit", "verify", str(tmp_path / name), status=1).stderr.decode()
        assert f"line {number}:" in message, (name, message)
    head = json.loads(lines[-1])["hash"]
    perimeter(server, "audit", "verify", str(file), "--head", head)
    assert b"rewritten" in perimeter(server, "audit", "verify", str(file), "--head", "0" * 64, status=1).stderr


def test_the_chain_is_for_the_organisation_and_paged(rehearsal_server):
    world = World(rehearsal_server)
    made = world.raw.post("/v1/organizations/api_keys", json={"name": "k"}).json()
    path = "/v1/organizations/audit"
    assert rehearsal_server.raw(key=made["key"]).get(path).status_code == 403
    key = world.environment_key(world.environment())
    assert rehearsal_server.raw(key=key).get(path).status_code == 403
    seen, page = [], {}
    while True:
        answer = world.raw.get(path, params={"limit": 2, "order": "asc", **page}).json()
        seen += [item["seq"] for item in answer["data"]]
        if not answer["next_page"]:
            break
        page = {"page": answer["next_page"]}
    assert seen == list(range(1, len(seen) + 1)) and len(seen) >= 4
    latest = world.raw.get(path, params={"limit": 1}).json()["data"][0]
    assert latest["seq"] == seen[-1] and latest["type"] == "audit_line"
    for bad in ({"limit": 0}, {"order": "up"}, {"page": "x"}, {"x": 1}, {"order": "asc", "page": answer["next_page"] or "e30"}):
        assert world.raw.get(path, params=bad).status_code == 400
    assert b'"kind":"environment"' in perimeter(rehearsal_server, "audit", "list").stdout


@pytest.mark.parametrize("seed", range(2))
def test_a_kill_loses_neither_an_act_nor_its_line(tmp_path, start, seed):
    server = start(Server(tmp_path))
    world = World(server)
    answered = []

    def create():
        client = server.raw()
        while True:
            try:
                answer = client.post("/v1/organizations/workspaces", json={"name": "w"})
            except httpx.HTTPError:
                return
            answered.append(answer.json()["id"])

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(answered) > 60 + 40 * seed, 20, "some acts")
    server.kill()
    for thread in threads:
        thread.join(30)
    server.start()
    there = {item["id"] for item in world.raw.get("/v1/organizations/workspaces").json()["data"]} - {"wrkspc_default"}
    lines = {entry["subject"] for entry in export(server, tmp_path / "audit") if entry["action"] == "workspace.created"}
    assert there == lines and set(answered) <= there
    perimeter(server, "audit", "verify", str(tmp_path / "audit"))
