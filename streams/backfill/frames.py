"""What a run and its processes say to each other: length, header, and bytes. No pickle."""

from __future__ import annotations

import struct
from typing import IO, TypeAlias

import msgspec

from streams.backfill.piece import Counts
from streams.backfill.task import Task

_LENGTHS = struct.Struct("=IQQ")


class Ask(msgspec.Struct, frozen=True, tag=True):
    """A piece follows."""

    first_row: int


class Told(msgspec.Struct, frozen=True, tag=True):
    """Answers and rejected rows follow."""

    counts: Counts


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The parts of a ModelError."""

    what: str
    where: str
    cause: str
    fix: str


class Begin(msgspec.Struct, frozen=True, tag=True):
    """The first frame to a process."""

    task: Task


Frame: TypeAlias = Begin | Ask | Told | Failed

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Frame)


def send(pipe: IO[bytes], frame: Frame, first: bytes = b"", second: bytes = b"") -> None:
    header = _encoder.encode(frame)
    pipe.write(_LENGTHS.pack(len(header), len(first), len(second)))
    pipe.writelines((header, first, second))
    pipe.flush()


def receive(pipe: IO[bytes]) -> tuple[Frame, bytes, bytes]:
    """Raises EOFError when the other side is gone."""
    header, first, second = _LENGTHS.unpack(_exactly(pipe, _LENGTHS.size))
    return _decoder.decode(_exactly(pipe, header)), _exactly(pipe, first), _exactly(pipe, second)


def _exactly(pipe: IO[bytes], length: int) -> bytes:
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return data
