"""Fixtures over the real binary; the classes behind them are in harness.py."""

import pytest

from harness import FakeModel, Process, Server, World


@pytest.fixture(scope="session")
def rehearsal_server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("rehearsal")).start()
    yield server
    server.stop()


@pytest.fixture
def world(rehearsal_server):
    return World(rehearsal_server)


@pytest.fixture(scope="session")
def model_process(tmp_path_factory):
    model = FakeModel(tmp_path_factory.mktemp("model"))
    yield model
    model.stop()


@pytest.fixture(scope="session")
def scripted_server(tmp_path_factory, model_process):
    server = Server(
        tmp_path_factory.mktemp("scripted"),
        PERIMETER_MODEL_PROVIDER="anthropic",
        PERIMETER_MODEL_BASE_URL=model_process.url,
        PERIMETER_MODEL_API_KEY="sk-model",
    ).start()
    yield server
    server.stop()


@pytest.fixture
def model(model_process):
    model_process.reset()
    return model_process


@pytest.fixture
def scripted(scripted_server, model):
    return World(scripted_server)


@pytest.fixture
def start(tmp_path):
    """Starts processes that are stopped after the test."""
    running = []

    def begin(process):
        running.append(process)
        return process.start()

    yield begin
    for process in reversed(running):
        process.stop()


@pytest.fixture
def worker(tmp_path, start):
    """Our worker for an environment of a world."""

    def begin(world, environment, name="worker", **settings):
        return start(
            Process(
                "worker",
                tmp_path,
                name,
                {
                    "PERIMETER_SERVER_URL": world.server.url,
                    "ANTHROPIC_ENVIRONMENT_ID": environment.id,
                    "ANTHROPIC_ENVIRONMENT_KEY": world.environment_key(environment),
                    "PERIMETER_DATA_DIR": str(tmp_path / name),
                    "PERIMETER_MAX_IDLE_SECONDS": "2",
                    "PERIMETER_DISK_LIMIT": "64MiB",
                    **settings,
                },
            )
        )

    return begin
