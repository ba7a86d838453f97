"""The peer `open-managed-agents`: another server of the same API, started from `.build/bench-peer`."""

import time
import urllib.error
import urllib.request

import harness

PYTHON = harness.ROOT / ".build/bench-peer/bin/python"
API_KEY = "benchmark-key"
HEADERS = {
    "authorization": f"Bearer {API_KEY}",
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "managed-agents-2026-04-01",
}
SCHEMA = """
import asyncio
from app.db import models
from app.db.engine import get_engine
from app.db.models import Base

async def make():
    async with get_engine().begin() as connection:
        await connection.run_sync(Base.metadata.create_all)

asyncio.run(make())
"""


def is_installed():
    if PYTHON.exists():
        return True
    print("open-managed-agents is not installed (Benchmarks/setup-peers.sh); its side is left out", flush=True)
    return False


class OpenManagedAgents(harness.Process):
    """Its server as its README starts it, on SQLite, without a model: one uvicorn process."""

    def __init__(self, folder):
        self.port = harness.free_port()
        environment = {
            "DATABASE_URL": f"sqlite+aiosqlite:///{folder}/peer.db",
            "OMA_API_KEY": API_KEY,
            "LOG_LEVEL": "WARNING",
            "OPENAI_BASE_URL": "http://127.0.0.1:9",
        }
        arguments = [PYTHON, "-m", "uvicorn", "app.main:app", "--port", self.port, "--no-access-log"]
        super().__init__(arguments, folder, "peer", environment)

    def __enter__(self):
        with harness.Process([PYTHON, "-c", SCHEMA], self.folder, "schema", self.environment) as schema:
            if schema.child.wait(60):
                raise SystemExit(f"the peer's schema: {schema.log.read_text()[-2000:]}")
        begin = time.perf_counter()
        super().__enter__()
        while time.perf_counter() - begin < 60:
            self.check()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5):
                    self.start_seconds = time.perf_counter() - begin
                    return self
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.01)
        self.__exit__()
        raise SystemExit("the peer did not get ready")
