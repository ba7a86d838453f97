import datetime
import re
import sqlite3

import anthropic
import pytest

from harness import Server, World, message, texts, tool_use

BEARER = {"type": "static_bearer", "token": "tok-1-never-shown", "mcp_server_url": "https://mcp.example.com/sse"}
VARIABLE = {
    "type": "environment_variable",
    "secret_name": "GITHUB_TOKEN",
    "secret_value": "ghp-never-shown",
    "networking": {"type": "limited", "allowed_hosts": ["api.github.com", "*.example.com"]},
}
OAUTH = {
    "type": "mcp_oauth",
    "mcp_server_url": "https://oauth.example.com/mcp",
    "access_token": "access-never-shown",
    "expires_at": "2099-01-01T00:00:00+02:00",
    "refresh": {
        "client_id": "client",
        "refresh_token": "refresh-never-shown",
        "token_endpoint": "https://login.example.com/token",
        "token_endpoint_auth": {"type": "client_secret_basic", "client_secret": "client-never-shown"},
        "scope": "read write",
    },
}


@pytest.fixture
def vaults(world):
    return world.client.beta.vaults


@pytest.fixture
def vault(vaults):
    return vaults.create(display_name="v")


def refused(status, call, *arguments, **named):
    with pytest.raises(anthropic.APIStatusError) as error:
        call(*arguments, **named)
    assert error.value.status_code == status, error.value
    return error.value


def test_vaults_are_made_changed_archived_and_deleted(world, vaults):
    vault = vaults.create(display_name="team", metadata={"a": "1", "b": "2"})
    assert vault.id.startswith("vlt_") and vault.archived_at is None and vault.metadata == {"a": "1", "b": "2"}
    assert vaults.retrieve(vault.id) == vault
    assert vaults.update(vault.id, display_name="team") == vault
    changed = vaults.update(vault.id, display_name="other", metadata={"a": None, "c": "3"})
    assert changed.display_name == "other" and changed.metadata == {"b": "2", "c": "3"}
    assert changed.updated_at > vault.updated_at
    credential = vaults.credentials.create(vault.id, auth=BEARER)
    archived = vaults.archive(vault.id)
    assert archived.archived_at and vaults.archive(vault.id) == archived
    assert vaults.credentials.retrieve(credential.id, vault_id=vault.id).archived_at
    assert vault.id not in [v.id for v in vaults.list(limit=100)]
    assert vault.id in [v.id for v in vaults.list(limit=100, include_archived=True)]
    refused(400, vaults.update, vault.id, display_name="x")
    refused(400, vaults.credentials.create, vault.id, auth=BEARER)
    assert vaults.delete(vault.id).type == "vault_deleted"
    refused(404, vaults.retrieve, vault.id)
    refused(404, vaults.credentials.retrieve, credential.id, vault_id=vault.id)


def test_every_kind_of_credential_shows_all_but_its_secrets(world, vaults, vault):
    bearer = vaults.credentials.create(vault.id, auth=BEARER, display_name="d", metadata={"k": "v"})
    assert bearer.id.startswith("vcrd_") and bearer.vault_id == vault.id and bearer.display_name == "d"
    assert bearer.auth.model_dump() == {"type": "static_bearer", "mcp_server_url": BEARER["mcp_server_url"]}
    variable = vaults.credentials.create(vault.id, auth=VARIABLE)
    assert variable.display_name is None
    assert variable.auth.injection_location.body and variable.auth.injection_location.header
    assert variable.auth.networking.allowed_hosts == ["api.github.com", "*.example.com"]
    oauth = vaults.credentials.create(vault.id, auth=OAUTH)
    assert oauth.auth.expires_at == datetime.datetime(2098, 12, 31, 22, tzinfo=datetime.timezone.utc)
    assert oauth.auth.refresh.token_endpoint_auth.type == "client_secret_basic"
    assert oauth.auth.refresh.scope == "read write" and oauth.auth.refresh.resource is None
    listed = list(vaults.credentials.list(vault.id, limit=2))
    assert listed == [oauth, variable, bearer]
    texts = [world.raw.get(f"/v1/vaults/{vault.id}/credentials?include_archived=true").text]
    for credential in listed:
        assert vaults.credentials.retrieve(credential.id, vault_id=vault.id) == credential
        texts.append(world.raw.get(f"/v1/vaults/{vault.id}/credentials/{credential.id}").text)
    assert not [text for text in texts if "never-shown" in text]


def test_secrets_are_in_no_file_and_no_log(world, vaults, vault):
    for auth in (BEARER, VARIABLE, OAUTH):
        vaults.credentials.create(vault.id, auth=auth)
    invalid = {**OAUTH, "access_token": "broken never-shown"}
    assert "never-shown" not in refused(400, vaults.credentials.create, vault.id, auth=invalid).message
    broken = world.raw.post(f"/v1/vaults/{vault.id}/credentials", content=b'{"auth": {"token": "never-shown" "x": 1}}')
    assert broken.status_code == 400 and "never-shown" not in broken.text
    files = [path for path in world.server.folder.rglob("*") if path.is_file()]
    assert any(path.name.startswith("perimeter.db") for path in files)
    assert not [path for path in files if b"never-shown" in path.read_bytes()]
    with sqlite3.connect(f"file:{world.server.folder}/data/perimeter.db?mode=ro", uri=True) as database:
        row = database.execute("SELECT sealed FROM credentials WHERE vault_id = ?", (vault.id,)).fetchone()
    assert len(row[0]) > 30


def test_va_01_one_active_credential_for_one_server(world, vaults, vault):
    first = vaults.credentials.create(vault.id, auth=BEARER)
    same = {**BEARER, "mcp_server_url": "HTTPS://MCP.example.com:443/sse/"}
    conflict = refused(409, vaults.credentials.create, vault.id, auth=same)
    assert conflict.response.headers["x-should-retry"] == "false" and conflict.type == "conflict_error"
    refused(409, vaults.credentials.create, vault.id, auth={**OAUTH, "mcp_server_url": BEARER["mcp_server_url"]})
    vaults.credentials.create(vault.id, auth={**BEARER, "mcp_server_url": "https://mcp.example.com/SSE"})
    vaults.credentials.create(vaults.create(display_name="w").id, auth=BEARER)
    archived = vaults.credentials.archive(first.id, vault_id=vault.id)
    assert archived.archived_at and archived.auth.mcp_server_url == BEARER["mcp_server_url"]
    assert vaults.credentials.archive(first.id, vault_id=vault.id) == archived
    second = vaults.credentials.create(vault.id, auth=same)
    refused(400, vaults.credentials.update, first.id, vault_id=vault.id, display_name="x")
    assert vaults.credentials.delete(second.id, vault_id=vault.id).type == "vault_credential_deleted"
    refused(404, vaults.credentials.retrieve, second.id, vault_id=vault.id)
    assert first.id in [c.id for c in vaults.credentials.list(vault.id, include_archived=True)]
    assert first.id not in [c.id for c in vaults.credentials.list(vault.id)]


def test_updates_of_credentials(vaults, vault):
    credentials = vaults.credentials
    variable = credentials.create(vault.id, auth=VARIABLE, metadata={"a": "1"}, display_name="d")
    kind = {"type": "environment_variable"}
    assert credentials.update(variable.id, vault_id=vault.id, auth=kind) == variable
    changed = credentials.update(
        variable.id, vault_id=vault.id, display_name=None, metadata={"a": None},
        auth={**kind, "secret_value": "new", "injection_location": {"body": False}, "networking": {"type": "unrestricted"}},
    )  # fmt: skip
    assert changed.display_name is None and changed.metadata == {} and changed.auth.networking.type == "unrestricted"
    assert changed.auth.injection_location.header and not changed.auth.injection_location.body
    refused(400, credentials.update, variable.id, vault_id=vault.id, auth={"type": "static_bearer", "token": "t"})
    for location in ({"header": False}, {"header": None}, None):
        refused(400, credentials.update, variable.id, vault_id=vault.id, auth={**kind, "injection_location": location})
    oauth = credentials.create(vault.id, auth=OAUTH)
    changed = credentials.update(
        oauth.id, vault_id=vault.id,
        auth={"type": "mcp_oauth", "access_token": "a2", "refresh": {
            "scope": "", "refresh_token": "r2",
            "token_endpoint_auth": {"type": "client_secret_post", "client_secret": "s2"}}},
    )  # fmt: skip
    assert changed.auth.expires_at == oauth.auth.expires_at and changed.auth.refresh.scope is None
    assert changed.auth.refresh.token_endpoint_auth.type == "client_secret_basic"
    bare = {k: v for k, v in OAUTH.items() if k not in ("refresh", "expires_at")}
    bare = credentials.create(vault.id, auth={**bare, "mcp_server_url": "https://other.example.com"})
    assert bare.auth.refresh is None and bare.auth.expires_at is None
    refused(400, credentials.update, bare.id, vault_id=vault.id, auth={"type": "mcp_oauth", "refresh": {"scope": "x"}})


@pytest.mark.parametrize(
    "auth, member",
    [
        ({"type": "nothing"}, "auth.type"),
        ({**BEARER, "token": ""}, "auth.token"),
        ({**BEARER, "token": "two words"}, "auth.token"),
        ({**BEARER, "token": "x" * 8193}, "auth.token"),
        ({**BEARER, "mcp_server_url": "ftp://x"}, "auth.mcp_server_url"),
        ({**BEARER, "mcp_server_url": "https://user@x"}, "auth.mcp_server_url"),
        ({**BEARER, "extra": 1}, "auth.extra"),
        ({**OAUTH, "expires_at": "2001-01-01T00:00:00Z"}, "auth.expires_at"),
        ({**OAUTH, "refresh": {**OAUTH["refresh"], "token_endpoint_auth": {"type": "none", "client_secret": "x"}}},
         "auth.refresh.token_endpoint_auth.client_secret"),
        ({**VARIABLE, "secret_name": "1A"}, "auth.secret_name"),
        ({**VARIABLE, "secret_name": "Path"}, "auth.secret_name"),
        ({**VARIABLE, "secret_value": "a\nb"}, "auth.secret_value"),
        ({**VARIABLE, "injection_location": {}}, "auth.injection_location"),
        ({**VARIABLE, "injection_location": None}, "auth.injection_location"),
        ({**VARIABLE, "networking": {"type": "limited", "allowed_hosts": ["https://x"]}}, "auth.networking.allowed_hosts[0]"),
        ({**VARIABLE, "networking": {"type": "limited", "allowed_hosts": ["x"] * 17}}, "auth.networking.allowed_hosts"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(vaults, vault, auth, member):
    error = refused(400, vaults.credentials.create, vault.id, auth=auth)
    assert error.type == "invalid_request_error" and error.message.find(f"{member}:") >= 0, error.message


def test_an_injection_location_that_is_given_is_all_there_is(vaults, vault):
    made = vaults.credentials.create(vault.id, auth={**VARIABLE, "injection_location": {"header": True}})
    assert made.auth.injection_location.header and made.auth.injection_location.body is False


def test_a_vault_is_full_after_twenty(vaults, vault):
    made = [
        vaults.credentials.create(vault.id, auth={**BEARER, "mcp_server_url": f"https://mcp.example.com/{number}"})
        for number in range(20)
    ]
    refused(400, vaults.credentials.create, vault.id, auth=BEARER)
    vaults.credentials.archive(made[0].id, vault_id=vault.id)
    vaults.credentials.create(vault.id, auth=BEARER)
    assert len(list(vaults.credentials.list(vault.id, limit=7, include_archived=True))) == 21


def test_pages_of_vaults(world, vaults):
    names = [f"page {number}" for number in range(5)]
    for name in names:
        vaults.create(display_name=name)
    seen = []
    for vault in vaults.list(limit=2):
        seen.append(vault.display_name)
        if len(seen) == 5:
            break
    assert seen == list(reversed(names))
    refused(400, vaults.list, limit=101)
    refused(400, vaults.list, page="nonsense")
    refused(400, vaults.create, display_name="")
    refused(400, vaults.create, display_name="x" * 256)
    assert world.raw.get("/v1/vaults", headers={"anthropic-beta": ""}).status_code == 404


def test_sessions_name_vaults(world, vaults, vault):
    agent, environment = world.agent(), world.environment()

    def session(*ids):
        return world.client.beta.sessions.create(agent=agent.id, environment_id=environment.id, vault_ids=list(ids))

    made = session(vault.id)
    assert made.vault_ids == [vault.id] and world.client.beta.sessions.retrieve(made.id).vault_ids == [vault.id]
    assert world.client.beta.sessions.create(agent=agent.id, environment_id=environment.id).vault_ids == []
    refused(404, session, "vlt_unknown")
    refused(400, session, vault.id, vault.id)
    vaults.archive(vault.id)
    refused(400, session, vault.id)
    assert world.client.beta.sessions.retrieve(made.id).vault_ids == [vault.id]


def test_vaults_belong_to_their_workspace(world, vaults, vault):
    workspace = world.raw.post("/v1/organizations/workspaces", json={"name": "other"}).json()["id"]
    key = world.raw.post("/v1/organizations/api_keys", json={"name": "k", "workspace_id": workspace}).json()["key"]
    other = world.server.client(key=key).beta.vaults
    credential = vaults.credentials.create(vault.id, auth=BEARER)
    refused(404, other.retrieve, vault.id)
    refused(404, other.credentials.list, vault.id)
    refused(404, other.credentials.retrieve, credential.id, vault_id=vault.id)
    refused(404, other.credentials.update, credential.id, vault_id=other.create(display_name="w").id)
    assert vault.id not in [v.id for v in other.list()]
    worker = world.server.client(key=world.environment_key(world.environment())).beta.vaults
    refused(403, worker.list)


@pytest.fixture(params=["self_hosted", "cloud"])
def served(request, scripted, model, worker, tmp_path, start):
    """A world with an environment that has a worker, and the process whose log is the worker's."""
    if request.param == "self_hosted":
        environment = scripted.environment()
        yield scripted, environment, worker(scripted, environment)
    else:
        settings = {"PROVIDER": "anthropic", "BASE_URL": model.url, "API_KEY": "sk-model"}
        settings = {f"PERIMETER_MODEL_{name}": value for name, value in settings.items()}
        up = World(start(Server(tmp_path, command="up", PERIMETER_DISK_LIMIT="64MiB", **settings)))
        yield up, up.environment("cloud"), up.server


def test_a_sandbox_sees_placeholders_only(served, model, tmp_path):
    world, environment, process = served
    vaults = world.client.beta.vaults
    vault = vaults.create(display_name="v")
    credential = vaults.credentials.create(vault.id, auth=VARIABLE)
    done = {"content": [{"type": "text", "text": "done"}]}
    model.script(
        {"content": [tool_use("bash", command="echo =$GITHUB_TOKEN=; env | grep -c never-s[h]own")]},
        done,
        {"content": [tool_use("bash", "t2", command="echo =$GITHUB_TOKEN=")]},
        done,
    )
    session = world.client.beta.sessions.create(
        agent=world.agent().id, environment_id=environment.id, vault_ids=[vault.id], initial_events=[message("go")]
    )
    world.finished(session)
    changed = {"type": "environment_variable", "secret_value": "other never-shown"}
    vaults.credentials.update(credential.id, vault_id=vault.id, auth=changed)
    world.send(session, "again")
    world.finished(session, 2)
    results = texts([e for e in world.check(session) if e.type in ("user.tool_result", "agent.tool_result")])
    shown = [re.search("=(perimeter-placeholder-[A-Za-z0-9_-]{43})=", text) for text in results]
    assert len(shown) == 2 and all(shown), results
    assert shown[0].group(1) == shown[1].group(1), "a living shell keeps its placeholder"
    assert "=\n0" in results[0] and "never-shown" not in "".join(results)
    assert "never-shown" not in process.log.read_text()
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size < 1 << 24]
    assert not [path for path in files if b"never-shown" in path.read_bytes()]
