"""A lane's service: what a role started ends with its lane, whatever ends that; and lanes stop together."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError
from mode import Service

from streams.kafka.errors import LaneError
from streams.kafka.service import STOP_DEADLINE_S, LaneService, Stopping
from tests.unit.kafka.broken_client import raise_as_it_is


class Sound:
    def run(self) -> None:
        pass


class Failing:
    def run(self) -> None:
        raise ArithmeticError("the lane")


class Broken:
    def run(self) -> None:
        raise_as_it_is(KafkaError(KafkaError._FENCED))


def give(lane: object) -> Callable[[], object]:
    return lambda: lane


def refuse() -> object:
    raise ArithmeticError("the topics")


@pytest.mark.parametrize(
    ("make", "raised"),
    [
        (give(Sound()), []),
        (give(None), []),
        (give(Failing()), [ArithmeticError]),
        (give(Broken()), [LaneError]),
        (refuse, [ArithmeticError]),
    ],
    ids=["lane ends", "stopped before", "lane fails", "client breaks", "cannot be made"],
)
def test_what_the_role_started_is_ended_on_the_lanes_thread(make: Callable[[], object], raised: list[type]) -> None:
    closed: list[str] = []
    errors: list[BaseException] = []

    def make_lane(_submit: Any, _stop: threading.Event, at_end: Any) -> Any:
        at_end(lambda: closed.append(threading.current_thread().name))
        return make()

    async def run() -> None:
        service = LaneService("predict", None, make_lane, errors.append, Stopping())  # type: ignore[arg-type]
        await service.on_start()
        await asyncio.wait_for(service._ended.wait(), 30)

    asyncio.run(run())
    assert closed == ["lane-predict"]
    assert [type(error) for error in errors] == raised


class Leaving:
    """Ends once every lane of its process was told to stop; a lane that is alone with that waits in vain."""

    def __init__(self, stop: threading.Event, all_told: threading.Barrier) -> None:
        self._stop, self._all_told = stop, all_told

    def run(self) -> None:
        assert self._stop.wait(30)
        self._all_told.wait(5)


def test_lanes_are_told_to_stop_at_once_though_services_stop_one_by_one() -> None:
    all_told = threading.Barrier(3)
    errors: list[BaseException] = []

    def make_lane(_submit: Any, stop: threading.Event, _at_end: Any) -> Any:
        return Leaving(stop, all_told)

    async def run() -> None:
        process, stopping = Service(), Stopping()
        for role in ("predict", "drift", "control"):
            lane = LaneService(role, None, make_lane, errors.append, stopping)  # type: ignore[arg-type]
            process.add_dependency(lane)
        async with process:
            pass

    asyncio.run(run())
    assert errors == []


def test_lanes_that_hang_share_one_deadline() -> None:
    now = 100.0
    stopping = Stopping(lambda: now)
    stopping.ask()
    assert stopping.left_s() == STOP_DEADLINE_S
    now += STOP_DEADLINE_S - 1
    stopping.ask()  # by the next service
    assert stopping.left_s() == 1
    now += 5
    assert stopping.left_s() == 0
