"""From `POST …/events` to the frame at a reader, with many streams open, each of its own session."""

import argparse
import asyncio
import datetime
import json
import random
import resource
import time

import harness
import peer
import report
from connection import Connection, request

UTC = datetime.timezone.utc


class Stream(asyncio.Protocol):
    """One open stream that notes when each frame arrived."""

    def __init__(self, request, open_streams):
        self.request, self.open_streams = request, open_streams
        self.rest, self.is_open, self.waiting = b"", False, {}
        self.commit_delays, self.frames = [], 0

    def connection_made(self, transport):
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data):
        arrived, wall = time.perf_counter(), time.time()
        if not self.is_open:
            self.is_open = True
            if b" 200 " not in data[:20]:
                raise SystemExit(f"the stream was refused: {data[:300]}")
            self.open_streams.append(self)
        self.rest += data
        *lines, self.rest = self.rest.split(b"\n")
        for line in lines:
            if line.startswith(b"data: "):
                self.frame(line[6:], arrived, wall)

    def frame(self, text, arrived, wall):
        try:
            event = json.loads(text)
        except ValueError:
            # A frame that a chunk boundary splits; its latency is not counted.
            return
        self.frames += 1
        if event.get("type") == "user.message":
            for future in self.waiting.values():
                if not future.done():
                    future.set_result(arrived)
        elif event.get("processed_at"):
            processed = datetime.datetime.fromisoformat(event["processed_at"].replace("Z", "+00:00"))
            self.commit_delays.append((wall - processed.replace(tzinfo=processed.tzinfo or UTC).timestamp()) * 1000)


async def measure(port, headers, sessions, posts, pause):
    loop, chance = asyncio.get_running_loop(), random.Random(7)
    streams, opened = {}, []
    begin = time.perf_counter()
    for session in sessions:
        opening = request("GET", f"/v1/sessions/{session}/events/stream", headers, accept="text/event-stream")
        _, streams[session] = await loop.create_connection(lambda: Stream(opening, opened), "127.0.0.1", port)
    while len(opened) < len(sessions):
        if time.perf_counter() - begin > 60:
            raise SystemExit(f"{len(opened)} of {len(sessions)} streams opened within 60 s")
        await asyncio.sleep(0.01)
    open_seconds = time.perf_counter() - begin
    sender = await Connection.open(port, headers)
    body = {"events": [harness.message("say ok")]}
    order = [session for _ in range(-(-posts // len(sessions))) for session in chance.sample(sessions, len(sessions))]
    arrivals, answers = [], []
    for number, session in enumerate(order[:posts]):
        seen = streams[session].waiting[number] = loop.create_future()
        sent = time.perf_counter()
        answered, _ = await sender.call("POST", f"/v1/sessions/{session}/events", body)
        arrivals.append((await asyncio.wait_for(seen, 30) - sent) * 1000)
        answers.append((answered - sent) * 1000)
        del streams[session].waiting[number]
        await asyncio.sleep(pause)
    await asyncio.sleep(0.5)
    delays = [delay for stream in streams.values() for delay in stream.commit_delays]
    for stream in streams.values():
        stream.transport.close()
    sender.close()
    return arrivals, answers, delays, open_seconds


def run(name, server, headers, count, options, target=None):
    client = harness.Client(server.port, headers)
    # A self-hosted environment: the peer then stores the message and does not try to reach a model.
    agent, environment = client.agent(tools=False), client.environment("self_hosted")
    sessions = [client.session(agent, environment) for _ in range(count)]
    arrivals, answers, delays, seconds = asyncio.run(
        measure(server.port, headers, sessions, options.posts, options.pause_ms / 1000)
    )
    what = f"{name}, {count} streams"
    rows = [
        {"what": f"{what}: POST sent to frame (ms)", **report.summary(arrivals, target)},
        {"what": f"{what}: POST sent to answer (ms)", **report.summary(answers)},
    ]
    if target:
        rows.append({"what": f"{what}: processed_at to frame (ms)", **report.summary(delays)})
    return rows, {"open_seconds": round(seconds, 2), **server.memory()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--peer-streams", type=int, nargs="*", default=[10, 100])
    parser.add_argument("--posts", type=int, default=500)
    parser.add_argument("--pause-ms", type=float, default=10)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16384), hard))
    rows, facts = [], {}
    for count in sorted({*options.peer_streams, options.streams}):
        with harness.Folder() as folder, harness.Perimeter(folder) as server:
            goal = ("p95", 10) if count == options.streams else None
            more, facts[f"perimeter_{count}"] = run("perimeter", server, harness.HEADERS, count, options, goal)
            rows += more
    options.posts = min(options.posts, 60)
    for count in options.peer_streams if peer.is_installed() else []:
        with harness.Folder() as folder, peer.OpenManagedAgents(folder) as server:
            more, facts[f"peer_{count}"] = run("open-managed-agents", server, peer.HEADERS, count, options)
            rows += more
    report.publish("stream_latency", rows, **facts)


if __name__ == "__main__":
    main()
