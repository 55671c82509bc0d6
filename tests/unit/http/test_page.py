"""The page's routes over real HTTP: files, orders, and streams that are bounded."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from msgspec.structs import replace

from drift.command import Acknowledge
from streams.control_records import Answer, Command
from streams.http.admin import AdminWeb
from streams.http.admission import admin_guard, identify_by
from streams.http.keys import Scope, new_key
from streams.http.page import viewers
from streams.http.page.files import Files
from streams.http.page.orders import MARK, Orders
from streams.http.page.reader import PageReader
from streams.http.page.routes import page_routes
from streams.kafka.feed import Read
from streams.kafka.following import Followed
from streams.page.figures import encode_figures
from streams.page.view import View
from streams.page.watching import Sources, Watching
from streams.settings import HttpSettings, Settings
from tests.unit.page.telling import EVENTS, answering
from tests.waiting import until

SOURCES = Sources("figures", "alerts", "control")
ACKNOWLEDGE = {"action": "acknowledge", "model": "churn", "signal": "age", "alert_id": "a", "author": "nina"}
MARKED = {MARK: "1", "Content-Type": "application/json"}


class Worker:
    """A worker's page, with topics and a controller of the test's own."""

    def __init__(self, **http: Any) -> None:
        self.settings = Settings(http=replace(HttpSettings(), **http))
        self.ordered: list[tuple[str, Command]] = []
        self.answer: Answer | Exception | None = Answer("applied", "revision 1")
        self.feeds: list[threading.Event] = []
        self.records: list[Followed] = []
        self.broken = threading.Event()
        self.reader = PageReader(self.feed, self.watching, lambda: (answering(7, "own"), time.time_ns() // 1_000_000))
        self.topics: tuple[str, ...] = tuple(SOURCES)
        routes = page_routes(self.reader.watch, Orders(self.propose), Files())
        self.web = AdminWeb(routes, admin_guard(self.settings, identify_by(self.settings)))

    def watching(self) -> Watching:
        return Watching(lambda: View(EVENTS, (1.0,), (0.0, 1.0)), SOURCES, lambda _m, _v: None)

    def feed(self, stop: threading.Event) -> Iterator[Read]:
        self.feeds.append(stop)
        yield Read(afresh=True, topics=self.topics, problem=None if "figures" in self.topics else "no topic")
        yield Read(self.records, caught_up=True)
        while not stop.wait(0.02):
            yield Read(afresh=True) if self.broken.is_set() else Read(caught_up=True)
            self.broken.clear()

    async def propose(self, model: str, command: Command) -> Answer | None:
        self.ordered.append((model, command))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def run(self, check: Callable[[aiohttp.ClientSession], Awaitable[None]]) -> None:
        async def serve() -> None:
            port = await self.web.start("127.0.0.1", 0, chosen=True)
            try:
                async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
                    await check(session)
            finally:
                await self.reader.close()
                await self.web.stop()

        asyncio.run(serve())


async def next_event(response: aiohttp.ClientResponse) -> tuple[str, Any]:
    async with asyncio.timeout(10):
        name = (await response.content.readline()).decode().removeprefix("event: ").strip()
        data = json.loads((await response.content.readline()).decode().removeprefix("data: "))
        await response.content.readline()
    return name, data


def test_every_file_that_the_page_names_is_served_under_a_strict_policy() -> None:
    async def check(session: aiohttp.ClientSession) -> None:
        async with session.get("/", allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (302, "/page")
        async with session.get("/page") as answer:
            text = await answer.text()
            assert answer.content_type == "text/html"
            policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "style=" not in text
        assert "http://" not in text.replace("http://www.w3.org", "")
        names = [part.split('"')[0] for part in text.split('"/page/')[1:]]
        for name in [*names, "alerts.js", "card.js", "charts.js", "bars.js", "format.js", "panels.js"]:
            async with session.get(f"/page/{name}") as answer:
                assert answer.status == 200, name
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                tag = answer.headers["ETag"]
            async with session.get(f"/page/{name}", headers={"If-None-Match": tag}) as answer:
                assert answer.status == 304
        async with session.get("/page/runbooks/drift.md") as answer:
            assert (answer.status, answer.content_type) == (200, "text/plain")
        for name in ("/page/routes.py", "/page/%2e%2e%2fadmin.py", "/page/runbooks/..%2fREADME.md", "/page/none.js"):
            async with session.get(name) as answer:
                assert answer.status == 404, name

    Worker().run(check)


def test_an_order_goes_to_the_controller_and_its_answer_comes_back() -> None:
    worker = Worker()

    async def check(session: aiohttp.ClientSession) -> None:
        async with session.post("/page/orders", json=ACKNOWLEDGE, headers=MARKED) as answer:
            assert (answer.status, await answer.json()) == (200, {"outcome": "applied", "why": "revision 1"})
        worker.answer = Answer("refused", "stale")
        async with session.post("/page/orders", json=ACKNOWLEDGE, headers=MARKED) as answer:
            assert (answer.status, (await answer.json(content_type=None))["detail"]) == (409, "stale")
        worker.answer = None
        async with session.post("/page/orders", json=ACKNOWLEDGE, headers=MARKED) as answer:
            assert answer.status == 504
        worker.answer = OSError("a secret of the client")
        async with session.post("/page/orders", json=ACKNOWLEDGE, headers=MARKED) as answer:
            assert answer.status == 503
            assert "secret" not in await answer.text()

    worker.run(check)
    assert worker.ordered == [("churn", Acknowledge("nina", "age", "a"))] * 4


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (403, {"Content-Type": "application/json"}, json.dumps(ACKNOWLEDGE)),
        (403, {**MARKED, "Origin": "http://evil.example"}, json.dumps(ACKNOWLEDGE)),
        (415, {**MARKED, "Content-Type": "text/plain"}, json.dumps(ACKNOWLEDGE)),
        (400, MARKED, "{}"),
        (413, MARKED, json.dumps({**ACKNOWLEDGE, "reason": "x" * 10_000})),
        (421, {**MARKED, "Host": "evil.example"}, json.dumps(ACKNOWLEDGE)),
    ],
)
def test_no_other_order_is_put(status: int, headers: dict[str, str], body: str) -> None:
    worker = Worker()

    async def check(session: aiohttp.ClientSession) -> None:
        async with session.post("/page/orders", data=body, headers=headers) as answer:
            assert answer.status == status

    worker.run(check)
    assert worker.ordered == []


def test_with_keys_everybody_here_looks_on_and_only_an_admin_orders(tmp_path: Path) -> None:
    reader, admin = new_key("looks", (Scope.READ,)), new_key("ops", (Scope.ADMIN,))
    file = tmp_path / "keys"
    file.write_text("\n".join(msgspec.json.encode(record).decode() for _, record in (reader, admin)))
    file.chmod(0o600)
    worker = Worker(keys_file=file)

    async def check(session: aiohttp.ClientSession) -> None:
        async with session.get("/page") as answer:
            assert answer.status == 200
        for key, status in ((None, 401), (reader[0], 403), (admin[0], 200)):
            headers = {**MARKED, **({"Authorization": f"Bearer {key}"} if key else {})}
            async with session.post("/page/orders", json=ACKNOWLEDGE, headers=headers) as answer:
                assert answer.status == status

    worker.run(check)
    assert [command.author for _, command in worker.ordered] == ["ops"]


def test_a_viewer_gets_everything_first_and_then_the_news() -> None:
    worker = Worker()
    at = time.time_ns() // 1_000_000 // 2000 * 2000
    told = [(answering(0, started_ms=at - 90_000), at - 4000), (answering(50, started_ms=at - 90_000), at - 2000)]
    worker.records = [
        Followed("figures", 0, offset, encode_figures(each), None, b"p0", time_ms)
        for offset, (each, time_ms) in enumerate(told)
    ]

    async def check(session: aiohttp.ClientSession) -> None:
        async with session.get("/page/stream") as response:
            assert response.content_type == "text/event-stream"
            events = [await next_event(response) for _ in range(3)]
            assert [name for name, _ in events] == ["points", "alerts", "state"]
            assert events[0][1]["all"] is True
            assert events[0][1]["answered"] == [25.0]
            assert [each["slot"] for each in events[2][1]["workers"]] == ["slot of p0"]
            while (await next_event(response))[0] != "time":
                pass
        async with session.get("/page/stream") as again:
            assert (await next_event(again))[1]["all"] is True
        assert len(worker.feeds) == 1  # who comes back is told from what is known already

    worker.run(check)
    assert worker.feeds[0].is_set()


def test_who_looks_on_while_all_is_read_anew_is_told_everything_again() -> None:
    worker = Worker()

    async def check(session: aiohttp.ClientSession) -> None:
        async with session.get("/page/stream") as response:
            assert (await next_event(response))[1]["all"] is True
            worker.broken.set()
            while True:
                name, data = await next_event(response)
                if name == "points" and data["all"]:
                    return

    worker.run(check)


def test_without_the_topic_the_page_shows_this_worker_and_says_why() -> None:
    worker = Worker()
    worker.topics = ("alerts", "control")

    async def check(session: aiohttp.ClientSession) -> None:
        async with session.get("/page/stream") as response:
            state = [await next_event(response) for _ in range(3)][2][1]
        assert state["problem"] == "no topic; shown is this worker alone"
        assert [each["slot"] for each in state["workers"]] == ["slot of own"]

    worker.run(check)


def test_streams_are_bounded_in_number() -> None:
    async def check(session: aiohttp.ClientSession) -> None:
        open_ones = [await session.get("/page/stream") for _ in range(viewers.MOST_VIEWERS)]
        async with session.get("/page/stream") as refused:
            assert (refused.status, "Retry-After" in refused.headers) == (503, True)
        for each in open_ones:
            each.close()
        async with asyncio.timeout(10):
            while (again := await session.get("/page/stream")).status != 200:
                again.close()
            again.close()

    Worker().run(check)


def test_who_does_not_read_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewers, "WRITE_S", 0.2)
    worker = Worker()
    about = b'"dedupe_key": "m/s", "model": "m", "version": "1", "severity": "log", "state": "firing"'
    flood = b'{"alert_id": "a%d", ' + about + b', "text": "' + b"x" * 200_000 + b'"}'
    worker.records = [Followed("alerts", 0, n, flood % n, None, None, n) for n in range(40)]

    async def check(session: aiohttp.ClientSession) -> None:
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            host, port = str(session._base_url.host), int(session._base_url.port or 0)
            await asyncio.to_thread(slow.connect, (host, port))
            slow.sendall(b"GET /page/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await asyncio.to_thread(until, lambda: len(worker.reader._viewers), "it is a viewer")
            await asyncio.to_thread(until, lambda: not len(worker.reader._viewers), "it is none any more")

    worker.run(check)
