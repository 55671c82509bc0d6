"""A process that answers pieces: `python -m streams.backfill.child`, started by `streams.backfill.processes`."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import IO

from models.errors import ModelError
from streams.backfill.frames import Ask, Begin, Failed, Told, receive, send
from streams.backfill.task import answering_of


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run, which ends its processes
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a model's library prints must not get among the answers
    with contextlib.suppress(EOFError, BrokenPipeError):
        _serve(sys.stdin.buffer, out)
    os._exit(0)  # nothing is left to say to anybody


def _serve(source: IO[bytes], out: IO[bytes]) -> None:
    frame, _, _ = receive(source)
    assert isinstance(frame, Begin)
    try:
        answer, close = answering_of(frame.task)
        with contextlib.closing(contextlib.ExitStack()) as opened:
            opened.callback(close)
            while True:
                frame, payload, _ = receive(source)
                assert isinstance(frame, Ask)
                answered = answer(payload, frame.first_row)
                send(out, Told(answered.counts), answered.answers, answered.rejected)
    except ModelError as error:
        send(out, Failed(**error.as_dict()))


if __name__ == "__main__":
    main()
