"""A real Prometheus scrapes two workers' admin ports, and evaluates rules and dashboard on what it gets."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry

from streams.http.admin import AdminWeb
from streams.http.admin_routes import worker_routes
from streams.http.admission import admin_guard
from streams.settings import Settings
from streams.telemetry.exemplars import Traced
from streams.telemetry.metrics import Metrics
from streams.telemetry.progress import Progress
from tests.prometheus.expressions import RULES
from tests.prometheus.server import Prometheus, scraping
from tests.prometheus.test_dashboard import EXPRESSIONS
from tests.unit.telemetry.test_metrics import use_all
from tests.waiting import until

TRACE = "0af7651916cd43dd8448eb211c80319c"


def worker() -> AdminWeb:
    """The admin web of a process that has told all there is to tell."""
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    use_all(metrics)
    metrics.answered_after([0.4], [Traced(0.4, TRACE)])
    progress = Progress(["predict"], needs_model=True, deadline_s=10.0, now=0.0)
    return AdminWeb(worker_routes(registry, progress, dict, time.monotonic), admin_guard(Settings(), None))


def scraped(folder: Path, check: Callable[[Prometheus, list[str]], None]) -> None:
    """Run `check` with the Prometheus and the targets, off the event loop that serves."""

    async def run() -> None:
        workers = [worker(), worker()]
        try:
            targets = [f"127.0.0.1:{await each.start('127.0.0.1', 0, chosen=True)}" for each in workers]
            with scraping(targets, RULES, folder) as prometheus:
                await asyncio.to_thread(check, prometheus, targets)
        finally:
            for each in workers:
                await each.stop()

    asyncio.run(run())


def test_prometheus_scrapes_workers_and_evaluates_rules_and_dashboard(prometheus: None, tmp_path: Path) -> None:
    def check(server: Prometheus, targets: list[str]) -> None:
        def said() -> str:
            return (tmp_path / "prometheus.log").read_text()[-2000:]

        def known() -> set[str]:
            return {each["metric"]["instance"] for each in server.value("weir_ready == 1")}

        until(server.answers, "Prometheus answers", said=said)
        until(lambda: known() == set(targets), "both workers are scraped", said=said)
        now = time.time()
        found = server.asked(
            "query_exemplars", query="weir_end_to_end_seconds_bucket", start=str(now - 60), end=str(now + 60)
        )
        assert {each["labels"]["trace_id"] for series in found for each in series["exemplars"]} == {TRACE}

        def evaluated() -> set[str]:
            return {rule["health"] for group in server.asked("rules")["groups"] for rule in group["rules"]}

        until(lambda: "unknown" not in evaluated(), "every rule is evaluated", said=said)
        assert evaluated() == {"ok"}
        for expression in EXPRESSIONS:
            server.value(re.sub(r"\$(namespace|job|model)", ".*", expression.replace("$__rate_interval", "1m")))

        def firing() -> list[str]:
            alerts = server.value('ALERTS{alertname="WeirDriftTicket",alertstate="firing"}')
            return [each["metric"]["model"] for each in alerts]

        until(lambda: firing() == ["churn"], "an alert fires", said=said)

    scraped(tmp_path, check)
