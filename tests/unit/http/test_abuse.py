"""Honest callers while others keep connections open for nothing, and flood the door in vain."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import msgspec
import pytest

from streams.http.admission import door_guard, identify_by
from streams.http.guard import LATE_S, REFUSED_AT_ONCE, VERIFIED_AT_ONCE
from streams.http.keys import Caller, Scope, new_key
from streams.http.problems import Refusal
from tests.unit.http.door_kit import House, Visitor, key_file, so
from tests.unit.http.test_door import HEAD, bearer, held, raw
from tests.unit.http.token_kit import AUDIENCE, ISSUER, OTHER_RSA, RSA, jwks, public, token
from tests.unit.pipeline.fakes import event

SLOW, HONEST = 200, 100


def test_every_honest_request_is_answered_among_slow_callers_and_refused_ones(tmp_path: Path) -> None:
    key, record = new_key("honest", (Scope.PREDICT,))
    house = House(keys_file=key_file(tmp_path, msgspec.json.encode(record)), idle_timeout_ms=2_000, max_in_flight=8)
    refused = 0

    async def creep(port: int) -> None:
        """A head that comes byte by byte, until it is let go; then again."""
        while True:
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                for byte in HEAD:
                    writer.write(bytes([byte]))
                    if reader.at_eof():
                        break
                    await asyncio.sleep(0.2)
                writer.close()

    async def flood(visitor: Visitor) -> None:
        nonlocal refused
        while True:
            assert (await visitor.post("/predict", event())).status == 401
            refused += 1

    async def check(visitor: Visitor) -> None:
        tasks = [asyncio.create_task(creep(visitor.port)) for _ in range(SLOW)]
        tasks += [asyncio.create_task(flood(visitor)) for _ in range(8)]
        await so(lambda: visitor.door.connections >= SLOW and refused > 10, "they are all there")
        said = [await visitor.post("/predict", event(), **bearer(key)) for _ in range(HONEST)]
        assert [each.status for each in said] == [200] * HONEST
        assert (await visitor.get("/livez")).status == 200
        assert not [task.exception() for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    house.visit(check)
    assert refused > 10


def test_who_is_refused_again_and_again_hears_it_late_and_others_at_the_same_address_do_not(tmp_path: Path) -> None:
    key, record = new_key("honest", (Scope.PREDICT,))
    guard = House(keys_file=key_file(tmp_path, msgspec.json.encode(record))).guard

    def late_s(remote: str) -> float:
        with pytest.raises(Refusal) as raised:
            guard.admit(Scope.PREDICT, method="POST", headers={}, remote=remote)
        return raised.value.late_s

    assert [late_s("10.0.0.7") for _ in range(REFUSED_AT_ONCE)] == [0.0] * REFUSED_AT_ONCE
    assert LATE_S in {late_s("10.0.0.7") for _ in range(100)}
    assert late_s("10.0.0.8") == 0.0
    assert guard.admit(Scope.PREDICT, method="POST", headers=bearer(key), remote="10.0.0.7").name == "honest"


def test_a_caller_whose_bodies_never_come_leaves_half_of_the_places_to_others(tmp_path: Path) -> None:
    (slow, one), (honest, other) = (new_key(name, (Scope.PREDICT,)) for name in ("slow", "honest"))
    house = House(keys_file=key_file(tmp_path, *map(msgspec.json.encode, (one, other))), max_in_flight=8)
    begins = HEAD + b"Authorization: Bearer %s\r\nContent-Length: 100\r\n\r\n" % slow.encode()

    async def check(visitor: Visitor) -> None:
        held_open = [await asyncio.open_connection("127.0.0.1", visitor.port) for _ in range(8)]
        for _, writer in held_open:
            writer.write(begins)
        told = {"route": "/predict", "status": "429"}
        await so(lambda: house.count("weir_http_requests_total", **told) == 4, "the others are told so")
        assert house.guard.places.taken == 4
        said = [await visitor.post("/predict", event(), **bearer(honest)) for _ in range(20)]
        assert [each.status for each in said] == [200] * 20
        refused = await visitor.post("/predict", event(), **bearer(slow))
        assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
        for _, writer in held_open:
            writer.close()
        await so(lambda: house.guard.places.taken == 0, "they left")
        assert (await visitor.post("/predict", event(), **bearer(slow))).status == 200

    house.visit(check)


def test_without_keys_one_address_may_have_every_place_but_not_with_bodies_that_are_still_coming() -> None:
    house, free = held(8)

    async def check(visitor: Visitor) -> None:
        unsent = [await asyncio.open_connection("127.0.0.1", visitor.port) for _ in range(8)]
        for _, writer in unsent:
            writer.write(HEAD + b"Content-Length: 100\r\n\r\n")
        await so(lambda: house.count("weir_http_requests_total", route="/predict", status="429") == 4, "half may")
        for _, writer in unsent:
            writer.close()
        await so(lambda: house.guard.places.taken == 0, "they left")
        whole = HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(event()) + event()
        asked = [asyncio.ensure_future(raw(visitor.port, whole)) for _ in range(8)]
        await so(lambda: house.guard.places.taken == 8, "all places are had")
        free.set()
        assert all(said.startswith(b"HTTP/1.1 200 ") for said in await asyncio.gather(*asked))

    house.visit(check)


def test_wrong_tokens_of_a_flood_are_not_verified_and_who_was_let_in_before_does_not_notice(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_bytes(jwks(public(RSA, kid="r")))
    settings = House(jwt_keys_file=path, jwt_audience=AUDIENCE, jwt_issuer=ISSUER).settings
    by_token, verified = identify_by(settings), 0
    assert by_token is not None

    def identify(credential: str) -> Caller:
        nonlocal verified
        verified += 1
        return by_token(credential)

    now = 0.0
    guard = door_guard(settings, identify)
    guard._clock = lambda: now

    def status(credential: str) -> int:
        try:
            guard.admit(Scope.PREDICT, method="POST", headers=bearer(credential), remote="10.0.0.7")
        except Refusal as refusal:
            return refusal.status
        return 200

    good, wrong = token(), token(OTHER_RSA)
    assert status(good) == 200
    said = [status(wrong) for _ in range(1_000)]
    assert verified == 1 + REFUSED_AT_ONCE + VERIFIED_AT_ONCE
    assert said[-1] == 429
    assert status(good) == 200
    now += 1.0
    assert status(token(sub="bob")) == 200, "once there is room again, also behind the same proxy"
