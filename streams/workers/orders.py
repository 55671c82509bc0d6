"""What a supervisor tells a worker process that it starts."""

from __future__ import annotations

import sys

import msgspec

MODULE = "streams.workers.child"


class Orders(msgspec.Struct, frozen=True):
    """`parent`: the supervisor's process; it is not to be outlived. The sockets are open files that the process
    inherits: it listens there, and not where its settings say."""

    number: int
    roles: tuple[str, ...]
    parent: int
    admin_socket: int
    http_socket: int | None = None
    config: str | None = None

    @property
    def sockets(self) -> tuple[int, ...]:
        return tuple(each for each in (self.admin_socket, self.http_socket) if each is not None)


_decode = msgspec.json.Decoder(Orders).decode


def command_of(orders: Orders) -> list[str]:
    """A program of its own, never a fork: a fork of a process with threads may hang on locks that nobody holds."""
    # -P: the folder that the command runs in gives no modules to the process.
    return [sys.executable, "-P", "-m", MODULE, msgspec.json.encode(orders).decode()]


def read_orders(argument: str) -> Orders:
    """Raises msgspec.MsgspecError."""
    return _decode(argument)
