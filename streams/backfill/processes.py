"""Pieces answered here, or side by side in several processes; in either case they come back in order."""

from __future__ import annotations

import queue
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TypeAlias

from models.errors import ModelError
from streams.backfill.frames import Ask, Begin, Failed, Told, receive, send
from streams.backfill.piece import AnsweredPiece
from streams.backfill.pieces import Piece
from streams.backfill.task import Task, answering_of

# -P: the folder that the command runs in gives no modules to the process.
PROGRAM = (sys.executable, "-P", "-m", "streams.backfill.child")

AnswerAll: TypeAlias = Callable[[Iterator[Piece]], Iterator[tuple[Piece, AnsweredPiece]]]


@contextmanager
def answering(task: Task, processes: int) -> Iterator[AnswerAll]:
    """What answers pieces in their order, by so many processes; 1: here. Raises ModelError."""
    with ExitStack() as opened:
        if processes == 1:
            answer, close = answering_of(task)
            opened.callback(close)
            yield lambda pieces: ((piece, answer(piece.payload, piece.begin.rows)) for piece in pieces)
            return
        threads = ThreadPoolExecutor(processes)
        opened.callback(threads.shutdown, cancel_futures=True)  # after the processes were ended, for which they wait
        free: queue.SimpleQueue[_Child] = queue.SimpleQueue()
        for _ in range(processes):
            child = _Child(task)
            opened.callback(child.close)
            free.put(child)
        yield lambda pieces: _side_by_side(pieces, threads, free, 2 * processes)


def _side_by_side(
    pieces: Iterator[Piece], threads: ThreadPoolExecutor, free: queue.SimpleQueue[_Child], most: int
) -> Iterator[tuple[Piece, AnsweredPiece]]:
    """At most `most` pieces are in memory, whatever the slowest of them takes."""
    waiting: deque[tuple[Piece, Future[AnsweredPiece]]] = deque()
    for piece in pieces:
        if len(waiting) == most:
            first, answered = waiting.popleft()
            yield first, answered.result()
        waiting.append((piece, threads.submit(_answered, free, piece)))
    while waiting:
        first, answered = waiting.popleft()
        yield first, answered.result()


def _answered(free: queue.SimpleQueue[_Child], piece: Piece) -> AnsweredPiece:
    child = free.get()
    try:
        return child.answer(piece)
    finally:
        free.put(child)


class _Child:
    """One process; one piece at a time."""

    def __init__(self, task: Task) -> None:
        self._process = subprocess.Popen(PROGRAM, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin and self._process.stdout
        self._to, self._from = self._process.stdin, self._process.stdout
        send(self._to, Begin(task))

    def answer(self, piece: Piece) -> AnsweredPiece:
        try:
            send(self._to, Ask(piece.begin.rows), piece.payload)
            frame, answers, rejected = receive(self._from)
        except (EOFError, OSError) as error:
            raise ModelError(
                f"a process that answers rows ended (code {self._process.wait()})",
                where=f"rows {piece.begin.rows + 1} to {piece.end.rows}",
                cause="the system ended it for want of memory, or the model crashed in native code",
                fix="the same command goes on where this one ended; take fewer --processes, or model.isolation",
            ) from error
        if isinstance(frame, Failed):
            raise ModelError(frame.what, where=frame.where, cause=frame.cause, fix=frame.fix)
        assert isinstance(frame, Told)
        return AnsweredPiece(answers, rejected, frame.counts)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._to, self._from):
            try:
                pipe.close()
            except BrokenPipeError:
                continue
