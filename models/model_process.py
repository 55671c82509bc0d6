"""One child process that holds a model: started, asked with a deadline, ended by its own process object."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence

import numpy as np

from models.errors import ModelError
from models.prediction import FloatMatrix, ModelDeadline, ModelProcessDied, ModelRaised
from models.wire import Channel, Garbled, NotLoaded, Numbers, Raised, Ready

_FAREWELL_S = 1.0
"""For the kernel to report the end of a process whose end of the socket is closed, or that was killed."""

_STDERR = 2


class ModelProcess:
    """Being constructed it starts, and loads in the background. `command` gets two more arguments, as
    `models.serving.serve` wants them.

    On Linux it is killed when the constructing *thread* ends. Raises OSError when no process can be started.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._connection, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [*command, str(theirs.fileno()), str(os.getpid())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=_STDERR,  # what a model prints is talk; the protocol has a descriptor of its own
                    env={name: value for name, value in os.environ.items() if not name.startswith("WEIR_")},
                    start_new_session=True,  # a Ctrl-C in the terminal is the worker's to handle
                )
        except BaseException:
            self._connection.close()
            raise
        self._channel = Channel(self._connection)
        self.ready = False

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until_ready(self, limit_s: float) -> None:
        """Wait until the model is loaded. Raises ModelError when it cannot be, ModelProcessDied."""
        if self.ready:
            return
        try:
            frame, _ = self._channel.receive(until=time.monotonic() + limit_s)
        except TimeoutError as error:
            raise ModelProcessDied(f"the model's process was not ready within {limit_s:g} s") from error
        except (EOFError, Garbled) as error:
            raise self._died(error) from error
        match frame:
            case NotLoaded(what, where, cause, fix):
                raise ModelError(what, where=where, cause=cause, fix=fix)
            case Ready():
                self.ready = True
            case _:
                raise self._died(Garbled(repr(frame)))

    def ask(self, matrix: FloatMatrix, deadline_s: float) -> FloatMatrix:
        """The model's numbers for the rows. Raises ModelRaised, ModelDeadline, ModelProcessDied; after the last two it
        is of no more use."""
        rows = np.ascontiguousarray(matrix, dtype=np.float64)
        until = time.monotonic() + deadline_s
        try:
            self._channel.send(Numbers(rows.shape), rows, until=until)
            frame, answers = self._channel.receive(until=until)
        except TimeoutError as error:
            raise ModelDeadline(f"no answer within {math.ceil(deadline_s * 1000)} ms") from error
        except (EOFError, Garbled) as error:
            raise self._died(error) from error
        match frame:
            case Numbers():
                return answers
            case Raised(kind, text):
                raise ModelRaised(kind, text)
        raise self._died(Garbled(repr(frame)))

    def kill(self) -> None:
        """End it at once. A call in flight in another thread then raises ModelProcessDied."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # with all that the model started

    def end(self) -> None:
        """End it at once and leave nothing behind. Not while a call is in flight."""
        self.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # stuck in the kernel: reaped with a later start
            self._process.wait(_FAREWELL_S)
        self._connection.close()

    def _died(self, error: Exception) -> ModelProcessDied:
        if isinstance(error, Garbled):
            return ModelProcessDied(f"the model's process answered what is no answer: {error}")
        try:
            code = self._process.wait(_FAREWELL_S)
        except subprocess.TimeoutExpired:
            return ModelProcessDied("the model's process closed its connection")
        if code < 0:
            return ModelProcessDied(f"the model's process was ended by {signal.Signals(-code).name}")
        return ModelProcessDied(f"the model's process ended with exit code {code}")
