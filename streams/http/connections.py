"""A cap on the connections of a server: who comes beyond it is told to come again, and costs nothing more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from streams.http.problems import PROBLEM_JSON

BODY = b'{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"too many connections"}'
ANSWER = (
    b"HTTP/1.1 503 Service Unavailable\r\nServer: weir\r\nConnection: close\r\nRetry-After: 1\r\n"
    b"Content-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (PROBLEM_JSON.encode(), len(BODY), BODY)
)
LINGER_S = 1.0
"""What the caller sends is read so long: closed at once, it would see a reset in place of the answer."""


def capped(
    make: Callable[[], asyncio.BaseProtocol], is_open: Callable[[], int], most: int
) -> Callable[[], asyncio.BaseProtocol]:
    """Makes protocols by `make` while fewer than `most` connections `is_open`, and then such as refuse."""
    return lambda: make() if is_open() < most else _Refusing()


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
