"""The child's side of an isolated model: load, say so, answer one matrix after the other until the worker is gone."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import signal
import socket
import sys
from collections.abc import Callable

import numpy as np

from models.errors import ModelError
from models.prediction import FloatMatrix
from models.tiles import RawPredict
from models.wire import Channel, NotLoaded, Numbers, Raised, Ready

_LONGEST_TEXT = 1_000
_PR_SET_PDEATHSIG = 1


def serve(load: Callable[[], RawPredict], connection_number: int, worker: int) -> None:
    """Be the model's process of the worker with the pid `worker`. Returns when the worker is gone, or `load` raised
    ModelError and the worker was told."""
    _end_with(worker)
    # A stop is the worker's to handle: the batch in flight is answered first.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.SIG_IGN)
    faulthandler.enable()  # a crash in native code leaves its trace in the worker's log
    with socket.socket(fileno=connection_number) as connection, contextlib.suppress(EOFError):
        connection.set_inheritable(False)
        channel = Channel(connection)
        try:
            predict = load()
        except ModelError as error:
            channel.send(NotLoaded(**error.as_dict()))
            return
        channel.send(Ready())
        while True:
            _, matrix = channel.receive()
            _answer(channel, predict, matrix)


def _answer(channel: Channel, predict: RawPredict, matrix: FloatMatrix) -> None:
    try:
        answers = np.ascontiguousarray(predict(matrix), dtype=np.float64)
    except Exception as error:  # noqa: BLE001  # a model may raise anything
        text = str(error)[:_LONGEST_TEXT].encode("utf-8", "replace").decode()
        channel.send(Raised(type(error).__name__, text))
    else:
        channel.send(Numbers(answers.shape), answers)


def _end_with(worker: int) -> None:
    """Have the kernel end this process with the worker, also where a call hangs and never sees the socket's end."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != worker:
        sys.exit("the worker is gone")
