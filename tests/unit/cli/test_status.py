"""`weir status`: which workers it finds."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from streams.cli.status import _print, active_models, find_workers
from streams.http.admin import AdminWeb
from streams.http.admin_routes import AdminRoute, worker_routes
from streams.http.admission import admin_guard, identify_by
from streams.http.keys import Scope, new_key
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


def test_a_worker_that_takes_a_key_is_asked_with_the_one_of_the_environment_and_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key, record = new_key("status", (Scope.READ,))
    (tmp_path / "keys").write_bytes(msgspec.json.encode(record))
    progress = Progress(["drift"], needs_model=False, deadline_s=10.0, now=0.0)
    asked: list[str | None] = []

    def status() -> dict[str, object]:
        return {"group": "weir"}

    async def note(request: web.Request) -> web.Response:
        asked.append(request.headers.get("Authorization"))
        return web.json_response({})

    async def run() -> list[list[dict[str, object]]]:
        settings = load_settings(
            environ={"WEIR_ADMIN__HOST": "0.0.0.0", "WEIR_HTTP__KEYS_FILE": str(tmp_path / "keys")}
        )
        guard = admin_guard(settings, identify_by(settings))
        keyed = AdminWeb(worker_routes(CollectorRegistry(), progress, status, lambda: 0.0), guard)
        port = await keyed.start("127.0.0.1", 0, chosen=True)
        neighbour = AdminWeb([AdminRoute("GET", "/status", None, note)], guard)
        await neighbour.start("127.0.0.1", port + 1, chosen=False)
        settings = load_settings(environ={"WEIR_ADMIN__PORT": str(port)})
        try:
            without = await asyncio.to_thread(find_workers, settings)
            monkeypatch.setenv("WEIR_API_KEY", key)
            return [without, await asyncio.to_thread(find_workers, settings)]
        finally:
            await keyed.stop()
            await neighbour.stop()

    without, with_key = asyncio.run(run())
    assert (without, [each["group"] for each in with_key]) == ([], ["weir"])
    assert "WEIR_API_KEY" in capsys.readouterr().err
    assert set(asked) == {None}, "who took the next port does not see the key"


def test_each_worker_of_a_supervisor_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    first = {"worker": 0, "slot": "a", "live": True, "ready": True, "ends": 0}
    second = {"worker": 1, "slot": "a.1", "live": True, "ready": False, "ends": 2}
    worker = {"url": "http://h:1", "live": True, "ready": False, "reason": None, "workers": [first, second]}
    _print({"kafka": {"bootstrap_servers": "k:1", "reachable": True}, "models": [], "workers": [worker]})
    lines = capsys.readouterr().out.splitlines()[1:]
    assert lines == [
        "worker    http://h:1 live, NOT ready",
        "          0: slot a, live, ready",
        "          1: slot a.1, live, NOT ready, ended 2 times by itself",
    ]
