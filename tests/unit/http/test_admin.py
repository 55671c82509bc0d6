"""The admin web over real HTTP, on a free port."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from streams.http.admin import AdminWeb
from streams.http.admin_routes import worker_routes
from streams.http.admission import admin_guard
from streams.http.ports import PortTaken
from streams.settings import Settings
from streams.telemetry.metrics import Metrics
from streams.telemetry.progress import Progress


class Process:
    """What a worker would have: metrics, progress, and a clock moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)
        self.progress = Progress(["predict"], needs_model=True, deadline_s=10.0, now=0.0)
        routes = worker_routes(self.registry, self.progress, lambda: {"group": "weir", "slot": "s-0"}, lambda: self.now)
        self.web = AdminWeb(routes, admin_guard(Settings(), None))


def get(url: str, accept: str = "*/*") -> tuple[int, str, str]:
    try:
        with urlopen(Request(url, headers={"Accept": accept}), timeout=10) as response:
            return response.status, response.headers["Content-Type"], response.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


def serving(process: Process, check: Callable[[str], None]) -> None:
    """Run `check` with the base address, off the event loop that serves."""

    async def run() -> None:
        port = await process.web.start("127.0.0.1", 0, chosen=True)
        try:
            await asyncio.to_thread(check, f"http://127.0.0.1:{port}")
        finally:
            await process.web.stop()

    asyncio.run(run())


def test_probes_follow_start_progress_and_stop() -> None:
    process = Process()

    def check(base: str) -> None:
        def codes() -> tuple[int, int, int]:
            livez, readyz, startupz = (get(f"{base}/{probe}")[0] for probe in ("livez", "readyz", "startupz"))
            return livez, readyz, startupz

        assert codes() == (200, 503, 503)
        assert "no model is loaded yet" in get(f"{base}/readyz")[2]
        process.progress.model_loaded("churn", "3")
        process.progress.lane("predict").assigned([0], 0.0)
        assert codes() == (200, 200, 200)
        process.now = 10.1
        assert codes() == (503, 200, 200)
        assert "predict is behind" in get(f"{base}/livez")[2]
        process.progress.lane("predict").committed(10.1)
        process.progress.stopping()
        assert codes() == (200, 503, 200)

    serving(process, check)


def test_metrics_come_as_text_or_as_openmetrics_when_asked() -> None:
    process = Process()
    process.metrics.batch_committed("events", 5, 0.01)

    def check(base: str) -> None:
        _, kind, text = get(f"{base}/metrics")
        assert kind.startswith("text/plain")
        assert any(f.name == "weir_records_consumed" for f in text_string_to_metric_families(text))
        _, kind, text = get(f"{base}/metrics", "application/openmetrics-text; version=1.0.0")
        assert kind.startswith("application/openmetrics-text")
        assert any(f.name == "weir_records_consumed" for f in parse_openmetrics(text))
        code, kind, text = get(f"{base}/metrics", "application/openmetrics-text; version=abc; escaping=zz")
        assert (code, kind.partition(";")[0]) == (200, "text/plain")
        assert any(f.name == "weir_records_consumed" for f in text_string_to_metric_families(text))

    serving(process, check)


def test_status_is_json_about_lanes_and_models() -> None:
    process = Process()
    process.progress.model_loaded("churn", "3")
    process.progress.lane("predict").assigned([0, 4], 0.0)

    def check(base: str) -> None:
        code, kind, text = get(f"{base}/status")
        assert (code, kind) == (200, "application/json")
        status = json.loads(text)
        assert (status["group"], status["slot"], status["live"], status["ready"]) == ("weir", "s-0", True, True)
        assert status["models"] == {"churn": "3"}
        assert status["lanes"]["predict"]["partitions"] == [0, 4]
        assert get(f"{base}/nothing")[0] == 404

    serving(process, check)


def test_a_chosen_port_that_is_taken_is_an_error_and_a_stop_frees_the_port() -> None:
    async def run() -> None:
        first, second = Process().web, Process().web
        port = await first.start("127.0.0.1", 0, chosen=True)
        with pytest.raises(PortTaken):
            await second.start("127.0.0.1", port, chosen=True)
        await second.stop()
        assert await second.start("127.0.0.1", port, chosen=False) != port
        await second.stop()
        await first.stop()
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0

    asyncio.run(run())
