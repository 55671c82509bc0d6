"""A lane's service: what a role started ends with its lane, whatever ends that."""

from __future__ import annotations

import asyncio
import ctypes
import threading
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError

from streams.kafka.service import LaneService


class Sound:
    def run(self) -> None:
        pass


class Failing:
    def run(self) -> None:
        raise ArithmeticError("the lane")


class Broken:
    def run(self) -> None:
        raised, more = ctypes.py_object(KafkaError), ctypes.py_object(KafkaError(KafkaError._FENCED))
        ctypes.pythonapi.PyErr_Restore(*map(incref, (raised, more)), None)


def incref(held: Any) -> Any:
    """A reference to give away."""
    ctypes.pythonapi.Py_IncRef(held)
    return held


def give(lane: object) -> Callable[[], object]:
    return lambda: lane


def refuse() -> object:
    raise ArithmeticError("the topics")


@pytest.mark.parametrize(
    ("make", "fails"),
    [(give(Sound()), False), (give(None), False), (give(Failing()), True), (give(Broken()), True), (refuse, True)],
    ids=["lane ends", "stopped before", "lane fails", "client breaks", "cannot be made"],
)
def test_what_the_role_started_is_ended_on_the_lanes_thread(make: Callable[[], object], fails: bool) -> None:
    closed: list[str] = []
    errors: list[BaseException] = []

    def make_lane(_submit: Any, _stop: threading.Event, at_end: Any) -> Any:
        at_end(lambda: closed.append(threading.current_thread().name))
        return make()

    async def run() -> None:
        service = LaneService("predict", None, make_lane, errors.append)  # type: ignore[arg-type]
        await service.on_start()
        await asyncio.wait_for(service._ended.wait(), 30)

    asyncio.run(run())
    assert closed == ["lane-predict"]
    assert bool(errors) is fails
