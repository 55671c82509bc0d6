"""The thread that tells of this process goes on, whatever its metrics do."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from streams import page_service
from streams.page.figures import Figures
from streams.page_service import PageService
from streams.settings import KafkaSettings, Settings
from streams.slot import Slot
from streams.telemetry.metrics import Metrics
from streams.telemetry.progress import Progress
from tests.waiting import until


def test_one_metric_that_cannot_be_read_does_not_make_the_worker_vanish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_service, "EVERY_MS", 10)
    settings = Settings(kafka=KafkaSettings(bootstrap_servers="127.0.0.1:1"))
    progress = Progress(["predict"], needs_model=True, deadline_s=10.0, now=0.0)
    registry = CollectorRegistry()
    slot = Slot("w-0", "h", tmp_path / "fenced")
    service = PageService(settings, slot, ("predict",), registry, Metrics(registry), progress)
    taken, take = 0, service._take

    def fails_at_first() -> Figures:
        nonlocal taken
        taken += 1
        if taken == 1:
            raise ValueError("a metric of a library")
        return take()

    monkeypatch.setattr(service, "_take", fails_at_first)
    _, began_ms = service._own
    service._thread.start()
    try:
        until(lambda: service._own[1] > began_ms, "it tells of itself again")
    finally:
        service._stop.set()
        service._thread.join(10)
    assert taken > 1
    assert not service._thread.is_alive()
