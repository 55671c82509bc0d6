"""The admin web of a supervisor: its worker processes asked, each on its socket, and their answers put together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout, UnixConnector, web
from prometheus_client import CollectorRegistry

from streams.http.admin_routes import AdminHandle, AdminRoute
from streams.http.keys import Scope
from streams.http.probes import encoder_for, probe
from streams.telemetry.progress import Verdict
from streams.telemetry.workers import WorkersMetrics
from streams.workers.exposition import merged
from streams.workers.members import Member, alive, described, together

PROBE_PATIENCE_S = 0.8
"""Kubernetes gives a probe 1 s where nobody says otherwise."""
PATIENCE_S = 4.0
"""For metrics and status; Prometheus gives a scrape 10 s."""
MOST_BYTES = 16_000_000
OK = 200


class WorkersWeb:
    """`members` as they are now; `status` is what `/status` says of them all."""

    def __init__(
        self, members: Callable[[], Sequence[Member]], stopping: Callable[[], bool], status: Mapping[str, Any]
    ) -> None:
        self._members, self._stopping, self._status = members, stopping, status
        self._registry = CollectorRegistry()
        self._metrics = WorkersMetrics(self._registry)

    def routes(self) -> list[AdminRoute]:
        """The same as a worker's."""
        return [
            AdminRoute("GET", "/livez", None, self._live),
            AdminRoute("GET", "/readyz", None, self._together("/readyz", "every worker is ready")),
            AdminRoute("GET", "/startupz", None, self._together("/startupz", "every worker has started")),
            AdminRoute("GET", "/metrics", Scope.READ, self._show_metrics),
            AdminRoute("GET", "/status", Scope.READ, self._describe),
        ]

    async def _live(self, _request: web.Request) -> web.Response:
        return probe(alive(self._members(), stopping=self._stopping()))

    def _together(self, path: str, good: str) -> AdminHandle:
        async def handle(_request: web.Request) -> web.Response:
            members = self._members()
            told = await ask_each(members, path, PROBE_PATIENCE_S)
            said = {number: Verdict(status == OK, body.decode().strip()) for number, (status, body) in told.items()}
            return probe(together(members, said, stopping=self._stopping(), good=good))

        return handle

    async def _show_metrics(self, request: web.Request) -> web.Response:
        members, accept = self._members(), request.headers.get("Accept", "")
        told = await ask_each(members, "/metrics", PATIENCE_S, accept)
        answered = {number: body.decode() for number, (status, body) in told.items() if status == OK}
        self._metrics.tell((each.number, each.ends.total, each.number in answered) for each in members)
        encode, content_type = encoder_for(accept)
        # In another thread: at a hundred thousand lines the probes would wait for it.
        texts = {str(number): text for number, text in sorted(answered.items())}
        text = await asyncio.to_thread(merged, encode(self._registry).decode(), texts)
        return web.Response(body=text.encode(), headers={"Content-Type": content_type})

    async def _describe(self, _request: web.Request) -> web.Response:
        members = self._members()
        told = await ask_each(members, "/status", PATIENCE_S)
        reports = {number: msgspec.json.decode(body) for number, (status, body) in told.items() if status == OK}
        live = alive(members, stopping=self._stopping())
        report = {**self._status, **described(members, reports, live)}
        return web.Response(body=msgspec.json.encode(report), content_type="application/json")


async def ask_each(
    members: Sequence[Member], path: str, patience_s: float, accept: str = ""
) -> dict[int, tuple[int, bytes]]:
    """Status and body by worker, of those that answer in time."""
    running = [each for each in members if each.pid is not None]
    told = await asyncio.gather(*(_ask(each, path, patience_s, accept) for each in running))
    return {each.number: one for each, one in zip(running, told, strict=True) if one is not None}


async def _ask(member: Member, path: str, patience_s: float, accept: str) -> tuple[int, bytes] | None:
    timeout = ClientTimeout(total=patience_s)
    try:
        async with (
            ClientSession(connector=UnixConnector(str(member.socket)), timeout=timeout) as session,
            session.get(f"http://localhost{path}", headers={"Accept": accept}) as answer,
        ):
            body = bytearray()
            async for part in answer.content.iter_chunked(65_536):
                body += part
                if len(body) > MOST_BYTES:
                    return None
            return answer.status, bytes(body)
    except (ClientError, OSError, TimeoutError):
        return None
