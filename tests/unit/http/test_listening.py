"""What both webs of a worker bear: callers that do not read, do not send or are too many; and how they stop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from streams.http import admin, admission, door, door_service, listening
from streams.http.admin import AdminWeb
from streams.http.admin_routes import AdminRoute, worker_routes
from streams.http.certificates import tls_of
from streams.http.door import Door
from streams.http.guard import LATE_S, REFUSED_AT_ONCE
from streams.http.keys import Scope
from streams.kafka import event_publishing
from streams.settings import AdminSettings, Settings
from streams.telemetry.progress import Progress
from streams.worker import EXIT_DEADLINE_S
from tests.unit.http.door_kit import House, Visitor, so
from tests.unit.http.test_door import HEAD, certificate, held, is_closed, raw, worked_on
from tests.unit.pipeline.fakes import event

PROBE = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
CLOSING = PROBE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The admin web with patience for tests, and room for three."""
    for name, value in {"IDLE_S": 0.2, "WRITE_S": 0.2, "READ_S": 0.2, "ADMIN_CONNECTIONS": 3}.items():
        monkeypatch.setattr(admin, name, value)


async def drain_body(request: web.Request) -> web.Response:
    await request.content.read()
    return web.Response(text="read")


def an_admin(settings: Settings | None = None) -> AdminWeb:
    progress = Progress(["drift"], needs_model=False, deadline_s=10.0, now=0.0)
    routes = worker_routes(CollectorRegistry(), progress, dict, lambda: 0.0)
    body = AdminRoute("POST", "/body", Scope.ADMIN, drain_body)
    return AdminWeb([*routes, body], admission.admin_guard(settings or Settings(), None))


@contextlib.asynccontextmanager
async def opened(web_: AdminWeb) -> AsyncIterator[int]:
    port = await web_.start("127.0.0.1", 0, chosen=True)
    try:
        yield port
    finally:
        await web_.stop()


async def never_reads(port: int, connections: Callable[[], int]) -> socket.socket:
    """A connection with answers that its end does not take."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # or the kernel would read it for us
    client.connect(("127.0.0.1", port))
    client.setblocking(False)
    await so(lambda: connections() == 1, "it is connected")
    with contextlib.suppress(TimeoutError, ConnectionError):
        async with asyncio.timeout(3):  # it stops reading once the answers are not taken
            await asyncio.get_running_loop().sock_sendall(client, PROBE * 40_000)
    return client


def test_who_never_reads_what_it_asked_for_loses_its_connection_at_the_door() -> None:
    async def check(visitor: Visitor) -> None:
        client = await never_reads(visitor.port, lambda: visitor.door.connections)
        await so(lambda: visitor.door.connections == 0, "it is let go")
        assert (await raw(visitor.port, CLOSING)).startswith(b"HTTP/1.1 200 ")
        client.close()

    House(max_connections=1, idle_timeout_ms=200, write_timeout_ms=200).visit(check)


def test_a_few_bytes_that_are_not_read_hold_no_place() -> None:
    """Too few for a writer to wait: the framework closes an idle connection only when they are read."""

    async def check(visitor: Visitor) -> None:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", visitor.port))
            await so(lambda: visitor.door.connections == 1, "it is connected")
            (connection,) = visitor.door._web._opened  # type: ignore[union-attr]
            transport = connection.transport
            assert transport is not None
            while transport.get_write_buffer_size() == 0:
                transport.write(b"x" * 50_000)
                await asyncio.sleep(0)
            await so(lambda: visitor.door.connections == 0, "it is let go")

    House(max_connections=1, idle_timeout_ms=200, write_timeout_ms=200).visit(check)


def test_the_admin_web_lets_go_who_never_reads_and_who_never_ends_its_head(hasty: None) -> None:
    async def run() -> None:
        web_ = an_admin()
        async with opened(web_) as port:
            client = await never_reads(port, lambda: web_.connections)
            slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
            for _, writer in slow:
                writer.write(b"GET /livez HTTP/1.1\r\nHost:")
            await so(lambda: web_.connections == 0, "they are let go")
            assert (await raw(port, CLOSING)).startswith(b"HTTP/1.1 200 ")
            client.close()
            for _, writer in slow:
                writer.close()

    asyncio.run(run())


def test_the_admin_web_has_a_cap_and_bodies_that_do_not_come_end(hasty: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "IDLE_S", 30.0)

    async def run() -> None:
        web_ = an_admin()
        async with opened(web_) as port:
            idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
            await so(lambda: web_.connections == 3, "they are connected")
            assert (await raw(port, CLOSING)).startswith(b"HTTP/1.1 503 ")
            for _, writer in idle:
                writer.close()
            await so(lambda: web_.connections == 0, "they left")
            assert await raw(port, b"POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx") == b""
            assert b"read" in await raw(
                port, b"POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx"
            )

    asyncio.run(run())


def test_the_admin_web_tells_neither_its_framework_nor_what_was_sent(hasty: None) -> None:
    async def run() -> None:
        async with opened(an_admin()) as port:
            for sent in (CLOSING, b"GET / HTTP/1.1\r\nBad Header s3cret: x\r\n\r\n", b"\x16\x03\x01\r\n\r\n"):
                head, _, body = (await raw(port, sent)).partition(b"\r\n\r\n")
                assert b"\r\nServer: weir" in head
                assert b"aiohttp" not in head
                assert b"s3cret" not in body

    asyncio.run(run())


def test_who_is_refused_by_the_admin_web_again_and_again_hears_it_late() -> None:
    settings = Settings(admin=AdminSettings(host="0.0.0.0"))
    asks = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"

    async def run() -> None:
        async with opened(an_admin(settings)) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            began = time.monotonic()
            for _ in range(REFUSED_AT_ONCE + 25):
                writer.write(asks)
                assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 401 ")
            assert time.monotonic() - began >= LATE_S
            writer.close()

    asyncio.run(run())


def test_a_handshake_that_never_ends_counts_and_is_given_back(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    house = House(tls_certificate=cert, tls_key=key, max_connections=2, idle_timeout_ms=500)

    async def run() -> None:
        tested = Door(house.settings.http, house.routes, house.guard, house.metrics)
        port = await tested.start(chosen=True, tls=tls_of(house.settings))
        trusting = ssl.create_default_context(cafile=str(cert))
        try:
            mute = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
            await so(lambda: tested.connections == 2, "they are counted")
            reader, writer = await asyncio.open_connection("localhost", port, ssl=trusting)
            assert (await reader.read()).startswith(b"HTTP/1.1 503 ")
            writer.close()
            await so(lambda: tested.connections == 0, "their time is over")
            reader, writer = await asyncio.open_connection("localhost", port, ssl=trusting)
            writer.write(CLOSING)
            assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
            for each in (writer, *(writer for _, writer in mute)):
                each.close()
        finally:
            await tested.stop()

    asyncio.run(run())
    house.executor.shutdown()


FEW_FILES = """
import asyncio, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 300))
from tests.unit.http.door_kit import House
async def check(visitor):
    print("port", visitor.port, flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    open("/dev/null").close()
    print("at", visitor.door.connections, "of", resource.getrlimit(resource.RLIMIT_NOFILE)[0], flush=True)
    await asyncio.to_thread(sys.stdin.readline)
House().visit(check)
"""


def test_where_few_files_may_be_open_the_cap_comes_before_the_limit_and_others_can_open_files() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FEW_FILES],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        bufsize=1,
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        noted = []
        while not (line := worker.stdout.readline()).startswith("port "):
            assert line, noted
            noted.append(line)
        port = int(line.split()[1])
        with contextlib.ExitStack() as clients:
            for _ in range(330):
                client = clients.enter_context(socket.create_connection(("127.0.0.1", port), 20))
                client.sendall(b"GET /livez HTTP/1.1")
            with socket.create_connection(("127.0.0.1", port), 20) as late, contextlib.suppress(ConnectionError):
                late.sendall(CLOSING)
                assert late.recv(12) in {b"HTTP/1.1 503", b""}
            worker.stdin.write("\n")
            said = worker.stdout.readline()
            assert said.split() == ["at", "75", "of", "300"], said
        worker.stdin.write("\n")
    assert worker.returncode == 0
    assert "http.max_connections" in "".join(noted)


def test_a_body_that_is_on_its_way_when_the_door_stops_is_answered_and_idle_callers_are_not_waited_for() -> None:
    async def check(visitor: Visitor) -> None:
        idle, other = await asyncio.open_connection("127.0.0.1", visitor.port)
        reader, writer = await asyncio.open_connection("127.0.0.1", visitor.port)
        body = event()
        writer.write(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body[:5])
        await so(lambda: house.guard.places.taken == 1, "it is read")
        stopping = asyncio.ensure_future(visitor.door.stop())
        await so(lambda: is_closed(visitor.port), "the port is closed")
        assert await idle.read() == b"", "it is closed at once"
        assert not stopping.done()
        writer.write(body[5:])
        said = await reader.read()
        assert said.startswith(b"HTTP/1.1 200 ")
        assert b"connection: close" in said.lower()
        await stopping
        other.close()
        writer.close()

    house = House()
    house.visit(check)


def test_a_model_that_hangs_holds_up_a_stop_once_and_not_for_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "DRAIN_S", 1.0)
    house, free = held(4)

    async def check(visitor: Visitor) -> None:
        asked = asyncio.ensure_future(raw(visitor.port, HEAD + b"Content-Length: %d\r\n\r\n" % len(event()) + event()))
        await worked_on(house, 1)
        began = time.monotonic()
        await visitor.door.stop()
        assert time.monotonic() - began < 1.0 + 0.9, "and not as long again for the cancelling"
        free.set()
        await asked

    house.visit(check)


def test_a_stop_of_the_role_http_fits_into_the_time_of_a_process() -> None:
    publishing_s = event_publishing.FLUSH_S + 2 * event_publishing.POLL_S
    door_s = door.DRAIN_S + 2 * listening.CLEAN_UP_S + door_service.JOIN_S
    admin_s = admin.DRAIN_S + 2 * listening.CLEAN_UP_S
    assert door_s + admin_s + publishing_s <= EXIT_DEADLINE_S - 0.5
