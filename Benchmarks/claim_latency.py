"""From work arrival (a session with a first message, or a message to a dormant one) to the answer of a held poll."""

import argparse
import asyncio
import random
import time

import harness
import peer
import report
from connection import Connection


class Claims:
    """A sender and a worker's poll on one environment."""

    def __init__(self, port, headers, poll_headers, agent, environment, rounds):
        self.port, self.headers, self.poll_headers = port, headers, poll_headers
        self.agent, self.environment, self.rounds = agent, environment, rounds
        self.polling = f"/v1/environments/{environment}/work/poll"

    async def measure(self, arrival):
        """Milliseconds from the request to the poll's answer, and to its own answer."""
        chance = random.Random(7)
        self.poller = await Connection.open(self.port, self.poll_headers)
        self.sender = await Connection.open(self.port, self.headers)
        claims, answers = [], []
        for _ in range(self.rounds):
            path, body, session = await getattr(self, arrival)()
            held = asyncio.create_task(self.poll())
            await asyncio.sleep(chance.uniform(0.01, 0.2))
            begin = time.perf_counter()
            answered, answer = await self.sender.call("POST", path, body)
            arrived, item = await asyncio.wait_for(held, 30)
            if item["data"]["id"] != (session or answer["id"]):
                raise SystemExit(f"the poll gave another session: {item}")
            claims.append((arrived - begin) * 1000)
            answers.append((answered - begin) * 1000)
            await self.stop(item)
        self.poller.close()
        self.sender.close()
        return claims, answers

    async def poll(self):
        """Polls again and again until work comes, as workers do."""
        while True:
            arrived, item = await self.poller.call("GET", f"{self.polling}?block_ms=999")
            if item:
                return arrived, item

    async def stop(self, item):
        path = f"/v1/environments/{self.environment}/work/{item['id']}/stop"
        await self.sender.call("POST", path, {"force": True})

    async def create(self):
        body = {"agent": self.agent, "environment_id": self.environment}
        return "/v1/sessions", {**body, "initial_events": [harness.message("say ok")]}, None

    async def message(self):
        body = {"agent": self.agent, "environment_id": self.environment}
        _, session = await self.sender.call("POST", "/v1/sessions", body)
        # A server may make an item of the new session itself; the message is to bring another one.
        _, item = await self.poller.call("GET", self.polling)
        if item:
            await self.stop(item)
        return f"/v1/sessions/{session['id']}/events", {"events": [harness.message("say ok")]}, session["id"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    rows = []
    with harness.Folder() as folder, harness.Perimeter(folder) as server:
        client = harness.Client(server.port)
        environment = client.environment()
        key = client.environment_key(environment)
        poll_headers = {**harness.HEADERS, "authorization": f"Bearer {key}"}
        claims = Claims(server.port, harness.HEADERS, poll_headers, client.agent(), environment, options.rounds)
        for arrival in ("create", "message"):
            latencies, answers = asyncio.run(claims.measure(arrival))
            what = f"perimeter, {arrival}: request sent to"
            rows.append({"what": f"{what} poll answered (ms)", **report.summary(latencies, ("p95", 20))})
            rows.append({"what": f"{what} its own answer (ms)", **report.summary(answers)})
    if peer.is_installed():
        with harness.Folder() as folder, peer.OpenManagedAgents(folder) as server:
            client = harness.Client(server.port, peer.HEADERS)
            agent, environment = client.agent(tools=False), client.environment()
            claims = Claims(server.port, peer.HEADERS, peer.HEADERS, agent, environment, min(options.rounds, 60))
            latencies, answers = asyncio.run(claims.measure("message"))
        what = "open-managed-agents, message: request sent to"
        rows.append({"what": f"{what} poll answered (ms)", **report.summary(latencies)})
        rows.append({"what": f"{what} its own answer (ms)", **report.summary(answers)})
    report.publish("claim_latency", rows)


if __name__ == "__main__":
    main()
