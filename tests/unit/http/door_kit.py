"""A door with a toy model behind it, on a free port."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiohttp
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from streams.decide.serving import Serving
from streams.http.admission import door_guard, identify_by
from streams.http.asking import Asking
from streams.http.deadlines import Deadlines
from streams.http.door import Door
from streams.http.door_models import DoorModel, DoorModels
from streams.http.door_service import door_routes
from streams.http.gathering import Gathering
from streams.http.publishing import Publishing
from streams.settings import HttpSettings, Settings
from streams.telemetry.metrics import Metrics
from streams.telemetry.progress import Progress
from tests.unit.pipeline.fakes import ToyModel
from tests.unit.pipeline.test_predict_decider import serving
from tests.waiting import until

JSON = {"Content-Type": "application/json"}


class House:
    """What a worker of the role http has. `serving` may be changed between requests."""

    def __init__(self, model: ToyModel | None = None, *, loaded: bool = True, **http: Any) -> None:
        self.settings = Settings(http=replace(HttpSettings(), port=0, **http))
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)
        self.progress = Progress(["http"], needs_model=True, deadline_s=10.0, now=0.0)
        self.serving: Serving = serving(model or ToyModel())
        self.models = DoorModels()
        self.offered: list[Any] = []
        publishing = Publishing(lambda *what: self.offered.append(what)) if self.settings.http.publish else Publishing()
        self.routes = door_routes(self.settings, self.models, self.registry, self.progress, publishing)
        self.guard = door_guard(self.settings, identify_by(self.settings))
        self.executor = ThreadPoolExecutor(1)
        if loaded:
            self.load()

    def load(self) -> None:
        asking = Asking(
            "toy",
            lambda: self.serving,
            self.executor,
            Gathering(gather_s=0.002, max_rows=100),
            Deadlines(self.settings.http.deadline_ms / 1000),
            self.metrics,
            lambda _begins: None,
        )
        self.models.opened({"toy": DoorModel(asking, lambda: self.serving.model)})

    def count(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0

    def visit(self, check: Callable[[Visitor], Awaitable[None]]) -> None:
        """Open the door, run `check`, and close it."""

        async def run() -> None:
            door = Door(self.settings.http, self.routes, self.guard, self.metrics)
            port = await door.start(chosen=True)
            try:
                async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
                    await check(Visitor(session, port, door))
            finally:
                await door.stop()

        try:
            asyncio.run(run())
        finally:
            self.executor.shutdown()


async def so(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition without holding up the door."""
    await asyncio.to_thread(until, condition, what, every_s=0.005)


class Said:
    """One answer of the door."""

    def __init__(self, status: int, headers: Any, text: str) -> None:
        self.status, self.headers, self.text = status, headers, text

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Visitor:
    """A client."""

    def __init__(self, session: aiohttp.ClientSession, port: int, door: Door) -> None:
        self.session, self.port, self.door = session, port, door

    async def get(self, path: str, **headers: str) -> Said:
        return await self.request("GET", path, headers=headers)

    async def post(self, path: str, body: bytes | Any, **headers: str) -> Said:
        return await self.request("POST", path, data=body, headers={**JSON, **headers})

    async def request(self, method: str, path: str, **how: Any) -> Said:
        async with self.session.request(method, path, **how) as response:
            return Said(response.status, response.headers, await response.text())


def key_file(folder: Path, *lines: bytes) -> Path:
    path = folder / "keys.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path
