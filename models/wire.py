"""What a worker and its model's process say to each other: length, header, and the bits of a float64 matrix.

No pickle: the header is msgpack of a closed set of frames, the numbers are the matrix's memory, row by row.
"""

from __future__ import annotations

import math
import socket
import struct
import time
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

_LENGTH = struct.Struct("=I")
MAX_HEADER_BYTES = 1 << 20
MAX_NUMBERS_BYTES = 4 << 30
BUFFER_BYTES = 1 << 20
"""Asked of the system, which may give less: a batch of 8,192 rows x 10 features then passes in one go."""


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The model is loaded."""


class NotLoaded(msgspec.Struct, frozen=True, tag=True):
    """The model cannot be loaded: the parts of a ModelError."""

    what: str
    where: str
    cause: str
    fix: str


class Numbers(msgspec.Struct, frozen=True, tag=True):
    """A matrix follows: rows to predict, or the answer."""

    shape: tuple[int, ...]


class Raised(msgspec.Struct, frozen=True, tag=True):
    """The model raised instead of answering."""

    kind: str
    text: str


Frame: TypeAlias = Ready | NotLoaded | Numbers | Raised

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Frame)


class Garbled(Exception):
    """What came is no frame."""


class Channel:
    """One end of a socket pair. `until`, of the monotonic clock, bounds a call: TimeoutError beyond it. EOFError: the
    other end is gone."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        self._connection = connection

    def send(self, frame: Frame, numbers: NDArray[np.float64] | None = None, *, until: float = math.inf) -> None:
        """Send a frame; `numbers` with `Numbers`, contiguous and of its shape."""
        header = _encoder.encode(frame)
        self._send(_LENGTH.pack(len(header)) + header, until)
        if numbers is not None:
            self._send(_memory(numbers), until)

    def receive(self, *, until: float = math.inf) -> tuple[Frame, NDArray[np.float64]]:
        """The next frame, and the matrix that came with it (empty for other frames than `Numbers`). Raises Garbled."""
        (length,) = _LENGTH.unpack(self._receive(bytearray(_LENGTH.size), until))
        if length > MAX_HEADER_BYTES:
            raise Garbled(f"a header of {length} bytes")
        try:
            frame = _decoder.decode(self._receive(bytearray(length), until))
        except msgspec.MsgspecError as error:
            raise Garbled(str(error)) from error
        if not isinstance(frame, Numbers):
            return frame, np.empty(0)
        if min(frame.shape, default=0) < 0 or math.prod(frame.shape) * 8 > MAX_NUMBERS_BYTES:
            raise Garbled(f"a matrix of shape {frame.shape}")
        numbers = np.empty(frame.shape)
        self._receive(_memory(numbers), until)
        return frame, numbers

    def _send(self, data: bytes | memoryview, until: float) -> None:
        self._wait_at_most(until)
        try:
            self._connection.sendall(data)
        except ConnectionError as error:
            raise EOFError from error

    def _receive(self, target: bytearray | memoryview, until: float) -> memoryview:
        view = memoryview(target)
        done = 0
        while done < len(view):
            self._wait_at_most(until)
            try:
                count = self._connection.recv_into(view[done:])
            except ConnectionError as error:
                raise EOFError from error
            if count == 0:
                raise EOFError
            done += count
        return view

    def _wait_at_most(self, until: float) -> None:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(None if left == math.inf else left)


def _memory(numbers: NDArray[np.float64]) -> memoryview:
    return numbers.reshape(-1).view(np.uint8).data
