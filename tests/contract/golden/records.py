"""Records as a release wrote them, in files that never change: what later releases have to read.

A line a record: the topic that it lies in, its key, and its value as text, or in base64 where it is none. The first
line says which formats these are.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from streams.settings import Settings
from streams.settings.tables import DriftSettings

FOLDER = Path(__file__).parent
SETTINGS = Settings(drift=DriftSettings(allowed_lateness_ms=0))
"""That drift was watched with: a few thousand events close blocks."""


class Formats(msgspec.Struct, frozen=True):
    """Numbers that the code counts up when older releases cannot read what it writes any more."""

    snapshot: int
    drift: int
    volume: int
    joins: int


class Head(msgspec.Struct, frozen=True):
    release: str
    formats: Formats


class Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """`topic` as contracts name it; ``reference`` is a file of the registry."""

    topic: str
    key: str = ""
    text: str | None = None
    base64: str | None = None

    @property
    def value(self) -> bytes:
        return base64.b64decode(self.base64) if self.base64 is not None else (self.text or "").encode()


def kept(topic: str, key: bytes | None, value: bytes | None) -> Kept:
    name = (key or b"").decode()
    try:
        return Kept(topic, name, text=(value or b"").decode())
    except UnicodeDecodeError:
        return Kept(topic, name, base64=base64.b64encode(value or b"").decode())


def write(path: Path, head: Head, records: Iterable[Kept]) -> None:
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in (head, *records)))


class Golden:
    """One file."""

    def __init__(self, path: Path) -> None:
        first, *lines = path.read_bytes().splitlines()
        self.head = msgspec.json.decode(first, type=Head)
        self._records = [msgspec.json.decode(line, type=Kept) for line in lines]

    def of(self, topic: str) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values, in the order of the topic."""
        return ((each.key.encode(), each.value) for each in self._records if each.topic == topic)
