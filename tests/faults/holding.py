"""Requests held back on their way to a broker, by API key, and what became of them."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

PRODUCE, END_TXN, TXN_OFFSET_COMMIT = 0, 26, 28
NAMES = {PRODUCE: "Produce", END_TXN: "EndTxn", TXN_OFFSET_COMMIT: "TxnOffsetCommit"}


@dataclass
class Hold:
    """Holds the next `times` requests with one of `keys` (and `naming` this), each with all that comes behind it on its
    connection.

    Written by the proxies' thread, read by the test's. `abandoned`: held requests whose client went away; `late`: what
    the broker answered to those after their release, as (API key, error code).
    """

    keys: frozenset[int]
    times: int
    naming: bytes = b""
    held: int = 0
    abandoned: int = 0
    delivered: int = 0
    late: list[tuple[int, int]] = field(default_factory=list)
    released: bool = False

    def takes(self, key: int, frame: bytes) -> bool:
        """Whether this request is to be held; counts it then."""
        if self.released or key not in self.keys or self.held >= self.times or self.naming not in frame:
            return False
        self.held += 1
        return True

    def release(self) -> None:
        """Deliver what is held, whether or not its client is still there; hold nothing from now on."""
        self.released = True


@dataclass(frozen=True, slots=True)
class Request:
    """What the proxy remembers of a request until its answer; `hold` if it was delivered after its client had gone."""

    key: int
    version: int
    hold: Hold | None


def read_request(frame: bytes, hold: Hold | None = None) -> Request:
    """From a whole frame: 4 bytes of length, API key and version."""
    key, version = struct.unpack_from(">hh", frame, 4)
    return Request(key, version, hold)


def error_code(request: Request, answer: bytes) -> int:
    """The error code of a whole answer to Produce (of its first partition), EndTxn or TxnOffsetCommit (the last one),
    in the versions that librdkafka speaks."""
    if request.key == PRODUCE:
        at = 4 + 4  # length, correlation id
        if request.version >= 9:  # flexible: a byte of tags, then lengths of one byte, one too high
            at += 1 + 1
            at += answer[at] + 1
        else:
            at += 4
            at += 2 + int.from_bytes(answer[at : at + 2], "big") + 4
        return int.from_bytes(answer[at + 4 : at + 6], "big", signed=True)
    flexible = request.version >= 3  # tagged fields, all of them empty, end each level
    tail = {END_TXN: 1, TXN_OFFSET_COMMIT: 3}[request.key] if flexible else 0
    return int.from_bytes(answer[len(answer) - tail - 2 : len(answer) - tail], "big", signed=True)
