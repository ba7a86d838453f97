import anthropic
import pytest

from harness import CUSTOM, TOOLSET

MCP = {"type": "url", "name": "docs", "url": "https://docs.example/mcp"}


def test_ag_01_a_model_id_alone(world):
    agent = world.client.beta.agents.create(name="a", model="claude-opus-5-5")
    assert agent.version == 1 and agent.model.id == "claude-opus-5-5"
    assert agent.model.effort.type and agent.model.speed == "standard"
    assert agent.tools == [] and agent.mcp_servers == [] and agent.skills == []
    assert agent.description is None and agent.system is None and agent.archived_at is None
    assert agent.execution_identity.type == "service_account"


def test_ag_02_toolsets_are_resolved(world):
    agent = world.agent(
        {**TOOLSET, "configs": [{"name": "bash"}]},
        {"type": "mcp_toolset", "mcp_server_name": "docs", "configs": [{"name": "look"}]},
        CUSTOM,
        mcp_servers=[MCP],
    )
    builtin, mcp, custom = agent.tools
    assert builtin.default_config.enabled and builtin.default_config.permission_policy.type == "always_allow"
    assert builtin.configs[0].type == "bash"
    assert mcp.default_config.permission_policy.type == "always_ask"
    assert "type" not in mcp.configs[0].model_dump() or mcp.configs[0].model_dump().get("type") is None
    assert custom.name == "lookup"


def test_ag_03_versions(world):
    agents = world.client.beta.agents
    agent = world.agent()
    assert agents.update(agent.id, name="renamed").version == 2
    assert agents.update(agent.id, name="renamed").version == 2
    for name in ("again", "renamed"):
        with pytest.raises(anthropic.ConflictError):
            agents.update(agent.id, name=name, version=1)
    assert agents.retrieve(agent.id, version=1).name == "test"
    assert [version.version for version in agents.versions.list(agent.id)] == [2, 1]
    with pytest.raises(anthropic.NotFoundError):
        agents.retrieve(agent.id, version=9)


def test_ag_04_updates(world):
    agents = world.client.beta.agents
    agent = world.agent(
        system="s", metadata={"a": "1", "b": "2"}, model={"id": "claude-opus-5-5", "effort": "low"}
    )
    assert agents.update(agent.id, metadata={"a": None, "c": "3"}).metadata == {"b": "2", "c": "3"}
    with pytest.raises(anthropic.BadRequestError):
        agents.update(agent.id, metadata={f"k{number}": "v" for number in range(17)})
    assert agents.update(agent.id, system=None).system is None
    assert agents.update(agent.id, tools=[]).tools == []
    assert agents.update(agent.id, model={"id": "claude-opus-5-5"}).model.effort.type == "low"
    assert agents.update(agent.id, model="claude-sonnet-5-5").model.effort.type == "high"


@pytest.mark.parametrize(
    "body",
    [
        {"mcp_servers": [MCP]},
        {"tools": [{"type": "mcp_toolset", "mcp_server_name": "docs"}]},
        {"tools": [CUSTOM, CUSTOM]},
        {"mcp_servers": [{**MCP, "name": f"m{n}"} for n in range(21)]},
        {"tools": [{**TOOLSET, "configs": [{"name": "web_fetch", "allowed_domains": ["a.b"], "blocked_domains": ["c.d"]}]}]},
        {
            "tools": [{**TOOLSET, "configs": [{"name": "read", "enabled": False}]}],
            "skills": [{"type": "custom", "skill_id": "skill_1"}],
        },
        {"model": "no-such-model"},
        {"name": ""},
    ],
)
def test_ag_05_refused(world, body):
    with pytest.raises(anthropic.BadRequestError):
        world.client.beta.agents.create(**{"name": "a", "model": "claude-opus-5-5", **body})


def test_ag_06_archive(world):
    session = world.session(CUSTOM)
    agents, agent = world.client.beta.agents, session.agent.id
    archived = agents.archive(agent)
    assert archived.archived_at and agents.archive(agent) == archived
    with pytest.raises(anthropic.BadRequestError):
        agents.update(agent, name="b")
    with pytest.raises(anthropic.BadRequestError):
        world.client.beta.sessions.create(agent=agent, environment_id=session.environment_id)
    assert agent not in [a.id for a in agents.list(limit=100)]
    assert agent in [a.id for a in agents.list(limit=100, include_archived=True)]
    world.send(session, "say still here")
    assert world.idle(session).type == "end_turn"


def test_mo_01_models(world):
    models = list(world.client.models.list(limit=2))
    assert len(models) > 4 and len({m.id for m in models}) == len(models)
    assert world.client.models.retrieve(models[0].id) == models[0]
