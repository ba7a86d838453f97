import anthropic
import pytest

from harness import ADMIN_KEY, HEADERS, message

BETA = "managed-agents-2026-04-01"


def test_pr_01_both_credential_headers(world):
    agent = world.agent()
    again = world.client.beta.agents.retrieve(agent.id)
    assert again._request_id.startswith("req_") and again._workspace_id == "wrkspc_default"
    answer = world.raw.get(
        f"/v1/agents/{agent.id}", headers={"authorization": "", "x-api-key": ADMIN_KEY, **HEADERS}
    )
    assert answer.status_code == 200


def test_pr_02_wrong_and_revoked_keys(world):
    with pytest.raises(anthropic.AuthenticationError) as wrong:
        world.server.client(key="sk-ant-api03-wrong").beta.agents.list()
    assert wrong.value.type == "authentication_error" and wrong.value.request_id
    key = world.raw.post("/v1/organizations/api_keys", json={"name": "k"}).json()
    client = world.server.client(key=key["key"])
    client.beta.agents.list()
    world.raw.post(f"/v1/organizations/api_keys/{key['id']}", json={"status": "archived"})
    with pytest.raises(anthropic.AuthenticationError):
        client.beta.agents.list()


@pytest.mark.parametrize(
    "headers, query, status",
    [
        ({"anthropic-beta": ""}, "", 404),
        ({"anthropic-beta": f"{BETA}, {BETA}"}, "", 200),
        ({"anthropic-beta": f"{BETA},unheard-of-2026-01-01"}, "", 400),
        ({}, "?beta=true", 200),
        ({"anthropic-version": "2023-06-01"}, "", 200),
        ({"anthropic-version": ""}, "", 400),
    ],
)
def test_pr_03_beta_and_version_headers(world, headers, query, status):
    answer = world.raw.get("/v1/agents" + query, headers=headers)
    assert answer.status_code == status, answer.text


def test_pr_04_bad_bodies(world):
    with pytest.raises(anthropic.BadRequestError, match="nope"):
        world.client.beta.agents.create(name="a", model="claude-opus-5-5", extra_body={"nope": 1})
    assert world.raw.post("/v1/agents", content=b'{"name": ').status_code == 400
    with pytest.raises(anthropic.BadRequestError, match="name"):
        world.client.beta.agents.create(name=1, model="claude-opus-5-5")
    with pytest.raises(anthropic.ContentTooLargeError):
        world.client.beta.agents.create(name="a", model="claude-opus-5-5", system="x" * (33 << 20))


def test_pr_05_unknown_and_foreign_ids(world):
    workspace = world.raw.post("/v1/organizations/workspaces", json={"name": "other"}).json()["id"]
    key = world.raw.post("/v1/organizations/api_keys", json={"name": "k", "workspace_id": workspace}).json()["key"]
    other = world.server.client(key=key)
    session = world.session()
    calls = [
        lambda c: c.beta.agents.retrieve(session.agent.id if c is other else "agent_none"),
        lambda c: c.beta.environments.retrieve(session.environment_id if c is other else "env_none"),
        lambda c: c.beta.sessions.retrieve(session.id if c is other else "sesn_none"),
        lambda c: c.beta.sessions.events.list(session.id if c is other else "sesn_none"),
        lambda c: c.beta.sessions.threads.list(session.id if c is other else "sesn_none"),
        lambda c: c.models.retrieve("none"),
    ]
    for call in calls:
        for client in (world.client, other):
            with pytest.raises(anthropic.NotFoundError) as error:
                call(client)
            assert error.value.type == "not_found_error"


def test_pr_06_archives_and_deletes_answer_objects(world):
    agent, environment = world.agent(), world.environment()
    session = world.client.beta.sessions.create(agent=agent.id, environment_id=environment.id)
    assert world.client.beta.sessions.archive(session.id).status == "terminated"
    assert world.client.beta.sessions.delete(session.id).type == "session_deleted"
    assert world.client.beta.agents.archive(agent.id).archived_at
    assert world.client.beta.environments.archive(environment.id).archived_at
    answer = world.client.beta.environments.with_raw_response.delete(environment.id)
    assert answer.headers["content-type"] == "application/json"
    assert answer.parse().type == "environment_deleted"


def test_pr_08_semantic_conflicts_are_not_retried(world):
    agent = world.agent()
    attempts = []
    client = world.server.client(max_retries=2)
    client._client.event_hooks["request"].append(lambda request: attempts.append(request.url))
    with pytest.raises(anthropic.ConflictError):
        client.beta.agents.update(agent.id, version=9, name="b")
    assert len(attempts) == 1


def test_pr_09_lists_page_and_filter(world):
    agent, environment = world.agent(), world.environment()
    made = [world.client.beta.sessions.create(agent=agent.id, environment_id=environment.id).id for _ in range(5)]
    requests = []
    client = world.server.client()
    client._client.event_hooks["request"].append(lambda request: requests.append(str(request.url)))
    query = dict(limit=2, agent_id=agent.id, statuses=["idle"], order="asc", created_at_gte="2020-01-01T00:00:00+00:00")
    assert [session.id for session in client.beta.sessions.list(**query)] == made
    assert len(requests) == 3 and all("statuses" in url for url in requests)
    world.client.beta.sessions.archive(made[0])
    assert [s.id for s in client.beta.sessions.list(agent_id=agent.id)] == made[:0:-1]
    assert len(list(client.beta.sessions.list(agent_id=agent.id, include_archived=True))) == 5
    assert [s.id for s in client.beta.sessions.list(agent_id=agent.id, statuses=["running"])] == []


def test_pr_10_cursors(world):
    agent, environment = world.agent(), world.environment()
    for _ in range(3):
        world.client.beta.sessions.create(agent=agent.id, environment_id=environment.id)
    with pytest.raises(anthropic.BadRequestError):
        world.client.beta.sessions.list(page="garbage")
    first = world.client.beta.sessions.list(agent_id=agent.id, limit=2)
    with pytest.raises(anthropic.BadRequestError):
        world.client.beta.sessions.list(agent_id=agent.id, limit=2, order="asc", page=first.next_page)
    second = world.client.beta.sessions.list(agent_id=agent.id, limit=2, page=first.next_page)
    back = world.client.beta.sessions.list(agent_id=agent.id, limit=2, page=second.prev_page)
    assert [s.id for s in back.data] == [s.id for s in first.data] and back.prev_page is None
    assert "prev_page" not in world.raw.get("/v1/agents").json()


def test_no_secret_in_any_answer(world):
    environment = world.environment()
    key = world.environment_key(environment)
    listed = world.raw.get(f"/v1/environments/{environment.id}/keys").text
    assert key not in listed and "partial_key_hint" in listed
    assert key not in world.server.log.read_text()


def test_an_event_with_an_unknown_thread_is_refused(world):
    session = world.session()
    with pytest.raises(anthropic.BadRequestError, match="session_thread_id"):
        world.send(session, {"type": "user.interrupt", "session_thread_id": "sthr_none"}, message("x"))
    assert world.history(session) == []
