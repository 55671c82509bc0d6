"""Which events of a request are published, as what, and what the caller is told of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streams.http.publishing import HEADER_EVENT_ID, HEADER_PUBLISH
from tests.unit.http.door_kit import House, Said, Visitor
from tests.unit.pipeline.fakes import GOOD, SCHEMA, event, without_feature


def asked(body: bytes, path: str = "/predict", *, publish: bool = True, **headers: str) -> tuple[Said, list[Any]]:
    """What was said, and what was offered: model, events and time."""
    house, got = House(publish=publish), []

    async def check(visitor: Visitor) -> None:
        got.append(await visitor.post(path, body, **headers))

    house.visit(check)
    return got[0], house.offered


def test_an_answered_event_is_published_as_it_came() -> None:
    body = b' {"more": [1.50], ' + event("e-1", drop="time")[1:]
    said, [(model, events, at_ms)] = asked(body)
    assert said.status == 200
    assert HEADER_EVENT_ID not in said.headers
    assert (model, events) == ("toy", [(b"e-1", body)])
    # Its record has the time that the answer tells, so the answer on Kafka tells the same.
    assert said.json["time"].endswith(f".{at_ms % 1000:03}Z")


def test_of_a_list_those_are_published_that_were_answered() -> None:
    bad = without_feature("age")
    said, [(_, events, _)] = asked(b'{"events": [' + b", ".join([event("a"), bad, event("b")]) + b"]}")
    assert [each.get("event_id") for each in said.json] == ["a", None, "b"]
    assert events == [(b"a", event("a")), (b"b", event("b"))]


@pytest.mark.parametrize("body", [b"not json", without_feature("age"), b'{"input": [1]}', b'{"events": []}'])
def test_what_was_not_answered_is_not_published(body: bytes) -> None:
    assert asked(body)[1] == []


def test_an_input_gets_an_id_that_the_caller_is_told() -> None:
    values = [GOOD[name] for name in SCHEMA.names]
    said, [(_, [(key, value)], _)] = asked(json.dumps({"input": values}).encode())
    assert key.decode() == f"{said.headers[HEADER_EVENT_ID]}-0"
    assert json.loads(value) == {"id": key.decode(), "features": GOOD}
    assert said.json.keys() == {"result"}


def test_rows_of_the_open_inference_protocol_get_ids_that_the_caller_is_told() -> None:
    inputs = [
        {"name": name, "shape": [2], "datatype": "FP64" if name == "age" else "BYTES", "data": [GOOD[name], GOOD[name]]}
        for name in SCHEMA.names
    ]
    said, [(model, events, _)] = asked(json.dumps({"inputs": inputs}).encode(), "/v2/models/toy/infer")
    assert (said.status, model) == (200, "toy")
    new = said.headers[HEADER_EVENT_ID]
    assert [key.decode() for key, _ in events] == [f"{new}-0", f"{new}-1"]
    assert [json.loads(value) for _, value in events] == [{"id": f"{new}-{row}", "features": GOOD} for row in range(2)]
    inputs[0]["data"] = ["x", GOOD[inputs[0]["name"]]]
    assert asked(json.dumps({"inputs": inputs}).encode(), "/v2/models/toy/infer")[1] == []


def test_a_caller_can_say_no_and_no_other_word_is_taken_for_yes() -> None:
    assert asked(event("e-1"), **{HEADER_PUBLISH: "False"})[1] == []
    assert asked(event("e-1"), **{HEADER_PUBLISH: "true"})[1] != []
    said, offered = asked(event("e-1"), **{HEADER_PUBLISH: "no"})
    assert (said.status, offered) == (400, [])
    assert HEADER_PUBLISH in said.json["detail"]


def test_nothing_is_published_unless_a_setting_says_so() -> None:
    said, offered = asked(event("e-1"), publish=False, **{HEADER_PUBLISH: "true"})
    assert (said.status, offered) == (200, [])
    assert House().settings.http.publish is False
