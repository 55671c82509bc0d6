"""What somebody does on the page: a command goes to the controller, and its answer comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import msgspec
import structlog
from aiohttp import web

from streams.control_records import Answer, Command
from streams.http.admin_routes import CALLER
from streams.http.problems import Refusal
from streams.page.orders import OrderInvalid, decode_order

log = structlog.get_logger("streams.http.page")

MARK = "X-Weir-Page"
"""A header that a form or a picture of another page cannot send."""
MOST_BYTES = 8_192
MOST_AT_ONCE = 4

BODY_S = 10.0

Propose: TypeAlias = Callable[[str, Command, int | None], Awaitable[Answer | None]]
"""Puts a command about a model to the controller, on a revision where one was confirmed. None: nobody answered in
time."""


class Orders:
    """`propose` may take its time; only a few are under way at once."""

    def __init__(self, propose: Propose) -> None:
        self._propose = propose
        self._under_way = 0

    async def take(self, request: web.Request) -> web.Response:
        """200 with `outcome` and `why`. Raises Refusal: 400, 403, 408, 409 refused by the controller, 413, 415, 503,
        504."""
        if MARK not in request.headers:
            raise Refusal(403, f"this takes the header {MARK}")
        if request.content_type != "application/json":
            raise Refusal(415, "this takes application/json")
        body = await _body(request)
        caller = request[CALLER]
        try:
            ordered = decode_order(body, time.time_ns() // 1_000_000, None if caller.by == "address" else caller.name)
        except OrderInvalid as error:
            raise Refusal(400, str(error)) from None
        if self._under_way >= MOST_AT_ONCE:
            raise Refusal(503, "other orders are under way", retry_after_s=2.0)
        self._under_way += 1
        try:
            answer = await self._propose(*ordered)
        except Exception as error:
            log.warning("order not put", model=ordered.model, why=str(error))
            raise Refusal(503, "Kafka did not take it; the log of this worker says why", retry_after_s=5.0) from error
        finally:
            self._under_way -= 1
        if answer is None:
            raise Refusal(504, "nobody answered yet; it stays in the topic and is decided once a drift worker runs")
        if answer.outcome == "refused":
            raise Refusal(409, answer.why)
        return web.Response(body=msgspec.json.encode(answer), content_type="application/json")


async def _body(request: web.Request) -> bytes:
    """All of it: a network may bring it in pieces."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            while piece := await request.content.read(MOST_BYTES + 1 - len(body)):
                body += piece
                if len(body) > MOST_BYTES:
                    raise Refusal(413, f"an order has at most {MOST_BYTES} bytes", close=True)
    except TimeoutError:
        raise Refusal(408, f"the order did not come within {BODY_S:g} s", close=True) from None
    return bytes(body)
