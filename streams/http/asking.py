"""Puts requests to a model: gathered by the event loop, answered on the model's thread."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress

import msgspec
import structlog

from streams.decide.serving import Serving
from streams.http.answers import OF_THE_MODEL, Answered, said_of
from streams.http.deadlines import Deadlines
from streams.http.gathering import Gathering
from streams.pipeline import Outcomes, Rejection
from streams.telemetry.metrics import Metrics

log = structlog.get_logger("streams.http")


class _Request(msgspec.Struct, frozen=True, eq=False):
    values: Sequence[bytes]
    at_ms: int
    answered: asyncio.Future[Answered]


class ModelEnded(RuntimeError):
    """The model raised what is no ordinary error. The text says what."""


class Asking:
    """The requests to one model. For the event loop; `serving` is called on the executor's thread, once a batch."""

    def __init__(
        self,
        name: str,
        serving: Callable[[], Serving],
        executor: Executor,
        gathering: Gathering[_Request],
        deadlines: Deadlines,
        metrics: Metrics,
        asking: Callable[[bool], None],
    ) -> None:
        """`asking` is told when the model is asked, and when it answered."""
        self.name = name
        self._serving, self._executor, self._gathering = serving, executor, gathering
        self._deadlines, self._metrics, self._asking = deadlines, metrics, asking
        self._timer: asyncio.TimerHandle | None = None

    async def ask(self, values: Sequence[bytes], at_ms: int) -> Answered:
        """What is said of each of the events, which came at that time, all by one version. Raises TimeoutError. To
        cancel it is to ask no more, if the model was not asked yet."""
        loop = asyncio.get_running_loop()
        request = _Request(values, at_ms, loop.create_future())
        self._gathering.add(request, len(values), loop.time())
        self._go_on(loop)
        try:
            return await self._deadlines.wait(request.answered)
        except (asyncio.CancelledError, TimeoutError):
            self._gathering.discard(request)  # or a model that hangs would let them pile up
            raise

    def _on_time(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        self._go_on(loop)

    def _go_on(self, loop: asyncio.AbstractEventLoop) -> None:
        while (due_s := self._gathering.due_in(loop.time())) is not None:
            if due_s > 0:
                # One that is set rings early enough: who comes later is not due before who came first.
                if self._timer is None:
                    self._timer = loop.call_later(due_s, self._on_time, loop)
                return
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            requests = [each for each in self._gathering.take() if not each.answered.done()]
            if requests:
                self._begin(loop, requests)
                return
            self._gathering.ended(loop.time())

    def _begin(self, loop: asyncio.AbstractEventLoop, requests: Sequence[_Request]) -> None:
        values = [value for each in requests for value in each.values]
        stamps = [each.at_ms for each in requests for _ in each.values]

        def hand_over(whole: Future[Answered]) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._ended, loop, requests, whole)

        # Neither a task nor asyncio's own future about it: both would cost each batch some turns of the loop.
        try:
            whole = self._executor.submit(self._run, values, stamps)
        except RuntimeError as error:  # it is shut down: the worker ends
            whole = Future()
            whole.set_exception(error)
        whole.add_done_callback(hand_over)

    def _ended(self, loop: asyncio.AbstractEventLoop, requests: Sequence[_Request], whole: Future[Answered]) -> None:
        try:
            answered = whole.result()
        except Exception as error:  # noqa: BLE001  # of any sort: each caller is told that there is no answer
            for each in requests:
                if not each.answered.done():
                    each.answered.set_exception(error)
        else:
            start = 0
            for each in requests:
                if not each.answered.done():
                    own = answered.said[start : start + len(each.values)]
                    each.answered.set_result(Answered(own, answered.model))
                start += len(each.values)
        finally:
            self._gathering.ended(loop.time())
            self._go_on(loop)

    def _run(self, values: Sequence[bytes], stamps: Sequence[int]) -> Answered:
        self._asking(True)
        try:
            serving = self._serving()
            outcomes = serving.pipeline.run(values, stamps)
        except BaseException as error:
            if isinstance(error, Exception) and not isinstance(error, StopIteration):
                raise
            # What ends a process or a generator (SystemExit, a panic in native code) must not end the event loop.
            raise ModelEnded(f"the model raised {type(error).__name__}: {error}") from error
        finally:
            self._asking(False)
        self._count(outcomes)
        return Answered(said_of(serving.model, outcomes, len(values)), serving.model)

    def _count(self, outcomes: Outcomes) -> None:
        results = Counter(each.reason.value for each in outcomes.rejections)
        results.update(how.served_by.value for how in outcomes.degraded.values())
        if by_model := len(outcomes.rows) - len(outcomes.degraded):
            results["model"] += by_model
        self._metrics.http_batch(self.name, results)
        if outcomes.cache is not None:
            self._metrics.cache_used(self.name, outcomes.cache)
        for stage, seconds in outcomes.stage_seconds.items():
            self._metrics.stage_took(stage, seconds)
        blamed = next((each for each in outcomes.rejections if each.reason in OF_THE_MODEL), None)
        if blamed is not None:
            _tell(self.name, blamed)


def _tell(model: str, blamed: Rejection) -> None:
    """One line a batch: callers are not told what the model said."""
    log.warning("no answer from the model", model=model, reason=blamed.reason.value, why=blamed.error)
