"""A web of the worker on its port, within limits: how many connections, how long each may take, how it stops."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import web

from streams.http.connection import Connection, Unreadable
from streams.http.connections import CountingSocket, capped
from streams.http.ports import listen
from streams.http.writing import write

ARRIVE_S = 0.2
"""Who was let in a moment before a stop sends its request in this time."""

CLEAN_UP_S = 0.05
"""For what is still there after the drain, to be cancelled. Not 0, which the framework takes for no limit."""


@dataclass(frozen=True, slots=True)
class WebLimits:
    """`idle_s`: for the head of the next request, or a TLS handshake, to come. `write_s`: for an answer to be taken.
    `drain_s`: for the requests that are here when it stops."""

    connections: int
    idle_s: float
    write_s: float
    drain_s: float


class ListeningWeb:
    """Serves on the event loop that `start` is awaited on."""

    def __init__(
        self, runner: web.BaseRunner, limits: WebLimits, unreadable: Unreadable, logger: logging.Logger
    ) -> None:
        """`runner`: made with `CLEAN_UP_S`. Its handler tells what `begins` and `ends`, and writes by `write`."""
        self._runner, self._limits, self._unreadable, self._logger = runner, limits, unreadable, logger
        self._opened: set[Connection] = set()
        self._working: set[asyncio.BaseProtocol] = set()
        self._quiet = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._is_draining = False

    async def start(
        self,
        host: str,
        port: int,
        *,
        chosen: bool,
        key: str,
        tls: ssl.SSLContext | None = None,
        listening: socket.socket | None = None,
    ) -> int:
        """Listen, and give the port (0 of a socket of another kind). `chosen`: somebody set it, so no other will do;
        raises PortTaken naming `key`. `listening`: in place of host and port."""
        limits = self._limits
        listening = listening or listen(host, port, chosen=chosen, key=key)
        self._socket = CountingSocket.over(listening, limits.connections)
        bound: int = 0 if self._socket.family == socket.AF_UNIX else self._socket.getsockname()[1]
        await self._runner.setup()
        server = self._runner.server
        assert server is not None
        self._loop = asyncio.get_running_loop()
        self._server = await self._loop.create_server(
            capped(
                self._socket,
                lambda: Connection(server, self._opened, self._unreadable, self._logger, idle_s=limits.idle_s),
            ),
            sock=self._socket,
            ssl=tls,
            ssl_handshake_timeout=None if tls is None else limits.idle_s,
        )
        self._sweep()
        return bound

    @property
    def connections(self) -> int:
        """How many are open; those that are being refused not counted."""
        return self._socket.taken if self._server else 0

    def begins(self, request: web.BaseRequest) -> None:
        """It is answered from now on, until `ends`: a stop waits for it."""
        self._working.add(request.protocol)

    def ends(self, request: web.BaseRequest) -> None:
        """Its answer is written, or there will be none."""
        self._working.discard(request.protocol)
        if self._is_draining and not self._working:
            self._quiet.set()

    def write(self, request: web.BaseRequest, response: web.StreamResponse) -> Awaitable[bool]:
        """Whether the answer was taken. While it stops, no further request is."""
        if self._is_draining:
            response.force_close()
        return write(request, response, self._limits.write_s)

    async def stop(self) -> None:
        """Take no more connections, answer the requests that are here or on their way, and end. A body that is still
        coming is waited for, within `drain_s` in all."""
        if self._server is None or self._is_draining:
            return
        ends_at = self._loop.time() + self._limits.drain_s
        self._server.close()
        self._is_draining = True
        await asyncio.sleep(min(ARRIVE_S, self._limits.drain_s))
        for each in tuple(self._opened):
            if each not in self._working:
                each.force_close()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(ends_at):
                while self._working:
                    self._quiet.clear()
                    await self._quiet.wait()
        await self._runner.cleanup()
        self._timer.cancel()

    def _sweep(self) -> None:
        """Where nobody reads what is left, closing would take for ever, and so would the place be taken."""
        for each in tuple(self._opened):
            each.cut_if_stuck(self._loop.time(), self._limits.write_s)
        self._timer = self._loop.call_later(min(1.0, self._limits.write_s / 4), self._sweep)
