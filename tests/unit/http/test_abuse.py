"""Honest callers while others keep connections open for nothing, and flood the door in vain."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import msgspec
import pytest

from streams.http.guard import LATE_S, REFUSED_AT_ONCE
from streams.http.keys import Scope, new_key
from streams.http.problems import Refusal
from tests.unit.http.door_kit import House, Visitor, key_file, so
from tests.unit.http.test_door import HEAD, bearer
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
