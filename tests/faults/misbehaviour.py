"""Ways in which a model misbehaves, around one that does not. The same in a worker's own process and in a model's.

A fault is `KIND` or `KIND:NUMBER`. A folder ties the processes of one run together:

- `off`: while this file is there, the model behaves;
- `bitten`: one byte for each call that the fault bit, the proof that a run was a test at all;
- `first-call`: when the first of all processes was first asked.
"""

from __future__ import annotations

import ctypes
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from models.prediction import FloatMatrix
from models.tiles import RawPredict

POLL_S = 0.02


class Refused(Exception):
    """What a raising model raises."""


class Misbehaviour:
    """`RawPredict` that does what `fault` says, and otherwise answers as `raw` does."""

    def __init__(self, raw: RawPredict, fault: str, folder: Path, version: str = "") -> None:
        """`version`: of the model, for `told`."""
        self._version = version
        kind, _, number = fault.partition(":")
        self._raw, self._folder = raw, folder
        self._fault: Callable[[FloatMatrix], FloatMatrix] = getattr(self, kind.replace("-", "_"))
        self._number = float(number) if number else math.nan

    def __call__(self, matrix: FloatMatrix) -> FloatMatrix:
        return self._raw(matrix) if self._off else self._fault(matrix)

    def hang(self, matrix: FloatMatrix) -> FloatMatrix:
        """For NUMBER seconds from the first call of all on, whoever is asked; without a number for ever."""
        until = math.inf if math.isnan(self._number) else self._first_call() + self._number
        if time.time() < until:
            self._bite()
        while time.time() < until and not self._off:
            time.sleep(POLL_S)
        return self._raw(matrix)

    def hang_above(self, matrix: FloatMatrix) -> FloatMatrix:
        """For ever, where the first feature of a row is above NUMBER."""
        if self._hit(matrix).any():
            self._bite()
            while not self._off:
                time.sleep(POLL_S)
        return self._raw(matrix)

    def freeze(self, matrix: FloatMatrix) -> FloatMatrix:
        """For ever, in native code that keeps the interpreter's lock: no other thread of the process runs."""
        self._bite()
        ctypes.PyDLL(None).pause()
        return self._raw(matrix)

    def raising(self, _matrix: FloatMatrix) -> FloatMatrix:
        """On every row."""
        self._bite()
        raise Refused("no row is good enough")

    def raising_above(self, matrix: FloatMatrix) -> FloatMatrix:
        """Where the first feature of a row is above NUMBER."""
        if self._hit(matrix).any():
            self._bite()
            raise Refused(f"the first feature is above {self._number:g}")
        return self._raw(matrix)

    def slow(self, matrix: FloatMatrix) -> FloatMatrix:
        """NUMBER seconds more for each call."""
        self._bite()
        time.sleep(self._number)
        return self._raw(matrix)

    def dying(self, _matrix: FloatMatrix) -> FloatMatrix:
        """kill -9 of the model's own process, at every call."""
        self._bite()
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    def dying_above(self, matrix: FloatMatrix) -> FloatMatrix:
        """The same, where the first feature of a row is above NUMBER."""
        return self.dying(matrix) if self._hit(matrix).any() else self._raw(matrix)

    def leaving(self, _matrix: FloatMatrix) -> FloatMatrix:
        """Ends its process with exit code 7."""
        self._bite()
        os._exit(7)

    def nan_above(self, matrix: FloatMatrix) -> FloatMatrix:
        """NaN for an answer, where the first feature of a row is above NUMBER."""
        answers = self._raw(matrix)
        answers[self._hit(matrix)] = np.nan
        return answers

    def too_few(self, matrix: FloatMatrix) -> FloatMatrix:
        """An answer too few."""
        self._bite()
        return self._raw(matrix)[1:]

    def flat(self, matrix: FloatMatrix) -> FloatMatrix:
        """Answers in one dimension."""
        self._bite()
        return self._raw(matrix)[:, 0]

    def text(self, _matrix: FloatMatrix) -> FloatMatrix:
        """Answers that are no numbers."""
        self._bite()
        return [["yes"]]  # type: ignore[return-value]

    def told(self, matrix: FloatMatrix) -> FloatMatrix:
        """At each call what the folder's file `fault-VERSION` says, as KIND or KIND:NUMBER; without it nothing."""
        try:
            fault = (self._folder / f"fault-{self._version}").read_text()
        except FileNotFoundError:
            return self._raw(matrix)
        return Misbehaviour(self._raw, fault, self._folder)(matrix)

    def talking(self, matrix: FloatMatrix) -> FloatMatrix:
        """Writes to all of stdin, stdout and stderr, by Python's means and by the system's."""
        self._bite()
        sys.stdout.write("talk " * 100)
        sys.stdout.flush()
        for descriptor in (1, 2):
            os.write(descriptor, b"\x00\x01\x02\x03 more talk\n")
        return self._raw(matrix)

    @property
    def _off(self) -> bool:
        return (self._folder / "off").exists()

    def _hit(self, matrix: FloatMatrix) -> np.ndarray:
        return matrix[:, 0] > self._number

    def _bite(self) -> None:
        with (self._folder / "bitten").open("ab") as bitten:
            bitten.write(b".")

    def _first_call(self) -> float:
        """Seconds of the wall clock."""
        draft = self._folder / f"first-call-{os.getpid()}"
        draft.write_text(str(time.time()))
        try:
            os.link(draft, self._folder / "first-call")
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return float((self._folder / "first-call").read_text())
