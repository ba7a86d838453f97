"""The same sessions, served by the official worker and by ours."""

import asyncio
import http.server
import threading

import anthropic
import pytest

from harness import ASKING, Server, TOOLSET, World, texts, wait_until


class OfficialWorker:
    """`EnvironmentWorker` of the SDK in a thread with a loop of its own."""

    def __init__(self, world, environment, key, folder):
        self.loop = asyncio.new_event_loop()

        async def run():
            client = world.server.asynchronous(key=key)
            worker = client.beta.environments.work.worker(
                environment_id=environment.id, environment_key=key, workdir=str(folder), max_idle=2.0
            )
            await worker.run()

        def serve():
            asyncio.set_event_loop(self.loop)
            self.task = self.loop.create_task(run())
            try:
                self.loop.run_until_complete(self.task)
            except asyncio.CancelledError:
                pass

        self.thread = threading.Thread(target=serve)
        self.thread.start()

    def stop(self):
        self.loop.call_soon_threadsafe(self.task.cancel)
        self.thread.join(30)
        assert not self.thread.is_alive()


@pytest.fixture(params=["official", "ours"])
def served(request, world, worker, tmp_path):
    """A world and an environment that has a worker."""
    environment = world.environment()
    if request.param == "ours":
        worker(world, environment)
        yield world, environment
    else:
        official = OfficialWorker(world, environment, world.environment_key(environment), tmp_path)
        yield world, environment
        official.stop()


def items(world, environment):
    key = world.environment_key(environment)
    return list(world.server.client(key=key).beta.environments.work.list(environment.id))


def test_wk_02_bash_then_write(served):
    world, environment = served
    plan = "```bash\necho hello; pwd\n```\n```write note.txt\nfrom the agent\n```\n```bash\ncat note.txt\n```"
    session = world.session(TOOLSET, text=plan, environment=environment)
    assert world.finished(session, seconds=30).type == "end_turn"
    history = world.check(session)
    results = [e for e in history if e.type == "user.tool_result"]
    assert len(results) == 3 and not any(e.is_error for e in results)
    assert "hello" in texts(results[:1])[0] and "from the agent" in texts(results[2:])[0]
    wait_until(lambda: items(world, environment)[0].state == "stopped", 20, "the end of the item")


def test_every_tool(served):
    world, environment = served
    plan = """```bash
mkdir -p src && printf 'one\\ntwo\\nthree\\n' > src/a.txt
```
tool read {"file_path": "src/a.txt", "view_range": [2, 3]}
tool edit {"file_path": "src/a.txt", "old_string": "two", "new_string": "2"}
tool glob {"pattern": "**/*.txt"}
tool grep {"pattern": "^2$", "path": "src"}
tool read {"file_path": "src/none.txt"}
"""
    session = world.session(TOOLSET, text=plan, environment=environment)
    assert world.finished(session, seconds=30).type == "end_turn"
    results = [e for e in world.check(session) if e.type == "user.tool_result"]
    shown = [texts([e])[0] for e in results]
    assert "two" in shown[1] and "one" not in shown[1]
    assert "a.txt" in shown[3] and "2" in shown[4]
    assert [bool(e.is_error) for e in results] == [False] * 5 + [True]


def test_a_dormant_session_is_served_again(served):
    world, environment = served
    session = world.session(TOOLSET, text="```bash\necho one > kept\n```", environment=environment)
    world.finished(session, seconds=30)
    wait_until(lambda: items(world, environment)[0].state == "stopped", 20, "the end of the first item")
    world.send(session, "```bash\ncat kept\n```")
    assert world.finished(session, 2, seconds=30).type == "end_turn"
    results = [e for e in world.check(session) if e.type == "user.tool_result"]
    assert "one" in texts(results[-1:])[0]


def test_an_ask_waits_for_its_confirmation(served):
    world, environment = served
    session = world.session(ASKING, text="```bash\necho allowed\n```", environment=environment)
    reason = world.idle(session, seconds=30)
    assert reason.type == "requires_action"
    world.send(session, {"type": "user.tool_confirmation", "tool_use_id": reason.event_ids[0], "result": "allow"})
    wait_until(lambda: world.history(session, types=["user.tool_result"]), 20, "the result")
    assert "allowed" in texts(world.history(session, types=["user.tool_result"]))[0]


def test_several_sessions_at_once(served):
    world, environment = served
    sessions = [
        world.session(TOOLSET, text=f"```bash\nsleep 0.2; echo number {n}\n```", environment=environment)
        for n in range(4)
    ]
    for number, session in enumerate(sessions):
        assert world.finished(session, seconds=40).type == "end_turn"
        assert f"number {number}" in texts(world.check(session))[1]


def test_a_cloud_environment_is_served_by_up(tmp_path, start):
    world = World(start(Server(tmp_path, command="up", PERIMETER_DISK_LIMIT="64MiB")))
    session = world.session(TOOLSET, text="```bash\necho $((6*7)); id -u\n```", kind="cloud")
    assert world.finished(session, seconds=30).type == "end_turn"
    (result,) = [e for e in world.check(session) if e.type == "agent.tool_result"]
    assert texts([result])[0].split() == ["42", "1000"]
    boundary = world.raw.get(f"/v1/sessions/{session.id}/sandbox").json()["boundary"]
    assert boundary.startswith("namespace: bubblewrap") and "NOT bounded" not in boundary


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"<html><head><title>t</title></head><body><h1>Inside</h1><script>no</script><p>the page &amp; more</p></body></html>"
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def page():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def test_only_allowed_hosts_are_reached(tmp_path, start, page):
    allowed = f"127.0.0.1:{page}"
    up = Server(tmp_path, command="up", PERIMETER_DISK_LIMIT="64MiB", PERIMETER_ALLOWED_HOSTS=allowed)
    world = World(start(up))
    plan = f"""```bash
alias via="curl -sS --noproxy '' --proxy $http_proxy"; shopt -s expand_aliases
via http://{allowed}/
via -o /dev/null -w '%{{http_code}}' http://127.0.0.1:{up.port}/healthz
```
```bash
curl -sS -m 5 --noproxy '*' http://{allowed}/ ; echo "direct: $?"
```
tool web_fetch {{"url": "http://{allowed}/page"}}
tool web_fetch {{"url": "http://169.254.169.254/latest/meta-data"}}
"""
    session = world.session(TOOLSET, text=plan, kind="cloud")
    assert world.finished(session).type == "end_turn"
    results = [e for e in world.check(session) if e.type == "agent.tool_result"]
    shown = [texts([e])[0] for e in results]
    assert "the page" in shown[0] and shown[0].rstrip().endswith("403")
    assert "direct: 7" in shown[1] and "the page" not in shown[1]
    assert "the page & more" in shown[2] and "no" not in shown[2].split()
    assert results[3].is_error and "169.254.169.254" in shown[3]


def test_the_stages_of_a_start_are_on_the_session_and_in_the_metrics(world, worker):
    environment = world.environment()
    worker(world, environment)
    session = world.session(TOOLSET, text="```bash\necho hi\n```", environment=environment)
    world.finished(session)
    path = f"/v1/sessions/{session.id}/sandbox"
    wait_until(lambda: "first_tool" in world.raw.get(path).json()["stages"], 10, "the report")
    report = world.raw.get(path).json()
    assert {"claim", "create", "execd_ready", "skills", "first_tool"} == set(report["stages"])
    assert all(0 <= seconds < 60 for seconds in report["stages"].values()) and report["reported_at"]
    metrics = world.raw.get("/metrics").text
    assert 'perimeter_sandbox_start_seconds_count{stage="first_tool"}' in metrics
    # Nobody but the serving worker may say it, and nonsense is refused.
    body = {"boundary": "none at all", "stages": {}}
    assert world.raw.post(path, json=body).status_code == 403
    key = world.environment_key(environment)
    assert world.server.raw(key=key).post(path, json=body).status_code == 403
    assert world.raw.get(path).json() == report


def test_an_environment_asks_for_less(world, worker):
    environment = world.environment(
        metadata={"perimeter.memory_limit": "64MiB", "perimeter.lifetime_seconds": "4", "perimeter.process_limit": "30"}
    )
    worker(world, environment)
    plan = "```bash\nhead -c 200M /dev/zero | tail -c 150M | wc -c; echo kept > file\n```\n```bash\nsleep 60\n```\n```bash\ncat file\n```"
    session = world.session(TOOLSET, text=plan, environment=environment)
    assert world.finished(session, seconds=40).type == "end_turn"
    results = [e for e in world.check(session) if e.type == "user.tool_result"]
    assert str(150 << 20) not in texts(results)[0]
    # The sandbox ended with its time, and with it the call; the next one has the same files.
    assert results[1].is_error and "interrupted" in texts(results)[1]
    assert texts(results)[2].strip() == "kept"


def test_gpus_that_the_worker_does_not_give_are_refused(world, worker):
    environment = world.environment(metadata={"perimeter.gpus": "1"})
    worker(world, environment)
    session = world.session(TOOLSET, text="```bash\necho ran\n```", environment=environment)
    assert world.finished(session, seconds=40).type == "end_turn"
    results = [e for e in world.check(session) if e.type == "user.tool_result"]
    assert results[0].is_error and "PERIMETER_GPUS" in texts(results)[0] and "ran" not in texts(results)[0].split()


@pytest.mark.parametrize("name, value", [("gpus", "-1"), ("gpus", "all"), ("memory_limit", "1"), ("memory_limit", "much"), ("lifetime_seconds", "0"), ("x", "1")])
def test_what_no_sandbox_can_be_is_refused(world, name, value):
    with pytest.raises(anthropic.BadRequestError, match=f"perimeter.{name}"):
        world.environment(metadata={f"perimeter.{name}": value})
    environment = world.environment()
    with pytest.raises(anthropic.BadRequestError, match=f"perimeter.{name}"):
        world.client.beta.environments.update(environment.id, metadata={f"perimeter.{name}": value})
