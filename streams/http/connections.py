"""A cap on the connections of a server: who comes beyond it is told to come again, and costs nothing more.

They are counted where they are accepted and where their file is closed: so a TLS handshake counts, and one that is
being refused, and none is forgotten whatever becomes of it in between.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Self

from streams.http.open_files import MOST_REFUSING
from streams.http.problems import PROBLEM_JSON

BODY = b'{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"too many connections"}'
ANSWER = (
    b"HTTP/1.1 503 Service Unavailable\r\nServer: weir\r\nConnection: close\r\nRetry-After: 1\r\n"
    b"Content-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (PROBLEM_JSON.encode(), len(BODY), BODY)
)
LINGER_S = 1.0
"""What the caller sends is read so long: closed at once, it would see a reset in place of the answer."""


class CountingSocket(socket.socket):
    """A listening socket of which at most `most` connections are open, and a few that are being refused."""

    most: int
    taken = 0
    _refusing = 0
    _to_refuse = 0

    @classmethod
    def over(cls, listening: socket.socket, most: int) -> Self:
        """In the place of a listening socket."""
        own = cls(listening.family, listening.type, listening.proto, fileno=listening.detach())
        own.setblocking(False)
        own.most = most
        return own

    def accept(self) -> tuple[socket.socket, Any]:
        """Raises ConnectionAbortedError, at which asyncio takes no more in this turn, for one that is one too many
        even to be told so: it was closed."""
        accepted, address = super().accept()
        is_refused = self.taken >= self.most
        if is_refused and self._refusing >= MOST_REFUSING:
            accepted.close()
            raise ConnectionAbortedError
        if is_refused:
            self._to_refuse += 1
        self._count(1, is_refused=is_refused)
        counted = _Counted(accepted.family, accepted.type, accepted.proto, fileno=accepted.detach())
        counted.closed = lambda: self._count(-1, is_refused=is_refused)
        return counted, address

    def refuses_next(self) -> bool:
        """Whether the next of those that were accepted is to be refused. asyncio asks once for each."""
        if self._to_refuse == 0:
            return False
        self._to_refuse -= 1
        return True

    def _count(self, change: int, *, is_refused: bool) -> None:
        if is_refused:
            self._refusing += change
        else:
            self.taken += change


class _Counted(socket.socket):
    closed: Callable[[], None] | None = None

    def close(self) -> None:
        super().close()
        told, self.closed = self.closed, None
        if told is not None:
            told()


def capped(listening: CountingSocket, make: Callable[[], asyncio.BaseProtocol]) -> Callable[[], asyncio.BaseProtocol]:
    """Makes protocols by `make` for connections within the cap, and for others such as refuse."""
    return lambda: _Refusing() if listening.refuses_next() else make()


class _Refusing(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(ANSWER)
        if transport.can_write_eof():
            transport.write_eof()
        asyncio.get_running_loop().call_later(LINGER_S, transport.abort)

    def eof_received(self) -> None:
        self._transport.close()
