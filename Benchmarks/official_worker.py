"""Runs the SDK's `EnvironmentWorker` until it is stopped; started by workers.py with the Python of .build/bench-sdk."""

import asyncio
import os
import signal
import sys

import anthropic


async def main():
    url, environment, folder = sys.argv[1:4]
    key = os.environ["BENCH_ENVIRONMENT_KEY"]
    client = anthropic.AsyncAnthropic(base_url=url, api_key=key)
    worker = client.beta.environments.work.worker(
        environment_id=environment, environment_key=key, workdir=folder, max_idle=2.0
    )
    task = asyncio.ensure_future(worker.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        pass


asyncio.run(main())
