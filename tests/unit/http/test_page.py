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
from aiohttp import web
from msgspec.structs import replace

from drift.command import Acknowledge
from streams.control_records import Answer, Command
from streams.http.admin import AdminWeb
from streams.http.admission import admin_guard, identify_by
from streams.http.keys import Scope, new_key
from streams.http.page import reader, viewers
from streams.http.page.files import Files
from streams.http.page.orders import MARK, Orders
from streams.http.page.reader import PageReader
from streams.http.page.routes import page_routes
from streams.kafka.feed import Read
from streams.kafka.following import Followed
from streams.page.figures import encode_figures
from streams.page.view import View
from streams.page.watching import Sources, Watching
from streams.serving_commands import Rollback
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
        self.ordered: list[tuple[str, Command, int | None]] = []
        self.answer: Answer | Exception | None = Answer("applied", "revision 1")
        self.feeds: list[threading.Event] = []
        self.records: list[Followed] = []
        self.broken = threading.Event()
        self.reader = PageReader(self.feed, self.watching, lambda: (answering(7, "own"), time.time_ns() // 1_000_000))
        self.unreadable: dict[str, str] = {}
        self.behind: tuple[str, ...] = ()
        self.taking = False
        orders = Orders(self.propose)
        take, orders.take = orders.take, self.note  # type: ignore[method-assign]
        self._take = take
        routes = page_routes(self.reader.watch, orders, Files())
        self.web = AdminWeb(routes, admin_guard(self.settings, identify_by(self.settings)))

    def watching(self) -> Watching:
        return Watching(lambda: View(EVENTS, (1.0,), (0.0, 1.0)), SOURCES, lambda _m, _v: None)

    def feed(self, stop: threading.Event) -> Iterator[Read]:
        self.feeds.append(stop)
        yield Read(afresh=self.read(), unreadable=self.unreadable, behind=self.read())
        yield Read(self.records, unreadable=self.unreadable, behind=self.behind)
        while not stop.wait(0.02):
            afresh = self.read() if self.broken.is_set() else None
            yield Read(afresh=afresh, unreadable=self.unreadable, behind=self.behind)
            self.broken.clear()

    async def note(self, request: web.Request) -> web.Response:
        self.taking = True
        return await self._take(request)

    def read(self) -> list[str]:
        return [topic for topic in SOURCES if topic not in self.unreadable]

    async def propose(self, model: str, command: Command, expected_revision: int | None) -> Answer | None:
        self.ordered.append((model, command, expected_revision))
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
    assert worker.ordered == [("churn", Acknowledge("nina", "age", "a"), None)] * 4


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
    assert [command.author for _, command, _ in worker.ordered] == ["ops"]


def test_a_viewer_gets_everything_first_and_then_the_news() -> None:
    worker = Worker()
    at = time.time_ns() // 1_000_000 // 2000 * 2000
    told = [(answering(0, uptime_ms=90_000), at - 4000), (answering(50, uptime_ms=92_000), at - 2000)]
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
    worker.unreadable = {"figures": "no topic"}

    async def check(session: aiohttp.ClientSession) -> None:
        async with session.get("/page/stream") as response:
            state = [await next_event(response) for _ in range(3)][2][1]
        assert state["problem"] == "no topic; shown is this worker alone"
        assert [each["slot"] for each in state["workers"]] == ["slot of own"]

    worker.run(check)


def test_a_topic_that_does_not_come_to_its_end_is_told_and_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a partition that nobody leads."""
    monkeypatch.setattr(reader, "PATIENCE_S", 0.1)
    worker = Worker()
    worker.behind = ("alerts",)

    async def check(session: aiohttp.ClientSession) -> None:
        async with session.get("/page/stream") as response:
            state = [await next_event(response) for _ in range(3)][2][1]
        assert state["problem"] == "still reading: alerts"
        assert state["verdict"][0]["about"] == "problem"

    worker.run(check)


def test_while_kafka_keeps_its_reader_waiting_viewers_are_told_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "PATIENCE_S", 0.1)
    worker = Worker()
    hangs = threading.Event()

    def feed(stop: threading.Event) -> Iterator[Read]:
        yield Read(afresh=list(SOURCES), behind=list(SOURCES))
        hangs.wait(60)  # in a call of the client, which knows of no stop

    worker.reader = PageReader(feed, worker.watching, lambda: (answering(7, "own"), time.time_ns() // 1_000_000))
    worker.web = AdminWeb(
        page_routes(worker.reader.watch, Orders(worker.propose), Files()),
        admin_guard(worker.settings, identify_by(worker.settings)),
    )

    async def check(session: aiohttp.ClientSession) -> None:
        async with session.get("/page/stream") as response:
            while (await next_event(response))[0] != "time":
                pass
            await next_event(response)

    try:
        worker.run(check)
    finally:
        hangs.set()


def test_who_goes_away_while_nothing_is_told_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewers, "COMMENT_S", 0.05)
    monkeypatch.setattr(reader, "PATIENCE_S", 600.0)
    worker = Worker()
    worker.behind = ("alerts",)

    async def check(session: aiohttp.ClientSession) -> None:
        response = await session.get("/page/stream")
        async with asyncio.timeout(10):
            assert (await response.content.readline()).startswith(b":")
        assert len(worker.reader._viewers) == 1
        response.close()
        await asyncio.to_thread(until, lambda: not len(worker.reader._viewers), "its stream has ended")

    worker.run(check)


def test_an_order_that_comes_in_two_segments_is_one_order() -> None:
    worker = Worker()
    body = json.dumps(ACKNOWLEDGE).encode()
    head = f"POST /page/orders HTTP/1.1\r\nHost: localhost\r\n{MARK}: 1\r\nContent-Type: application/json\r\n"

    async def check(session: aiohttp.ClientSession) -> None:
        incoming, outgoing = await asyncio.open_connection(session._base_url.host, session._base_url.port)
        outgoing.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:20])
        await outgoing.drain()
        # The rest comes once the first piece was taken up.
        await asyncio.to_thread(until, lambda: worker.taking, "the order is read")
        outgoing.write(body[20:])
        async with asyncio.timeout(10):
            assert b" 200 " in await incoming.readline()
        outgoing.close()

    worker.run(check)
    assert len(worker.ordered) == 1


def test_what_was_confirmed_on_a_revision_is_put_on_it() -> None:
    worker = Worker()
    order = {"action": "rollback", "model": "churn", "author": "nina", "expected_revision": 4}

    async def check(session: aiohttp.ClientSession) -> None:
        async with session.post("/page/orders", json=order, headers=MARKED) as answer:
            assert answer.status == 200

    worker.run(check)
    assert worker.ordered == [("churn", Rollback("nina"), 4)]


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
