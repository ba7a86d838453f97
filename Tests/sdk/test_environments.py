import anthropic
import pytest


def test_en_01_configurations_are_resolved(world):
    environments = world.client.beta.environments
    plain = environments.create(name="e")
    assert plain.config.type == "cloud" and plain.config.networking.type == "unrestricted"
    assert plain.config.packages.apt == [] and plain.config.packages.pip == []
    hosted = environments.create(name="e", config={"type": "self_hosted"}, description="d", metadata={"a": "1"})
    assert hosted.config.type == "self_hosted" and hosted.description == "d"
    limited = environments.create(
        name="e",
        config={
            "type": "cloud",
            "networking": {"type": "limited", "allowed_hosts": ["*.example.com"], "allow_package_managers": True},
            "packages": {"pip": ["numpy==2.0"]},
        },
    )
    assert limited.config.networking.allow_mcp_servers is False
    assert limited.config.packages.pip == ["numpy==2.0"] and limited.config.packages.go == []


def test_en_02_updates_archive_delete(world):
    environments = world.client.beta.environments
    environment = environments.create(name="e", metadata={"a": "1", "b": "2"})
    changed = environments.update(environment.id, name="f", description="", metadata={"a": "", "b": None, "c": "3"})
    assert changed.name == "f" and changed.description == "" and changed.metadata == {"c": "3"}
    with pytest.raises(anthropic.BadRequestError) as wrong:
        environments.update(environment.id, config={"type": "self_hosted"})
    assert type(wrong.value).__name__ == "BetaInvalidConfigTypeChangeError"
    used = world.session()
    with pytest.raises(anthropic.ConflictError):
        environments.delete(used.environment_id)
    assert environments.archive(environment.id).archived_at
    with pytest.raises(anthropic.BadRequestError) as archived:
        environments.update(environment.id, name="g")
    assert type(archived.value).__name__ == "BetaEnvironmentArchivedError"
    with pytest.raises(anthropic.BadRequestError):
        world.client.beta.sessions.create(agent=used.agent.id, environment_id=environment.id)
    assert environment.id not in [e.id for e in environments.list(limit=1000)]
    assert environments.delete(environment.id).type == "environment_deleted"


def test_keys_of_an_environment(world):
    environment = world.environment()
    path = f"/v1/environments/{environment.id}/keys"
    made = world.raw.post(path, json={"name": "w"}).json()
    client = world.server.client(key=made["key"])
    client.beta.environments.work.stats(environment.id)
    assert world.raw.get(path).json()["data"][0]["id"] == made["id"]
    assert world.raw.delete(f"{path}/{made['id']}").status_code == 200
    with pytest.raises(anthropic.AuthenticationError):
        client.beta.environments.work.stats(environment.id)
    assert world.raw.delete(f"{path}/apikey_none").status_code == 404
