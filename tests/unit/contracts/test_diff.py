"""What changed in a contract: nothing where nothing did, and never silence where somebody would be hurt."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from streams.cli.contracts_work import described_by
from streams.contract_diff.change import Change, schema_changes
from streams.contract_diff.documents import NoContract, document_changes, folder_changes
from streams.contract_diff.gaps import Gaps
from streams.contract_diff.shapes import Document
from streams.settings import Settings, TopicSettings

FOLDER = {name: json.loads(text) for name, text in described_by(Settings()).items() if name.endswith(".json")}
EVENT, PREDICTION = FOLDER["event.schema.json"], FOLDER["prediction.schema.json"]


def features_in(event: Any) -> Any:
    return event["properties"]["features"]


def source_in(prediction: Any) -> Any:
    return prediction["$defs"]["Source"]["properties"]


scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["a", "bb", ""]) | st.just(0.5)
leaves = st.one_of(
    st.just({}),
    st.sampled_from([{"type": kind} for kind in ("null", "boolean", "integer", "number", "string")]),
    st.builds(lambda values: {"enum": values}, st.lists(scalars, min_size=1, max_size=3)),
    st.builds(lambda low: {"type": "integer", "minimum": low}, st.integers(-3, 3)),
    st.builds(lambda high: {"type": "number", "exclusiveMaximum": high}, st.integers(-3, 3)),
    st.builds(lambda most: {"type": "string", "maxLength": most}, st.integers(0, 2)),
    st.just({"type": ["string", "null"], "minLength": 1}),
)


def larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    properties = st.dictionaries(st.sampled_from("xyz"), inner, max_size=3)
    objects = st.builds(
        lambda own, required, rest: {
            "type": "object",
            "properties": own,
            "required": sorted(required),
            **({} if rest is None else {"additionalProperties": rest}),
        },
        properties,
        st.sets(st.sampled_from("xyz"), max_size=2),
        st.none() | st.booleans() | inner,
    )
    arrays = st.builds(lambda own: {"type": "array", "items": own}, inner)
    tuples = st.builds(
        lambda firsts, rest: {"type": "array", "prefixItems": firsts, "items": rest},
        st.lists(inner, min_size=1, max_size=2),
        st.booleans() | inner,
    )
    unions = st.builds(lambda word, parts: {word: parts}, st.just("anyOf"), st.lists(inner, min_size=1, max_size=3))
    both = st.builds(lambda parts: {"allOf": parts}, st.lists(objects, min_size=2, max_size=2))
    return objects | arrays | tuples | unions | both


schemas = st.recursive(leaves, larger, max_leaves=6)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xyzw"), inner, max_size=4),
    max_leaves=5,
)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Any, Any]:
    """A schema and one that differs from it in one place."""
    one = draw(schemas)
    other = copy.deepcopy(one)
    places = list(_places(other))
    if not places:
        return one, draw(schemas)
    within, key = draw(st.sampled_from(places))
    if isinstance(within[key], dict) and key != "properties" and draw(st.booleans()):
        within[key] = draw(leaves)
    else:
        del within[key]
    return (one, other) if draw(st.booleans()) else (other, one)


def _places(schema: Any) -> Iterator[tuple[dict[str, Any], str]]:
    if isinstance(schema, dict):
        for key, part in schema.items():
            yield schema, key
            yield from _places(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _places(part)


def gaps(wide: Any, narrow: Any) -> list[Any]:
    return Gaps(Document(wide), Document(narrow)).between(wide, narrow)


@given(schemas)
def test_nothing_changed_is_no_change(schema: Any) -> None:
    assert schema_changes("s", (Document(schema), schema), (Document(schema), schema), ("in", "out")) == []


@given(pairs() | st.tuples(schemas, schemas), st.lists(values, min_size=1, max_size=8))
def test_a_value_that_fits_the_one_and_not_the_other_is_a_gap(pair: tuple[Any, Any], some: list[Any]) -> None:
    wide, narrow = (Draft202012Validator(schema) for schema in pair)
    apart = [value for value in some if wide.is_valid(value) and not narrow.is_valid(value)]
    if apart:
        assert gaps(*pair), apart


@pytest.mark.parametrize(
    ("kind", "word", "loose", "tight"),
    [
        ("number", "minimum", 0, 1),
        ("number", "maximum", 1, 0),
        ("integer", "exclusiveMinimum", 0, 1),
        ("integer", "exclusiveMaximum", 1, 0),
        ("string", "minLength", 0, 1),
        ("string", "maxLength", 2, 1),
        ("array", "minItems", 0, 1),
        ("array", "maxItems", 2, 1),
        ("object", "minProperties", 0, 1),
        ("object", "maxProperties", 2, 1),
    ],
)
def test_a_bound_is_a_gap_to_a_tighter_one_alone(kind: str, word: str, loose: int, tight: int) -> None:
    wide, narrow = ({"type": kind, word: bound} for bound in (loose, tight))
    assert [gap.kind for gap in gaps(wide, narrow)] == ["bounds"]
    assert gaps(narrow, wide) == []
    assert gaps({"type": kind}, narrow)
    assert gaps(narrow, {"type": kind}) == []


def test_what_all_of_says_besides_is_not_lost() -> None:
    a, b = {"type": "string", "pattern": "^a"}, {"type": "string", "pattern": "b$"}
    closed = {"type": "object", "properties": {"x": {}}, "additionalProperties": False}
    further = {"type": "object", "properties": {"y": {}}}
    for both, wide in [({"allOf": [a, b]}, a), ({"allOf": [a, b]}, b), ({"allOf": [closed, further]}, further)]:
        assert gaps(wide, both)
        assert gaps(both, both) == []


def changes(old: Any, change: Callable[[Any], object], name: str = "s") -> list[Change]:
    new = copy.deepcopy(old)
    change(new)
    return document_changes(name, old, new)


def words(found: list[Change]) -> dict[str, tuple[str, bool]]:
    return {change.field: (change.what, change.breaking) for change in found}


@pytest.mark.parametrize(
    ("change", "field", "what", "breaking"),
    [
        (lambda new: new["required"].append("time"), "time", "required", True),
        (lambda new: new["properties"].pop("time"), "time", "removed", True),
        (lambda new: new["properties"].update(stamp=new["properties"].pop("time")), "time", "renamed", True),
        (lambda new: new["properties"]["id"].update(maxLength=64), "id", "bounds narrowed", True),
        (lambda new: new["properties"]["id"].update(maxLength=512), "id", "bounds widened", False),
        (lambda new: new["properties"]["time"]["anyOf"].pop(0), "time", "type narrowed", True),
        (lambda new: new["properties"].update(trace={"type": "string"}), "trace", "added", False),
        (lambda new: new.update(additionalProperties=False), "", "closed", True),
        (lambda new: new["required"].remove("features"), "features", "no longer required", False),
        (lambda new: features_in(new)["additionalProperties"]["anyOf"].pop(), "features.{}", "type narrowed", True),
    ],
)  # fmt: skip
def test_what_comes_in_may_widen_and_not_narrow(change: Any, field: str, what: str, breaking: bool) -> None:
    assert words(changes(EVENT, change)) == {field: (what, breaking)}


@pytest.mark.parametrize(
    ("change", "field", "what", "breaking"),
    [
        (lambda new: new["properties"].pop("score"), "score", "removed", True),
        (lambda new: new["properties"]["served_by"]["enum"].append("oracle"), "served_by", "values added", True),
        (lambda new: new["properties"]["served_by"]["enum"].remove("rule"), "served_by", "values removed", False),
        (lambda new: new["required"].remove("model"), "model", "no longer required", True),
        (lambda new: new["required"].append("score"), "score", "required", False),
        (lambda new: new["properties"]["version"].update(type=["string", "integer"]), "version", "type widened", True),
        (lambda new: new["properties"]["prediction"]["anyOf"].pop(0), "prediction", "type narrowed", False),
        (lambda new: new["properties"].update(cost={"type": "number"}), "cost", "added", False),
        (lambda new: source_in(new)["offset"].update(type="string"), "source.offset", "type widened", True),
    ],
)  # fmt: skip
def test_what_goes_out_may_narrow_and_not_widen(change: Any, field: str, what: str, breaking: bool) -> None:
    found = changes(PREDICTION, change)
    assert words([each for each in found if each.breaking == breaking])[field] == (what, breaking)
    assert any(each.breaking for each in found) == breaking


def test_a_schema_that_does_not_say_whose_it_is_may_hurt_both() -> None:
    old = {"type": "object", "properties": {"a": {"enum": ["x", "y"]}}}
    assert words(changes(old, lambda new: new["properties"]["a"].update(enum=["x"])))["a"][1]
    assert words(changes(old, lambda new: new["properties"]["a"]["enum"].append("z")))["a"][1]


def test_a_folder_is_compared_file_by_file() -> None:
    assert folder_changes(FOLDER, FOLDER) == []
    new = {name: document for name, document in FOLDER.items() if name != "label.schema.json"}
    (gone,) = folder_changes(FOLDER, new)
    assert (gone.contract, gone.what, gone.breaking) == ("label.schema.json", "removed", True)
    (come,) = folder_changes(new, FOLDER)
    assert (come.what, come.breaking) == ("added", False)


def test_topics_that_move_and_are_kept_otherwise_are_told() -> None:
    moved = json.loads(described_by(Settings(topics=TopicSettings(predictions="answers")))["asyncapi.json"])
    (change,) = document_changes("asyncapi.json", FOLDER["asyncapi.json"], moved)[:1]
    assert (change.contract, change.what, change.now, change.breaking) == ("predictions", "renamed", "answers", True)
    configuration = ("channels", "alerts", "bindings", "kafka", "topicConfiguration")

    def keep(new: Any, **changed: Any) -> None:
        for step in configuration:
            new = new[step]
        new.update({key.replace("_", "."): value for key, value in changed.items()})

    for changed, breaking in [
        ({"cleanup_policy": ["delete"]}, True),
        ({"retention_ms": 1}, True),
        ({"retention_ms": 2**60}, False),
        ({"retention_ms": -1}, False),
    ]:
        (change,) = changes(FOLDER["asyncapi.json"], lambda new, changed=changed: keep(new, **changed))
        assert (change.contract, change.breaking) == ("alerts", breaking)


def test_payloads_in_an_asyncapi_document_are_compared_too() -> None:
    def rename(new: Any) -> None:
        new["components"]["schemas"]["label"]["properties"].pop("label")

    found = changes(FOLDER["asyncapi.json"], rename)
    assert ("labels label payload", "label", "removed") in {(each.contract, each.field, each.what) for each in found}


def test_paths_and_bodies_of_the_door_are_compared() -> None:
    openapi = FOLDER["openapi.json"]
    (gone,) = changes(openapi, lambda new: new["paths"].pop("/predict"))
    assert (gone.contract, gone.what, gone.breaking) == ("POST /predict", "removed", True)
    found = changes(openapi, lambda new: new["components"]["schemas"]["InferRequest"]["required"].append("id"))
    assert {(each.field, each.what, each.breaking) for each in found} == {("id", "required", True)}
    found = changes(openapi, lambda new: new["components"]["schemas"]["HttpPrediction"]["properties"].pop("score"))
    assert all(each.breaking for each in found)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([], {}),
        ({"asyncapi": "3.0.0"}, {"openapi": "3.1.0"}),
        ({"asyncapi": "3.0.0"}, {"asyncapi": "3.0.0"}),
        ({"$ref": "#/nowhere"}, {"type": "string"}),
        ({"$ref": "#"}, {"type": "string"}),
        ({"$ref": "elsewhere.json"}, {}),
        ({"type": "object", "properties": 7}, {}),
        ({"anyOf": [{"$ref": "#"}, {"type": "string"}]}, {"type": "string"}),
    ],
)
def test_what_is_no_contract_is_said_so(old: Any, new: Any) -> None:
    with pytest.raises(NoContract):
        document_changes("name", old, new)


def test_a_schema_of_itself_has_an_end() -> None:
    tree = {"$ref": "#/$defs/T", "$defs": {"T": {"type": "object", "properties": {"next": {"$ref": "#/$defs/T"}}}}}
    assert document_changes("tree", tree, tree) == []
    found = changes(tree, lambda new: new["$defs"]["T"].update(required=["next"]))
    assert any(each.breaking for each in found)
