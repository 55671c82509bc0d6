"""A model in a process of its own: a call that hangs is ended at its deadline, one that crashes takes nothing along.

One child answers. Once one was lost, a second is kept loaded behind it for a while, since a search for the row to
blame loses a child with every other call.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from models.artifact import Artifact
from models.errors import ModelError
from models.loaded import LoadedModel
from models.model_process import ModelProcess
from models.prediction import FloatMatrix, ModelDeadline, ModelProcessDied, ModelRaised, NoAnswer
from models.registry import Registry

# -I: neither the folder that the worker runs in nor PYTHONPATH gives modules to the child.
PROGRAM = (sys.executable, "-I", "-m", "models.serve_version")

START_LIMIT_S = 60.0
"""To import the libraries and load the model."""

HOPELESS_AFTER = 16
"""Calls in a row without an answer: two more than it takes to come down from 8,192 rows to one."""

SPARE_S = 60.0
"""How long after a loss a second child is kept."""

LEAST_BACKOFF_S, MOST_BACKOFF_S = 0.1, 5.0

Cause: TypeAlias = Literal["deadline", "died", "start"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A child was lost over a call about `rows` rows (0: between two calls), as the `in_a_row`-th without an answer."""

    cause: Cause
    rows: int
    in_a_row: int
    why: str


class IsolatedPredict:
    """`models.tiles.RawPredict` that asks a child. `command` as for ModelProcess; `on_loss` must be quick.

    One call at a time. `close` may come from another thread and ends a call in flight.
    """

    def __init__(self, command: Sequence[str], *, deadline_s: float, on_loss: Callable[[Loss], None]) -> None:
        self._command, self._deadline_s, self._on_loss = command, deadline_s, on_loss
        self._calling, self._lock = threading.Lock(), threading.Lock()
        self._closed = threading.Event()
        self._children: list[ModelProcess] = []
        self._in_a_row = self._first_rows = 0
        self._lost_at = 0.0
        self._backoff_s = 0.0

    def start(self) -> None:
        """Start the first child and wait until it is ready. Raises ModelError."""
        try:
            self._start()
            self._children[0].wait_until_ready(START_LIMIT_S)
        except (OSError, ModelProcessDied) as error:
            self.close()
            raise ModelError(
                f"the model's process did not start: {error}",
                where="model.isolation = process",
                cause="too little memory, or too few processes or files allowed; what it wrote is above in the log",
                fix='raise the limit, or set model.isolation = "thread"',
            ) from error
        except BaseException:
            self.close()
            raise

    def __call__(self, matrix: FloatMatrix) -> FloatMatrix:
        """Raises ModelRaised, and NoAnswer after having replaced the child."""
        with self._calling:
            child = self._live_child(len(matrix))
            try:
                answers = child.ask(matrix, self._deadline_s)
            except NoAnswer as error:
                self._replace()
                self._count("deadline" if isinstance(error, ModelDeadline) else "died", len(matrix), error)
                raise
            except ModelRaised:
                self._in_a_row = 0
                raise
            self._in_a_row = 0
            if len(self._children) > 1 and time.monotonic() - self._lost_at > SPARE_S:
                self._end_last()
            return answers

    def close(self) -> None:
        """End the children; calls raise ModelProcessDied from now on."""
        self._closed.set()
        with self._lock:
            for child in self._children:
                child.kill()
        with self._calling:
            self._end_all()

    def _live_child(self, rows: int) -> ModelProcess:
        for _ in range(2):  # the first child and its spare
            child = self._ready_child(rows)
            if not child.ended:
                return child
            # No row is to blame for what happened between two calls.
            why = "the model's process ended between two calls"
            self._on_loss(Loss(cause="died", rows=0, in_a_row=self._in_a_row, why=why))
            self._replace()
        return self._ready_child(rows)

    def _ready_child(self, rows: int) -> ModelProcess:
        try:
            if not self._children:
                self._closed.wait(self._backoff_s)
                self._start()
            self._children[0].wait_until_ready(START_LIMIT_S)
        except (ModelError, ModelProcessDied, OSError) as error:
            self._end_all()
            self._backoff_s = min(MOST_BACKOFF_S, max(LEAST_BACKOFF_S, 2 * self._backoff_s))
            failed = ModelProcessDied(f"the model's process cannot be started: {error}")
            self._count("start", rows, failed)
            raise failed from error
        self._backoff_s = 0.0
        return self._children[0]

    def _count(self, cause: Cause, rows: int, error: NoAnswer) -> None:
        """Count a call without an answer, tell whether it is hopeless, and say so."""
        self._in_a_row += 1
        self._lost_at = time.monotonic()
        if self._in_a_row == 1:
            self._first_rows = rows
        # Coming down to one bad row takes log2 of the rows: it must be possible for batches of any size.
        limit = max(HOPELESS_AFTER, self._first_rows.bit_length() + 2)
        error.hopeless = self._in_a_row >= limit or self._closed.is_set()
        if not self._closed.is_set():
            self._on_loss(Loss(cause=cause, rows=rows, in_a_row=self._in_a_row, why=str(error)))

    def _replace(self) -> None:
        """The next child takes over, and another one loads behind it."""
        with self._lock:
            lost = self._children.pop(0)
        lost.end()
        # A start that fails is the next call's to report.
        with contextlib.suppress(OSError, ModelProcessDied):
            while len(self._children) < 2:
                self._start()

    def _start(self) -> None:
        with self._lock:
            if self._closed.is_set():
                raise ModelProcessDied("the worker is stopping", hopeless=True)
            self._children.append(ModelProcess(self._command))

    def _end_last(self) -> None:
        with self._lock:
            last = self._children.pop()
        last.end()

    def _end_all(self) -> None:
        while self._children:
            self._end_last()


def isolated_model(
    registry: Registry, artifact: Artifact, *, deadline_s: float, on_loss: Callable[[Loss], None]
) -> tuple[LoadedModel, Callable[[], None]]:
    """The artifact's model, served from a process of its own, and what ends that. Raises ModelError.

    The estimator is parsed in the child only.
    """
    manifest = artifact.manifest
    version = (str(registry.root.resolve()), manifest.name, manifest.version, manifest.digest)
    predict = IsolatedPredict([*PROGRAM, *version], deadline_s=deadline_s, on_loss=on_loss)
    predict.start()
    return LoadedModel(manifest, predict, artifact.files[manifest.reference]), predict.close
