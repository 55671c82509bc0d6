"""One connection of a web: it says in our form what is no HTTP, and can be let go where nobody reads."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TypeAlias

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

LINGER_S = 1.0
"""What is left of a body that was refused is read so long, or the caller would see a reset in place of the refusal."""

Unreadable: TypeAlias = Callable[[int], web.Response]
"""The answer, by its status, to what is no request (400), or to a failure that no route answered (500)."""


class Connection(web.RequestHandler):
    """The framework's, which for itself waits for ever for a caller to read what is left when it closes."""

    def __init__(
        self,
        server: web.Server,
        opened: set[Connection],
        unreadable: Unreadable,
        logger: logging.Logger,
        *,
        idle_s: float,
    ) -> None:
        """It is in `opened` while it is open. `idle_s`: also how long the head of a request may take."""
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # how the framework's own server is told to have none
            logger=logger,
            keepalive_timeout=idle_s,
            lingering_time=LINGER_S,
            auto_decompress=False,
        )
        self._opened, self._unreadable = opened, unreadable
        self._wire: asyncio.Transport | None = None
        self._is_last = False
        self._ends_since: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._wire = transport
        self._opened.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._opened.discard(self)
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002  # the framework's words
    ) -> web.StreamResponse:
        """Nothing of what was sent, nor of the framework, is in the answer. Strangers' mistakes do not fill the log."""
        self._is_last = True
        if not isinstance(exc, HttpProcessingError | ConnectionError):
            self.log_exception("request failed", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun already")
        response = self._unreadable(min(status, 500))
        response.headers["Server"] = "weir"
        response.force_close()
        return response

    def cut_if_stuck(self, now: float, write_s: float) -> None:
        """Abort where it has been closing for so long: what is left is not read by anybody."""
        if self._wire is None or not (self._is_last or self._wire.is_closing()):
            return
        if self._ends_since is None:
            self._ends_since = now
        elif now - self._ends_since >= write_s:
            self._wire.abort()
