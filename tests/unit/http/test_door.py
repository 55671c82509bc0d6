"""Who the door lets in, how much it takes, and how it closes."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import ssl
import threading
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from structlog.testing import capture_logs
from yarl import URL

from streams.http.admission import identify_by
from streams.http.certificates import tls_of
from streams.http.door import Door
from streams.http.keys import Scope, new_key
from streams.http.origins import is_address_or_localhost, is_host
from streams.settings import HttpSettings, Settings, SettingsError
from tests.unit.http.door_kit import House, Said, Visitor, key_file, so
from tests.unit.pipeline.fakes import ToyModel, event

KEYS = {scope: new_key(f"of-{scope}", (scope,)) for scope in Scope}
LINES = [msgspec.json.encode(record) for _, record in KEYS.values()]

SCOPES = {
    "GET /livez": None,
    "GET /readyz": None,
    "GET /startupz": None,
    "POST /predict": Scope.PREDICT,
    "GET /metrics": Scope.READ,
    "GET /openapi.json": Scope.READ,
    "GET /docs": Scope.READ,
    "GET /v2": Scope.READ,
    "GET /v2/health/live": None,
    "GET /v2/health/ready": None,
    "GET /v2/models/{model}": Scope.READ,
    "GET /v2/models/{model}/versions/{version}": Scope.READ,
    "GET /v2/models/{model}/ready": Scope.READ,
    "GET /v2/models/{model}/versions/{version}/ready": Scope.READ,
    "POST /v2/models/{model}/infer": Scope.PREDICT,
    "POST /v2/models/{model}/versions/{version}/infer": Scope.PREDICT,
}
"""Every route and what it takes. A new one is entered here on purpose."""


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_every_route_takes_the_scope_it_should_and_nothing_but_health_is_open(tmp_path: Path) -> None:
    house = House(keys_file=key_file(tmp_path, *LINES))
    assert {f"{route.method} {route.path}": route.scope for route in house.routes} == SCOPES

    async def check(visitor: Visitor) -> None:
        for route in house.routes:
            path = route.path.replace("{model}", "toy").replace("{version}", "7")

            async def status(headers: dict[str, str], method: str = route.method, path: str = path) -> int:
                return (await visitor.request(method, path, headers=headers)).status

            anonymous = await status({})
            if route.scope is None:
                assert anonymous in {200, 503}, route
                continue
            assert anonymous == 401, route
            for scope, (key, _) in KEYS.items():
                enough = scope in {route.scope, Scope.ADMIN}
                assert (await status(bearer(key)) != 403) is enough, (route, scope)

    house.visit(check)


def test_a_refusal_says_what_to_do_and_nothing_of_the_keys(tmp_path: Path) -> None:
    async def check(visitor: Visitor) -> None:
        none = await visitor.post("/predict", event())
        assert (none.status, none.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert none.headers["Content-Type"] == "application/problem+json"
        assert none.headers["Server"] == "weir"
        wrong = await visitor.post("/predict", event(), **bearer(KEYS[Scope.PREDICT][0][:-1] + "~"))
        other = await visitor.post("/predict", event(), **bearer(KEYS[Scope.READ][0]))
        good = await visitor.post("/predict", event(), **{"X-API-Key": KEYS[Scope.PREDICT][0]})
        assert [each.status for each in (wrong, other, good)] == [401, 403, 200]
        for said in (none, wrong, other):
            assert not any(record.name in said.text or record.salt in said.text for _, record in KEYS.values())

    House(keys_file=key_file(tmp_path, *LINES)).visit(check)


def test_a_key_file_that_is_none_ends_the_start(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", key_file(tmp_path, b"nothing")):
        with pytest.raises(SettingsError, match=r"http\.keys_file"):
            identify_by(Settings(http=HttpSettings(keys_file=path)))


def test_who_asks_too_often_is_told_when_to_come_back_and_others_are_not_held_up(tmp_path: Path) -> None:
    house = House(keys_file=key_file(tmp_path, *LINES), rate_per_s=0.001, burst=2)

    async def check(visitor: Visitor) -> None:
        key, other = bearer(KEYS[Scope.PREDICT][0]), bearer(KEYS[Scope.ADMIN][0])
        said = [await visitor.post("/predict", event(), **key) for _ in range(3)]
        assert [each.status for each in said] == [200, 200, 429]
        assert 900 <= int(said[-1].headers["Retry-After"]) <= 1000
        assert (await visitor.post("/predict", event(), **other)).status == 200
        assert (await visitor.get("/livez")).status == 200

    house.visit(check)


def held(count: int) -> tuple[House, threading.Event]:
    """A house whose model waits, with room for so many requests."""
    free = threading.Event()
    return House(ToyModel(before=lambda _matrix: free.wait(20) or None), max_in_flight=count), free


async def worked_on(house: House, count: int) -> None:
    await so(lambda: house.guard.places.taken == count, "the requests are worked on")


def test_more_at_once_than_there_are_places_are_shed_and_health_is_answered() -> None:
    house, free = held(2)

    async def check(visitor: Visitor) -> None:
        taken = [asyncio.ensure_future(visitor.post("/predict", event())) for _ in range(2)]
        await worked_on(house, 2)
        shed = await visitor.post("/predict", event())
        assert (shed.status, int(shed.headers["Retry-After"])) == (503, 1)
        assert (await visitor.get("/livez")).status == 200
        free.set()
        assert [said.status for said in await asyncio.gather(*taken)] == [200, 200]
        assert (await visitor.post("/predict", event())).status == 200

    house.visit(check)
    assert house.count("weir_http_requests_total", route="/predict", status="503") == 1
    assert house.count("weir_http_requests_total", route="/predict", status="200") == 3
    assert house.count("weir_http_request_seconds_count", route="/predict") == 4


def test_a_stop_answers_what_is_worked_on_and_takes_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.http.listening.ARRIVE_S", 0)
    house, free = held(10)

    async def check(visitor: Visitor) -> None:
        taken = asyncio.ensure_future(visitor.post("/predict", event()))
        await worked_on(house, 1)
        stopping = asyncio.ensure_future(visitor.door.stop())
        await so(lambda: is_closed(visitor.port), "the port is closed")
        free.set()
        assert (await taken).status == 200
        await stopping

    house.visit(check)


def is_closed(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


async def raw(port: int, sent: bytes) -> bytes:
    """What comes back until the door closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        async with asyncio.timeout(20):
            return await reader.read()
    finally:
        writer.close()


HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def test_a_body_beyond_the_cap_is_refused_before_it_is_read() -> None:
    house = House(max_body_bytes=1000)

    async def check(visitor: Visitor) -> None:
        told = await raw(visitor.port, HEAD + b"Content-Length: 2000000000\r\n\r\n{")
        assert told.startswith(b"HTTP/1.1 413 ")
        piece = b"3e8\r\n" + b"x" * 1000 + b"\r\n"
        untold = await raw(visitor.port, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + piece + b"1\r\nx\r\n")
        assert untold.startswith(b"HTTP/1.1 413 ")

    house.visit(check)


def test_a_whole_body_beyond_the_cap_is_refused_too_when_nobody_said_how_long_it_is() -> None:
    async def check(visitor: Visitor) -> None:
        whole = b"3e8\r\n" + b"x" * 1000 + b"\r\n1\r\nx\r\n0\r\n\r\n"
        said = await raw(visitor.port, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + whole)
        assert said.startswith(b"HTTP/1.1 413 ")

    House(max_body_bytes=1000).visit(check)


def test_a_caller_that_asks_whether_to_send_its_body_is_told_so_or_refused_without_it() -> None:
    async def check(visitor: Visitor) -> None:
        body = event()
        asks = HEAD + b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", visitor.port)
        async with asyncio.timeout(20):
            writer.write(asks % len(body))
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(body)
            assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        writer.close()
        assert (await raw(visitor.port, asks % 2_000_000)).startswith(b"HTTP/1.1 413 ")

    House().visit(check)


def test_requests_sent_one_after_the_other_without_waiting_are_answered_in_their_order() -> None:
    async def check(visitor: Visitor) -> None:
        events = [event(f"e{number}") for number in range(50)]
        sent = b"".join(HEAD + b"Content-Length: %d\r\n\r\n" % len(each) + each for each in events)
        last = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        said = await raw(visitor.port, sent + last)
        assert said.count(b"HTTP/1.1 200 ") >= 50
        at = [said.index(b'"e%d"' % number) for number in range(50)]
        assert at == sorted(at)

    House().visit(check)


@pytest.mark.parametrize(
    "begun", [b'Content-Length: 1000\r\n\r\n{"id"', b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"id"']
)
def test_a_caller_that_hangs_up_in_its_body_is_counted_and_no_error(
    begun: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    house = House()

    async def check(visitor: Visitor) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", visitor.port)
        writer.write(HEAD + begun)
        await worked_on(house, 1)
        writer.close()
        gone = {"route": "/predict", "status": "499"}
        await so(lambda: house.count("weir_http_requests_total", **gone), "it was told apart")

    with capture_logs() as logs:
        house.visit(check)
    assert not logs
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


LOCAL_HOSTS = ("localhost", "LOCALHOST:8080", "127.0.0.1:8080", "[::1]:8080", "10.0.0.7")
OTHER_HOSTS = ("evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "x", "[", "")


def test_a_name_that_a_stranger_made_lead_to_a_local_door_is_refused(tmp_path: Path) -> None:
    async def statuses(visitor: Visitor, hosts: tuple[str, ...]) -> set[int]:
        asked = [await visitor.post("/predict", event(), Host=host) for host in hosts]
        return {said.status for said in [*asked, *[await visitor.get("/metrics", Host=host) for host in hosts]]}

    async def keyless(visitor: Visitor) -> None:
        assert await statuses(visitor, LOCAL_HOSTS) == {200}
        assert await statuses(visitor, OTHER_HOSTS) == {421}
        assert (await visitor.get("/startupz", Host="evil.example")).status in {200, 503}, "health is open"

    async def any_name(visitor: Visitor) -> None:
        assert await statuses(visitor, OTHER_HOSTS[:2]) == {200}

    async def with_keys(visitor: Visitor) -> None:
        said = await visitor.post("/predict", event(), Host="evil.example", **bearer(KEYS[Scope.PREDICT][0]))
        assert said.status == 200

    House().visit(keyless)
    House(allow_anonymous=True).visit(any_name)
    House(keys_file=key_file(tmp_path, *LINES)).visit(with_keys)


PORTS_THAT_ARE_NONE = ("127.0.0.1:99999", "localhost:-1", "[::1]:abc", "127.0.0.1:8080@localhost")


def test_a_host_with_a_port_that_is_none_is_a_bad_request(tmp_path: Path) -> None:
    async def check(visitor: Visitor) -> None:
        for host in PORTS_THAT_ARE_NONE:
            for path in ("/docs", "/metrics"):
                said = await visitor.get(path, Host=host, **bearer(KEYS[Scope.ADMIN][0]))
                assert said.status == 400, host
        assert (await visitor.get("/docs", Host="weir.example:443", **bearer(KEYS[Scope.ADMIN][0]))).status == 200

    House(keys_file=key_file(tmp_path, *LINES)).visit(check)


@given(st.text(max_size=30) | st.from_regex(r"[a-z.\[\]:@0-9]{0,20}(:[0-9]{0,6})?", fullmatch=True))
def test_what_is_taken_for_a_host_has_a_port_that_there_may_be(host: str) -> None:
    if is_host(host) and is_address_or_localhost(host):
        assert 0 <= (urlsplit(f"//{host}").port or 0) <= 65_535
        URL.build(scheme="http", authority=host)


def test_slow_callers_are_let_go() -> None:
    house = House(read_timeout_ms=50, idle_timeout_ms=50)

    async def check(visitor: Visitor) -> None:
        body = await raw(visitor.port, HEAD + b"Content-Length: 100\r\n\r\n{")
        assert body.startswith(b"HTTP/1.1 408 ")
        assert await raw(visitor.port, b"POST /predict HTTP/1.1\r\nHos") == b"", "its head never ends"
        assert await raw(visitor.port, b"") == b"", "it says nothing at all"

    house.visit(check)


@pytest.mark.parametrize(("events", "requests"), [(40_000, 1), (150, 1_000)], ids=["large", "many small ones"])
def test_a_caller_that_does_not_read_its_answers_is_let_go(events: int, requests: int) -> None:
    house = House(write_timeout_ms=50, deadline_ms=60_000, max_events=100_000, max_body_bytes=100_000_000)
    body = b'{"events": [' + b",".join([b"{}"] * events) + b"]}"

    async def check(visitor: Visitor) -> None:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # or the kernel would read it for us
        try:
            await asyncio.to_thread(client.connect, ("127.0.0.1", visitor.port))
            one = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
            with suppress(ConnectionError):  # it may be let go before it has sent all
                await asyncio.to_thread(client.sendall, one * requests)
            gone = {"route": "/predict", "status": "499"}
            await so(lambda: house.count("weir_http_requests_total", **gone), "it was let go")
            assert house.guard.places.taken == 0
        finally:
            client.close()

    house.visit(check)


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nBad Header s3cret: x\r\n\r\n",
    ],
)
def test_what_is_no_http_is_a_bad_request_without_a_traceback_here_or_there(
    sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    said = []

    async def check(visitor: Visitor) -> None:
        said.append(await raw(visitor.port, sent))

    house = House(idle_timeout_ms=500, terse=True)
    house.visit(check)
    assert said[0].startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 ")), said
    head, _, body = said[0].partition(b"\r\n\r\n")
    assert b"\r\nContent-Type: application/problem+json\r\n" in head
    assert b"\r\nServer: weir\r\n" in head + b"\r\n"
    assert msgspec.json.decode(body) == {"type": "about:blank", "title": "Bad Request", "status": 400}
    assert house.count("weir_http_requests_total", route="other", status="400") >= 1 or sent.startswith(HEAD)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_failure_of_ours_is_in_the_log_and_not_in_the_answer() -> None:
    house = House()

    def broken() -> None:
        raise RuntimeError("secret in /srv/weir")

    house.serving = property(broken)  # type: ignore[assignment]
    answers: list[Said] = []

    async def check(visitor: Visitor) -> None:
        answers.append(await visitor.post("/predict", event()))

    with capture_logs() as logs:
        house.visit(check)
    assert answers[0].status == 500
    assert "secret" not in answers[0].text
    assert [each["route"] for each in logs if each["log_level"] == "error"] == ["/predict"]


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


def test_with_a_certificate_the_door_speaks_tls_alone(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    house = House(tls_certificate=cert, tls_key=key)

    async def run() -> None:
        door = Door(house.settings.http, house.routes, house.guard, house.metrics)
        port = await door.start(chosen=True, tls=tls_of(house.settings))
        try:
            trusting = ssl.create_default_context(cafile=str(cert))
            async with aiohttp.ClientSession() as session:
                said = await session.get(f"https://localhost:{port}/startupz", ssl=trusting)
                assert said.status == 503
                with pytest.raises(aiohttp.ClientError):
                    await session.get(f"http://localhost:{port}/startupz")
        finally:
            await door.stop()

    asyncio.run(run())
    with pytest.raises(SettingsError, match=r"http\.tls_certificate"):
        tls_of(Settings(http=HttpSettings(tls_certificate=key, tls_key=cert)))


def test_the_trace_of_a_request_is_told_with_its_time() -> None:
    house = House()
    trace_id = "0af7651916cd43dd8448eb211c80319c"

    async def check(visitor: Visitor) -> None:
        await visitor.get("/livez", traceparent=f"00-{trace_id}-b7ad6b7169203331-01")
        await visitor.get("/startupz", traceparent="of somebody's own")

    house.visit(check)
    told = generate_openmetrics(house.registry).decode()
    lines = [
        line for line in told.splitlines() if line.startswith("weir_http_request_seconds_bucket") and " # " in line
    ]
    assert [('route="/livez"' in line, f'{{trace_id="{trace_id}"}}' in line) for line in lines] == [(True, True)]
