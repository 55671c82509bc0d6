"""`POST /predict`: its three forms, and what is said of what cannot be answered."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import weakref
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.prediction import FloatMatrix
from streams.contracts import Reason, ServedBy
from streams.feature_rows import FeatureRows
from streams.http.asked import BadRequest, asked
from streams.ladder.degradation import Degradation
from streams.limits import Limits
from streams.model_call import Answers, predict
from streams.pipeline import Pipeline
from tests.unit.http.door_kit import House, Said, Visitor, so
from tests.unit.pipeline.fakes import GOOD, NOW, SCHEMA, ToyModel, aged, event, with_feature, without_feature
from tests.unit.pipeline.test_bad_input import FAMILIES
from tests.unit.pipeline.test_predict_decider import serving


def post(body: bytes, model: ToyModel | None = None, *, content_type: str = "application/json", **http: Any) -> Said:
    house, got = House(model, **http), []

    async def check(visitor: Visitor) -> None:
        got.append(await visitor.post("/predict", body, **{"Content-Type": content_type}))

    house.visit(check)
    return got[0]


@pytest.mark.parametrize("kind", ["application/cloudevents+json; charset=utf-8", "application/json"])
def test_a_structured_cloud_event_is_an_event(kind: str) -> None:
    envelope = {"specversion": "1.0", "id": "ce-1", "source": "/crm", "type": "t", "events": "an attribute"}
    said = post(json.dumps({**envelope, "data": {"features": GOOD}}).encode(), content_type=kind)
    assert (said.status, said.json["event_id"]) == (200, "ce-1")
    said = post(json.dumps({**envelope, "specversion": "9", "data": {"features": GOOD}}).encode(), content_type=kind)
    assert (said.status, said.json["reason"]) == (400, "framed")


def many(*events: bytes) -> bytes:
    return b'{"events": [' + b", ".join(events) + b"]}"


def test_an_event_is_answered_as_on_kafka() -> None:
    outcomes = Pipeline(ToyModel(), Limits()).run([event("e-1")], [NOW])
    said = post(event("e-1"))
    assert (said.status, said.headers["Content-Type"]) == (200, "application/json")
    answers = outcomes.predictions
    assert answers.scores is not None
    assert answers.class_scores is not None
    assert said.json == {
        "event_id": "e-1",
        "time": "2025-12-31T23:59:59.995Z",
        "model": "toy",
        "version": "7",
        "prediction": answers.values[0],
        "served_by": "model",
        "degraded": False,
        "score": answers.scores[0],
        "scores": dict(zip(("no", "yes"), answers.class_scores[0].tolist(), strict=True)),
    }


def test_events_and_their_errors_come_in_the_order_that_they_were_sent() -> None:
    events = [event("a"), with_feature("age", 200), b"7", without_feature("plan"), event("b"), b'{"id": "x"}']
    outcomes = Pipeline(ToyModel(), Limits()).run(events, [NOW] * len(events))
    said = post(many(*events))
    assert said.status == 200
    rows = said.json
    assert [row for row in range(len(rows)) if "error" not in rows[row]] == outcomes.rows == [0, 4]
    assert [rows[row]["event_id"] for row in outcomes.rows] == outcomes.event_ids
    assert [rows[row]["score"] for row in outcomes.rows] == outcomes.predictions.scores
    assert [rows[each.row]["error"] for each in outcomes.rejections] == [
        {"stage": each.stage, "reason": each.reason, "detail": each.error} for each in outcomes.rejections
    ]


def test_the_tutorials_input_is_answered_in_the_schemas_order() -> None:
    said = post(json.dumps({"input": [GOOD[name] for name in SCHEMA.names]}).encode())
    expected = Pipeline(ToyModel(), Limits()).run([event()], [NOW]).predictions.values[0]
    assert (said.status, said.json) == (200, {"result": expected})
    assert post(b'{"input": [1]}').status == 400
    refused = post(json.dumps({"input": [*[GOOD[name] for name in SCHEMA.names][:4], 7]}).encode())
    assert (refused.status, refused.json["reason"]) == (422, "feature_type")


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 400, "empty"),
        (b"{", 400, "json"),
        (b"[]", 400, "not_object"),
        (b"\xff\xfe{\x00", 400, "encoding"),
        (b'{"events": 7}', 400, None),
        (b'{"id": "a"}', 422, "feature_missing"),
        (event(drop="id"), 422, "id_missing"),
        (event("x" * 1000), 422, "id_too_long"),
        (event(time=NOW * 2), 422, "time_ahead"),
        (with_feature("age", "41"), 422, "feature_type"),
        (with_feature("plan", "gold"), 422, "category_unknown"),
        (many(*[event()] * 5), 413, None),
        (event(note="x" * 5000), 413, None),
    ],
)
def test_what_cannot_be_answered_is_a_problem_with_kafkas_reason(body: bytes, status: int, reason: str | None) -> None:
    said = post(body, max_events=4, max_body_bytes=4096)
    assert (said.status, said.headers["Content-Type"]) == (status, "application/problem+json")
    problem = said.json
    assert (problem["status"], problem.get("reason")) == (status, reason)
    assert problem["title"]
    assert problem["detail"]


def test_every_family_of_bad_input_has_the_reason_over_http_that_it_has_on_kafka(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streams.http.predict_route.time", SimpleNamespace(time_ns=lambda: NOW * 1_000_000))
    house, found = House(), {}

    async def check(visitor: Visitor) -> None:
        for family, (value, _, _) in FAMILIES.items():
            said = await visitor.post("/predict", value)
            assert said.status in {400, 413, 422}, family
            found[family] = (said.json["stage"], said.json["reason"])

    house.visit(check)
    assert found == {family: (stage, reason) for family, (_, stage, reason) in FAMILIES.items()}


def test_an_answer_of_a_rung_says_so_and_has_no_score() -> None:
    how = Degradation(ServedBy.RULE, "6", Reason.MODEL_ERROR)

    def answer(rows: FeatureRows) -> Answers:
        answers = predict(ToyModel(), rows.prepared)
        return replace(answers, degraded={1: how})

    house, got = House(), []
    house.serving = serving(ToyModel(), answer=answer)

    async def check(visitor: Visitor) -> None:
        got.extend((await visitor.post("/predict", many(event("a"), event("b")))).json)

    house.visit(check)
    by_model, by_rule = got
    assert (by_model["served_by"], by_model["degraded"], "score" in by_model) == ("model", False, True)
    assert by_rule.keys().isdisjoint({"score", "scores"})
    assert [by_rule[name] for name in ("served_by", "degraded", "version", "reason")] == [
        "rule", True, "6", "model_error",
    ]  # fmt: skip
    assert house.count("weir_http_events_total", model="toy", result="rule") == 1


def test_what_the_model_said_of_a_row_is_for_the_log_alone() -> None:
    def raises(_matrix: FloatMatrix) -> None:
        raise ValueError("secret in /srv/models/estimator.py")

    said = post(event(), ToyModel(before=raises))
    assert (said.status, said.json["reason"]) == (422, "model_error")
    assert "secret" not in said.text
    assert "/srv" not in said.text


def test_only_json_is_taken_so_that_no_page_in_a_browser_can_send_it() -> None:
    async def check(visitor: Visitor) -> None:
        for headers in ({"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}):
            said = await visitor.request("POST", "/predict", data=event(), headers=headers)
            assert said.status == 415
        packed = await visitor.post("/predict", event(), **{"Content-Encoding": "gzip"})
        assert packed.status == 415

    House().visit(check)


def test_a_model_is_named_by_the_header_and_an_unknown_one_is_not_found() -> None:
    async def check(visitor: Visitor) -> None:
        assert (await visitor.post("/predict", event(), **{"weir-model": "toy"})).status == 200
        assert (await visitor.post("/predict", event(), **{"weir-model": "another"})).status == 404
        assert (await visitor.get("/nothing")).status == 404
        wrong = await visitor.get("/predict")
        assert (wrong.status, wrong.headers["Allow"]) == (405, "POST")

    House().visit(check)


def test_requests_are_refused_until_a_model_is_loaded() -> None:
    house = House(loaded=False)

    async def check(visitor: Visitor) -> None:
        early = await visitor.post("/predict", event())
        assert (early.status, int(early.headers["Retry-After"])) == (503, 1)
        house.load()
        assert (await visitor.post("/predict", event())).status == 200

    house.visit(check)


def test_requests_that_come_while_the_model_works_are_answered_together() -> None:
    free = threading.Event()
    model = ToyModel(before=lambda _matrix: free.wait(10) or None)
    house = House(model)

    async def check(visitor: Visitor) -> None:
        first = asyncio.ensure_future(visitor.post("/predict", event("first")))
        await so(lambda: model.calls, "the model works")
        pairs = [many(event(f"{i}a"), event(f"{i}b", drop="features"), event(f"{i}c")) for i in range(20)]
        others = [asyncio.ensure_future(visitor.post("/predict", pair)) for pair in pairs]
        await so(lambda: house.guard.places.taken == 21, "all are here")
        free.set()
        assert (await first).json["event_id"] == "first"
        for i, said in enumerate(await asyncio.gather(*others)):
            assert [row.get("event_id") for row in said.json] == [f"{i}a", None, f"{i}c"], "each has its own answers"

    house.visit(check)
    assert model.calls == [1, 40]
    assert house.count("weir_http_events_total", model="toy", result="model") == 41
    assert house.count("weir_http_events_total", model="toy", result="feature_missing") == 20
    assert house.count("weir_http_batch_events_count") == 2


def test_a_model_that_takes_too_long_is_a_503_and_who_waits_no_more_is_not_asked_about() -> None:
    free, ages = threading.Event(), []

    def works(matrix: FloatMatrix) -> None:
        ages.extend(matrix[:, 0].tolist())
        free.wait(10)

    house = House(ToyModel(before=works), deadline_ms=50)

    async def check(visitor: Visitor) -> None:
        slow = asyncio.ensure_future(visitor.post("/predict", aged(1, "slow")))
        await so(lambda: ages, "the model works")
        waits = await visitor.post("/predict", aged(2, "waits"))
        for said in (await slow, waits):
            assert (said.status, said.json["reason"]) == (503, Reason.MODEL_DEADLINE)
            assert "Retry-After" in said.headers
        free.set()
        while (after := await visitor.post("/predict", aged(3, "after"))).status == 503:
            pass
        assert after.status == 200

    house.visit(check)
    assert ages[0] == 1
    assert set(ages[1:]) == {3}


def test_requests_to_a_door_that_is_closing_are_told_so_and_do_not_wait() -> None:
    house = House()
    house.executor.shutdown()
    asking, _ = house.models.find(None)

    async def run() -> None:
        for _ in range(2):
            with pytest.raises(RuntimeError, match="shutdown"):
                await asyncio.wait_for(asking.ask([event()], NOW), 10)

    asyncio.run(run())


class Values(list[bytes]):
    """Of which it can be told whether they are still held."""


def test_what_nobody_waits_for_any_more_takes_no_memory_while_the_model_hangs() -> None:
    free = threading.Event()
    house = House(ToyModel(before=lambda _matrix: free.wait(20) or None))
    asking, _ = house.models.find(None)

    async def check(_visitor: Visitor) -> None:
        hangs = asyncio.ensure_future(asking.ask([event("hangs")], NOW))
        await so(lambda: house.serving.model.calls, "the model hangs")  # type: ignore[attr-defined]
        held = []
        for _ in range(3):
            values = Values([event("waits")])
            held.append(weakref.ref(values))
            waits = asyncio.ensure_future(asking.ask(values, NOW))
            await asyncio.sleep(0)
            waits.cancel()
            await asyncio.wait([waits])
            del values, waits
        gc.collect()
        assert [each() for each in held] == [None] * 3
        free.set()
        await hangs

    house.visit(check)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
BODIES = (
    st.binary(max_size=60)
    | JSON_VALUES.map(lambda value: json.dumps(value).encode())
    | st.fixed_dictionaries({}, optional={"events": JSON_VALUES, "input": JSON_VALUES, "features": JSON_VALUES}).map(
        lambda value: json.dumps(value).encode()
    )
    | st.tuples(st.sampled_from([event(), many(event(), event("b"))]), st.integers(0, 300), st.binary(max_size=2)).map(
        lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] :]
    )
)


@given(BODIES)
def test_any_body_is_values_for_the_pipeline_or_a_refusal(body: bytes) -> None:
    try:
        wanted = asked(body, SCHEMA.names, 3)
    except BadRequest as error:
        status = error.status
        wanted = None
    if wanted is None:
        assert status in {400, 413}
        return
    assert len(wanted.values) <= 3
    Pipeline(ToyModel(), Limits()).run(wanted.values, [NOW] * len(wanted.values))


@pytest.mark.parametrize("levels", [1_500, 100_000])
@pytest.mark.parametrize("form", ["%s", '{"events": [%s]}', '{"input": [%s, 1, 1, 1, 1]}', '{"features": {"age": %s}}'])
def test_a_body_nested_ever_so_deep_is_refused(form: str, levels: int) -> None:
    said = post((form % ("[" * levels + "]" * levels)).encode())
    found = said.json[0]["error"] if said.status == 200 else said.json
    assert (said.status, found.get("reason")) in {
        (400, "depth"),
        (400, None),  # so deep that the list of events cannot be told
        (200, "depth"),
        (413, "too_large"),
        (200, "too_large"),
    }


def test_no_body_at_all_makes_the_door_fail() -> None:
    house, seen = House(max_body_bytes=10_000), set()

    async def check(visitor: Visitor) -> None:
        @given(BODIES)
        def bodies(body: bytes) -> None:
            collected.append(body)

        collected: list[bytes] = []
        bodies()
        for body in collected:
            said = await visitor.post("/predict", body)
            seen.add(said.status)
            assert said.status < 500, body

    house.visit(check)
    assert {200, 400, 422} <= seen


class Panic(BaseException):
    """As pyo3 raises for native code that fell over."""


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit, Panic])
def test_what_would_end_a_process_is_a_failure_when_a_model_raises_it(kind: type[BaseException]) -> None:
    broken = True

    def raises(_matrix: FloatMatrix) -> None:
        if broken:
            raise kind("s3cret")

    house = House(ToyModel(before=raises), deadline_ms=20_000)

    async def check(visitor: Visitor) -> None:
        nonlocal broken
        async with asyncio.timeout(10):
            said = await asyncio.gather(*(visitor.post("/predict", event()) for _ in range(3)))
            assert [each.status for each in said] == [500] * 3
            assert not any("s3cret" in each.text for each in said)
            broken = False
            assert (await visitor.post("/predict", event())).status == 200

    house.visit(check)
