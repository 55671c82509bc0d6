"""The Open Inference Protocol, and the OpenAPI document."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.prediction import FloatMatrix, Predictions
from streams.contracts import Reason, ServedBy
from streams.feature_rows import FeatureRows
from streams.http.asked import BadRequest
from streams.http.tensors import events_of, infer_request
from streams.ladder.degradation import Degradation
from streams.limits import Limits
from streams.model_call import Answers, predict
from streams.pipeline import Pipeline
from tests.unit.http.door_kit import House, Said, Visitor, so
from tests.unit.pipeline.fakes import GOOD, NOW, SCHEMA, ToyModel, event
from tests.unit.pipeline.test_predict_decider import serving

DATATYPES = dict(zip(SCHEMA.names, ("FP64", "FP64", "BOOL", "BYTES", "BYTES"), strict=True))
ROWS = [GOOD, {**GOOD, "age": 7, "monthly income/€": None}, {**GOOD, "plan": "free"}]


def by_feature(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"name": name, "shape": [len(rows)], "datatype": DATATYPES[name], "data": [row[name] for row in rows]}
        for name in SCHEMA.names
    ]


def one_tensor(rows: list[dict[str, Any]], *, nested: bool) -> list[dict[str, Any]]:
    data: list[Any] = [[row[name] for name in SCHEMA.names] for row in rows]
    if not nested:
        data = [cell for row in data for cell in row]
    return [{"name": "rows", "shape": [len(rows), len(SCHEMA.names)], "datatype": "BYTES", "data": data}]


def expected() -> list[Any]:
    events = [event(str(row), features=features) for row, features in enumerate(ROWS)]
    return Pipeline(ToyModel(), Limits()).run(events, [NOW] * len(events)).predictions.values


def visit(*paths: tuple[str, str, Any], **http: Any) -> list[Said]:
    house, said = House(**http), []

    async def check(visitor: Visitor) -> None:
        for method, path, body in paths:
            sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            said.append(await (visitor.get(path) if method == "GET" else visitor.post(path, sent)))

    house.visit(check)
    return said


@pytest.mark.parametrize(
    "inputs", [by_feature(ROWS), one_tensor(ROWS, nested=True), one_tensor(ROWS, nested=False)], ids=["a", "b", "c"]
)
def test_tensors_are_answered_as_events_are(inputs: list[dict[str, Any]]) -> None:
    (said,) = visit(("POST", "/v2/models/toy/versions/7/infer", {"id": "r-1", "inputs": inputs}))
    answer = said.json
    assert (said.status, answer["id"], answer["model_name"], answer["model_version"]) == (200, "r-1", "toy", "7")
    outputs = {output["name"]: output for output in answer["outputs"]}
    assert outputs["predict"] == {"name": "predict", "shape": [3], "datatype": "BYTES", "data": expected()}
    assert (outputs["score"]["shape"], outputs["score"]["datatype"]) == ([3], "FP64")
    assert outputs["scores"]["shape"] == [3, 2]
    assert outputs["scores"]["data"][1::2] == outputs["score"]["data"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        ({"inputs": []}, 400),
        ({"inputs": [{**by_feature(ROWS)[0], "shape": [2]}]}, 400),
        ({"inputs": [*by_feature(ROWS)[1:], {**by_feature(ROWS)[0], "shape": [1, 3]}]}, 400),
        ({"inputs": [{**by_feature(ROWS)[0], "datatype": "COMPLEX"}]}, 400),
        ({"inputs": by_feature(ROWS) + by_feature(ROWS)[:1]}, 400),
        ({"inputs": [{**by_feature(ROWS)[0], "shape": [10**9], "data": []}]}, 413),
        ({"inputs": [{**one_tensor(ROWS, nested=True)[0], "data": [[]] * 100_000 + list(GOOD.values()) * 3}]}, 400),
        ({"inputs": by_feature(ROWS)[1:]}, 422),
        ({"inputs": by_feature([{**GOOD, "age": 10**400}])}, 422),
    ],
)
def test_an_error_has_the_protocols_form(body: Any, status: int) -> None:
    (said,) = visit(("POST", "/v2/models/toy/infer", body))
    assert (said.status, said.headers["Content-Type"].partition(";")[0]) == (status, "application/json")
    assert set(said.json) == {"error"}


class NextModel(ToyModel):
    """What is promoted: its classes have other names, and another order."""

    version, classes = "8", ("ja", "nej")


class Turned(ToyModel):
    version, classes = "8", ("yes", "no")

    def predict(self, matrix: FloatMatrix) -> Predictions:
        answer = super().predict(matrix)
        assert answer.class_scores is not None
        return dataclasses.replace(answer, class_scores=answer.class_scores[:, ::-1].copy())


@pytest.mark.parametrize("path", ["/v2/models/toy/infer", "/v2/models/toy/versions/7/infer"])
@pytest.mark.parametrize("promoted", [NextModel, Turned])
def test_a_request_during_a_promotion_has_one_version_and_its_scores_or_is_refused(
    path: str, promoted: type[ToyModel]
) -> None:
    house, got = House(), []
    body = json.dumps({"inputs": by_feature(ROWS)}).encode()

    async def sent() -> AsyncIterator[bytes]:
        yield body[:10]
        await so(lambda: house.guard.places.taken == 1, "the version was looked at")
        house.serving = serving(promoted())
        yield body[10:]

    async def check(visitor: Visitor) -> None:
        got.append(await visitor.post(path, sent()))

    house.visit(check)
    (said,) = got
    if "versions" in path:
        assert said.status == 404
        return
    assert (said.status, said.json["model_version"]) == (200, "8")
    outputs = {output["name"]: output["data"] for output in said.json["outputs"]}
    of_yes = outputs["scores"][promoted.classes.index("yes") :: 2] if promoted is Turned else outputs["scores"][1::2]
    assert of_yes == outputs["score"]


def test_rows_that_the_version_before_answered_are_told_and_are_no_answer_of_a_version_asked_for() -> None:
    how = Degradation(ServedBy.PREVIOUS, "6", Reason.MODEL_ERROR)

    def answer(rows: FeatureRows) -> Answers:
        return dataclasses.replace(predict(ToyModel(), rows.prepared), degraded={1: how})

    house, got = House(), []
    house.serving = serving(ToyModel(), answer=answer)

    async def check(visitor: Visitor) -> None:
        body = json.dumps({"inputs": by_feature(ROWS)}).encode()
        got.append(await visitor.post("/v2/models/toy/infer", body))
        got.append(await visitor.post("/v2/models/toy/versions/7/infer", body))

    house.visit(check)
    any_version, pinned = got
    assert (any_version.status, any_version.json["model_version"]) == (200, "7")
    outputs = {output["name"]: output["data"] for output in any_version.json["outputs"]}
    assert outputs["served_by"] == ["model", "previous", "model"]
    assert outputs["version"] == ["7", "6", "7"]
    assert (pinned.status, pinned.json["error"].partition(":")[0]) == (503, "row 1")
    assert "Retry-After" in pinned.headers


def test_metadata_health_and_versions() -> None:
    server, live, ready, model, version, wrong_version, unknown, model_ready = visit(
        ("GET", "/v2", None),
        ("GET", "/v2/health/live", None),
        ("GET", "/v2/health/ready", None),
        ("GET", "/v2/models/toy", None),
        ("GET", "/v2/models/toy/versions/7", None),
        ("GET", "/v2/models/toy/versions/8", None),
        ("GET", "/v2/models/nobody", None),
        ("GET", "/v2/models/toy/ready", None),
    )
    assert (server.json["name"], live.status, ready.status) == ("weir", 200, 503)
    assert model.json == version.json
    assert model.json["versions"] == ["7"]
    assert {each["name"]: each["datatype"] for each in model.json["inputs"]} == DATATYPES
    assert (wrong_version.status, unknown.status) == (404, 404)
    assert set(unknown.json) == {"error"}
    assert model_ready.json == {"name": "toy", "ready": True}


CELLS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.lists(st.integers(), max_size=3)
)
TENSORS = st.fixed_dictionaries(
    {
        "name": st.sampled_from([*SCHEMA.names, "rows", ""]),
        "shape": st.lists(st.integers(-2, 6), max_size=3),
        "datatype": st.sampled_from(["FP64", "BYTES", "nothing"]),
        "data": st.lists(CELLS, max_size=12),
    }
)


@given(st.lists(TENSORS, max_size=6).map(lambda tensors: json.dumps({"inputs": tensors}).encode()) | st.binary())
def test_any_request_is_events_for_the_pipeline_or_a_refusal(body: bytes) -> None:
    try:
        events = events_of(infer_request(body), SCHEMA, 4)
    except BadRequest as error:
        status, events = error.status, []
    else:
        status = 200
        assert 1 <= len(events) <= 4
    assert status in {200, 400, 413}
    Pipeline(ToyModel(), Limits()).run(events, [NOW] * len(events))


def test_the_document_describes_every_route_and_the_events_that_the_model_takes() -> None:
    house = House()
    documents = []

    async def check(visitor: Visitor) -> None:
        documents.append((await visitor.get("/openapi.json")).json)

    house.visit(check)
    (document,) = documents
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(route.method, route.path) for route in house.routes}
    for route in house.routes:
        operation = document["paths"][route.path][route.method.lower()]
        assert ("security" in operation) is (route.scope is not None)
        assert operation["summary"] != route.path, "it has words"
    request = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    whole = {**request, "components": document["components"]}
    jsonschema.Draft202012Validator.check_schema(whole)
    fits = jsonschema.Draft202012Validator(whole).is_valid
    assert fits(json.loads(event()))
    assert fits({"events": [json.loads(event()), json.loads(event())]})
    assert fits({"input": list(GOOD.values())})
    assert not fits({"input": [1]})
    assert not fits({"id": "a", "features": {**GOOD, "age": 200}})
    assert not fits({"id": "a", "features": {**GOOD, "plan": "gold"}})


def test_every_reference_in_the_document_leads_somewhere() -> None:
    house, documents = House(), []

    async def check(visitor: Visitor) -> None:
        documents.append(await visitor.get("/openapi.json"))

    house.visit(check)
    text, schemas = documents[0].text, documents[0].json["components"]["schemas"]
    named = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert named <= set(schemas)
    assert "://" not in text, "it needs nothing from elsewhere"
