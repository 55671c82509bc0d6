"""`weir status`: which workers it finds."""

from __future__ import annotations

import asyncio
from pathlib import Path

from prometheus_client import CollectorRegistry

from streams.cli.status import active_models, find_workers
from streams.http.admin import AdminWeb
from streams.http.admin_routes import worker_routes
from streams.http.admission import admin_guard
from streams.settings import Settings, load_settings
from streams.telemetry.progress import Progress


def test_workers_of_this_group_are_found_on_the_admin_port_and_after_it() -> None:
    async def run() -> tuple[list[int], list[dict[str, object]]]:
        webs, ports = [], []
        for group in ("weir", "other", "weir"):
            progress = Progress(["drift"], needs_model=False, deadline_s=10.0, now=0.0)
            routes = worker_routes(CollectorRegistry(), progress, lambda group=group: {"group": group}, lambda: 0.0)
            web = AdminWeb(routes, admin_guard(Settings(), None))
            # As `weir worker` does: the first port that is free from the default on.
            ports.append(await web.start("127.0.0.1", ports[0] if ports else 0, chosen=not ports))
            webs.append(web)
        settings = load_settings(environ={"WEIR_ADMIN__PORT": str(ports[0]), "WEIR_ADMIN__HOST": "0.0.0.0"})
        try:
            return ports, await asyncio.to_thread(find_workers, settings)
        finally:
            for web in webs:
                await web.stop()

    ports, workers = asyncio.run(run())
    assert [worker["url"] for worker in workers] == [f"http://127.0.0.1:{port}" for port in (ports[0], ports[2])]
    assert all(worker["live"] and not worker["ready"] for worker in workers)


def test_no_registry_means_no_models(tmp_path: Path) -> None:
    assert active_models(load_settings(environ={"WEIR_MODEL__REGISTRY": str(tmp_path / "none")})) == []
