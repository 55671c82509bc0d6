"""More connections than there may be."""

from __future__ import annotations

import asyncio

from tests.unit.http.door_kit import House, Visitor, so
from tests.unit.http.test_door import raw

PROBE = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def test_who_comes_beyond_the_cap_is_told_so_and_let_in_when_others_leave() -> None:
    house = House(max_connections=3)

    async def check(visitor: Visitor) -> None:
        idle = [await asyncio.open_connection("127.0.0.1", visitor.port) for _ in range(3)]
        await so(lambda: visitor.door.connections == 3, "they are connected")
        for _ in range(20):
            refused = await raw(visitor.port, PROBE)
            assert refused.startswith(b"HTTP/1.1 503 Service Unavailable\r\n"), refused
            assert b"\r\nRetry-After: 1\r\n" in refused
        for _, writer in idle:
            writer.close()
        await so(lambda: visitor.door.connections == 0, "they left")
        assert (await raw(visitor.port, PROBE)).startswith(b"HTTP/1.1 200 ")

    house.visit(check)


def test_who_was_refused_and_does_not_leave_is_cut() -> None:
    async def check(visitor: Visitor) -> None:
        _, first = await asyncio.open_connection("127.0.0.1", visitor.port)
        await so(lambda: visitor.door.connections == 1, "one is connected")
        reader, writer = await asyncio.open_connection("127.0.0.1", visitor.port)
        async with asyncio.timeout(20):
            assert (await reader.read()).startswith(b"HTTP/1.1 503 ")
        writer.close()
        first.close()

    House(max_connections=1).visit(check)
