"""Which port a server listens on: a chosen one or none, a default one or the next that is free."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass

TRIES = 100


@dataclass(frozen=True, slots=True)
class Listening:
    """Sockets on which another process, which started this one, listens for it already. `admin`: one that nobody but
    that process can reach."""

    admin: socket.socket | None = None
    http: socket.socket | None = None


class PortTaken(Exception):
    """Somebody else listens on the port that the settings name, or the address is not ours."""

    exit_code = 2

    def __init__(self, key: str, host: str, port: int, why: str) -> None:
        self.key, self.host, self.port, self.why = key, host, port, why
        super().__init__(
            f"cannot listen on {host}:{port} ({why}); likely cause: another process, perhaps another worker, has "
            f"it; fix: set {key} to a free port, or remove it to take the next free one"
        )


def listen(host: str, port: int, *, chosen: bool, key: str) -> socket.socket:
    """A listening socket: with `chosen` on exactly that port, else on the next free one; port 0 is any free one.

    Raises PortTaken naming the setting `key`.
    """
    last = port if chosen or port == 0 else min(port + TRIES, 65_535)
    for candidate in range(port, last + 1):
        try:
            return _listen(host, candidate)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or candidate == last:
                raise PortTaken(key, host, candidate, error.strerror or str(error)) from error
    raise AssertionError("unreachable: the last candidate returned or raised")


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    server = socket.socket(family, kind, protocol)
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(address)
        # Two sockets may bind the same port as long as neither listens: only listening settles whose it is.
        server.listen(128)
    except OSError:
        server.close()
        raise
    return server
