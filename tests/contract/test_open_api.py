"""The door against its own OpenAPI document: what it allows, and what it does not, gets an answer that it describes."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from streams.http.door import Door
from tests.unit.http.door_kit import House
from tests.waiting import until

CASES = int(os.environ.get("WEIR_OPEN_API_CASES", "16"))
"""Of each operation and mode."""

THERE = {"model": "toy", "version": "7"}
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A door with a toy model, on a loop of its own."""
    house = House()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    door = Door(house.settings.http, house.routes, house.guard, house.metrics)
    port = asyncio.run_coroutine_threadsafe(door.start(chosen=True), loop).result(20)
    house.progress.model_loaded("toy", "7")
    house.progress.lane("http").opened(0.0)
    until(lambda: house.progress.ready().ok, "the door is ready")
    yield f"http://127.0.0.1:{port}"
    asyncio.run_coroutine_threadsafe(door.stop(), loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(20)
    house.executor.shutdown()


def ask(operation: schemathesis.APIOperation, mode: schemathesis.GenerationMode) -> Counter[int]:
    """Statuses of what was asked; none where the operation has nothing to vary."""
    answers: Counter[int] = Counter()

    @settings(max_examples=CASES, derandomize=True, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    @given(operation.as_strategy(generation_mode=mode))
    def every_answer_fits(case: schemathesis.Case) -> None:
        if answers.total() % 2:  # every other time a model that is there
            case.path_parameters.update((name, there) for name, there in THERE.items() if name in case.path_parameters)
        answers[case.call_and_validate(checks=CHECKS).status_code] += 1

    with suppress(Unsatisfiable):
        every_answer_fits()
    return answers


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
def test_every_answer_is_one_that_the_document_describes(address: str, mode: schemathesis.GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    answers = {each.ok().label: ask(each.ok(), mode) for each in schema.get_all_operations()}
    predict, infer = answers["POST /predict"], answers["POST /v2/models/{model}/infer"]
    if mode is schemathesis.GenerationMode.POSITIVE:
        assert all(answers.values()), "each operation was asked"
        assert predict[200]
    else:
        assert predict and infer
    assert set(infer) & {200, 400, 422}
    assert sum(count for status, count in predict.items() if 400 <= status < 500)
