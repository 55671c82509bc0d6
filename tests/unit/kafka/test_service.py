"""A lane's service: what a role started ends with its lane, whatever ends that."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError

from streams.kafka.errors import LaneError
from streams.kafka.service import LaneService
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
        service = LaneService("predict", None, make_lane, errors.append)  # type: ignore[arg-type]
        await service.on_start()
        await asyncio.wait_for(service._ended.wait(), 30)

    asyncio.run(run())
    assert closed == ["lane-predict"]
    assert [type(error) for error in errors] == raised
