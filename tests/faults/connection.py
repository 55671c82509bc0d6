"""One client's connection through a proxy: whole requests one way, whole answers the other, each as late as ordered."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from tests.faults.holding import NAMES, Hold, Request, error_code, read_request

TICK_S = 0.01
LATE_ANSWER_S = 5.0
"""How long an answer is waited for whose client has gone."""

PIECE = 4096
"""A throttled frame goes on in pieces, so that its connection does not look dead."""

Way = Literal["up", "down"]
Frame = tuple[float, bytes] | None


@dataclass
class Path:
    """The way to one broker: what is done to the bytes, and what came of it. Set and read by the test's thread.

    `hole` swallows bytes and gives them back when it closes, as a network does that drops packets for a while.
    """

    latency_s: float = 0.0
    bytes_per_s: float | None = None
    hole: frozenset[Way] = frozenset()
    holds: list[Hold] = field(default_factory=list)
    connections: int = 0
    bytes_delayed: int = 0
    bytes_swallowed: int = 0
    resets: int = 0
    _turn: dict[Way, asyncio.Lock] = field(default_factory=lambda: {"up": asyncio.Lock(), "down": asyncio.Lock()})

    async def travel(self, way: Way, arrived: float, size: int) -> None:
        """Return when a frame that came at `arrived` may go on."""
        wait = arrived + self.latency_s - asyncio.get_running_loop().time()
        if wait > 0:
            self.bytes_delayed += size
            await asyncio.sleep(wait)
        if way in self.hole:
            self.bytes_swallowed += size
        await _until(lambda: way not in self.hole)

    async def write(self, way: Way, writer: asyncio.StreamWriter, frame: bytes) -> None:
        """Send, at the rate that all connections of this way share."""
        rest = memoryview(frame)
        while self.bytes_per_s is not None and rest:
            async with self._turn[way]:
                piece, rest = rest[:PIECE], rest[PIECE:]
                self.bytes_delayed += len(piece)
                await asyncio.sleep(len(piece) / (self.bytes_per_s or float("inf")))
            writer.write(piece)
        writer.write(rest)
        await writer.drain()


class Connection:
    """`run` ends when either side has gone and nothing is held any more."""

    def __init__(self, path: Path, client: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        self._path = path
        self._from_client, self._to_client = client
        self._to_broker: asyncio.StreamWriter | None = None
        self._unanswered: deque[Request] = deque()
        self._holding: Hold | None = None
        self._client_gone = False
        path.connections += 1

    async def run(self, port: int) -> None:
        """Carry between the client and the broker at `port`."""
        try:
            from_broker, to_broker = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        except OSError:
            self._to_client.transport.abort()  # the broker is away
            return
        self._to_broker = to_broker
        requests: asyncio.Queue[Frame] = asyncio.Queue()
        answers: asyncio.Queue[Frame] = asyncio.Queue()
        listening = [
            asyncio.create_task(self._listen_to_client(requests)),
            asyncio.create_task(_listen(from_broker, answers)),
        ]
        carrying = [
            asyncio.create_task(self._carry_requests(requests, to_broker)),
            asyncio.create_task(self._carry_answers(answers)),
        ]
        try:
            await asyncio.wait(carrying, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*listening, *carrying):
                task.cancel()
            await asyncio.gather(*listening, *carrying, return_exceptions=True)
            for writer in (self._to_client, to_broker):
                with contextlib.suppress(OSError):
                    writer.close()

    def reset(self) -> None:
        """RST to the client at once; and to the broker, unless a held request is still to go there."""
        self._path.resets += 1
        for writer in (self._to_client, None if self._holding else self._to_broker):
            if writer is None or writer.is_closing():
                continue
            sock: socket.socket = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def _listen_to_client(self, requests: asyncio.Queue[Frame]) -> None:
        await _listen(self._from_client, requests)
        self._client_gone = True
        if self._holding is not None:
            self._holding.abandoned += 1

    async def _carry_requests(self, requests: asyncio.Queue[Frame], to_broker: asyncio.StreamWriter) -> None:
        while (item := await requests.get()) is not None:
            arrived, frame = item
            await self._path.travel("up", arrived, len(frame))
            key = read_request(frame).key
            self._holding = hold = next((hold for hold in self._path.holds if hold.takes(key, frame)), None)
            if hold is not None:
                await _until(lambda hold=hold: hold.released)
            self._holding = None
            self._unanswered.append(read_request(frame, hold if self._client_gone else None))
            await self._path.write("up", to_broker, frame)
            if hold is not None:
                hold.delivered += 1
        deadline = asyncio.get_running_loop().time() + LATE_ANSWER_S
        await _until(
            lambda: asyncio.get_running_loop().time() > deadline or not any(sent.hold for sent in self._unanswered)
        )

    async def _carry_answers(self, answers: asyncio.Queue[Frame]) -> None:
        while (item := await answers.get()) is not None:
            arrived, frame = item
            sent = self._unanswered.popleft()  # a broker answers each connection in order
            if sent.hold is not None and sent.key in NAMES:
                sent.hold.late.append((sent.key, error_code(sent, frame)))
            await self._path.travel("down", arrived, len(frame))
            if not self._client_gone:
                with contextlib.suppress(ConnectionError):
                    await self._path.write("down", self._to_client, frame)


async def _until(condition: Callable[[], bool]) -> None:
    # Another thread sets what is waited for, so there is no event to wait on.
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(TICK_S)


async def _listen(reader: asyncio.StreamReader, frames: asyncio.Queue[Frame]) -> None:
    """Whole frames (4 bytes of length before each) with the time of their arrival; None at the end."""
    with contextlib.suppress(asyncio.IncompleteReadError, OSError):
        while True:
            length = await reader.readexactly(4)
            frame = length + await reader.readexactly(int.from_bytes(length, "big"))
            frames.put_nowait((asyncio.get_running_loop().time(), frame))
    frames.put_nowait(None)
