"""To callers who are not trusted a refusal says the reason and nothing of the model."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from tests.unit.http.door_kit import House, Said, Visitor
from tests.unit.pipeline.fakes import event

TOLD = {"type", "title", "status", "stage", "reason"}

ONE = {"id": "e-1", "features": {"amount": "s3cret"}}

BODIES: list[tuple[str, Any]] = [
    ("/predict", ONE),
    ("/predict", {"id": "e-1", "features": {"s3cret": 1}}),
    ("/predict", {"input": ["s3cret"]}),
    ("/predict", {"input": [1] * 50}),
    ("/predict", {"events": "s3cret"}),
    ("/predict", {"events": [{}] * 5_000}),
    ("/predict", "s3cret"),
    ("/v2/models/toy/infer", {"inputs": [{"name": "s3cret", "shape": [1], "datatype": "FP64", "data": [1]}]}),
    ("/v2/models/toy/infer", {"inputs": "s3cret"}),
    ("/v2/models/s3cret/infer", {"inputs": []}),
]


def names_of(house: House) -> set[str]:
    return {*house.serving.model.schema.names, "s3cret", "schema", "features"}


@pytest.mark.parametrize(("path", "body"), BODIES)
def test_a_refusal_names_neither_features_nor_values(path: str, body: Any) -> None:
    said: list[Said] = []
    terse, full = House(terse=True), House()

    async def check(visitor: Visitor) -> None:
        said.append(await visitor.post(path, msgspec.json.encode(body)))

    terse.visit(check)
    full.visit(check)
    assert said[0].status == said[1].status >= 400
    assert not names_of(terse) & set(re.findall(r"\w+", said[0].text)), said[0].text
    if path == "/predict":
        assert said[0].json.keys() <= TOLD
        assert said[0].json.get("reason") == said[1].json.get("reason")
        assert said[1].json["detail"]
    else:
        assert said[0].json.keys() == {"error"}


def test_in_a_list_the_good_are_answered_and_the_others_have_a_reason_alone() -> None:
    async def check(visitor: Visitor) -> None:
        both = await visitor.post("/predict", b'{"events": [' + event() + b"," + msgspec.json.encode(ONE) + b"]}")
        good, bad = both.json
        assert good["served_by"] == "model"
        assert (bad["error"].pop("reason"), bad["error"]) == ("feature_missing", {"stage": "validate", "detail": ""})

    House(terse=True).visit(check)
