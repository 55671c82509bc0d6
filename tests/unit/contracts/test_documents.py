"""The contracts as documents: what is committed is what the code says, and what they say is what the code takes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for

from models.schema import Feature, InputSchema, Kind, UnseenPolicy
from streams.cli.contracts_work import described_by
from streams.contract_documents.files import ASYNCAPI, OPENAPI, PAGE
from streams.contract_documents.messages import MESSAGES
from streams.contract_documents.records import DescribedModel, RecordContract, record_contracts
from streams.contract_documents.schema import references
from streams.contract_documents.snippets import SNIPPETS
from streams.contracts import Reason, ServedBy
from streams.decoding import EventDecoder
from streams.joining.label_events import LabelDecoder
from streams.kafka.topic_plan import default_plan
from streams.limits import Limits
from streams.settings import Settings, TopicSettings
from tests.unit.pipeline.fakes import SCHEMA
from tests.unit.pipeline.test_bad_input import GOOD_ONES

COMMITTED = Path(__file__).resolve().parents[3] / "docs/contracts"
FILES = described_by(Settings())
CHURN = DescribedModel(
    "churn",
    InputSchema(
        (
            Feature("calls", minimum=0.0, maximum=10.0),
            Feature("minutes", nullable=True),
            Feature("member", Kind.BOOLEAN),
            Feature("plan", Kind.CATEGORY, categories=("free", "pro")),
            Feature("city", Kind.CATEGORY, categories=("Oslo",), unseen=UnseenPolicy.ACCEPT),
        )
    ),
)


def named(name: str, model: DescribedModel | None = None) -> Draft202012Validator:
    (record,) = (record for record in record_contracts(model) if record.name == name)
    return Draft202012Validator(record.document)


CHURN_EVENT, LABEL = named("event", CHURN), named("label")
DECODER, LABEL_DECODER = EventDecoder(CHURN.schema, Limits(), "ignore"), LabelDecoder(10_000, 256)


def test_what_is_committed_is_what_the_code_says() -> None:
    """Otherwise: weir contracts export --out docs/contracts"""
    assert {path.name: path.read_bytes() for path in COMMITTED.iterdir()} == FILES


@pytest.mark.parametrize("model", [None, CHURN], ids=["any model", "a model"])
def test_schemas_are_schemas_and_examples_fit_them(model: DescribedModel | None) -> None:
    for record in record_contracts(model):
        Draft202012Validator.check_schema(record.document)
        assert record.examples, record.name
        for example in record.examples:
            Draft202012Validator(record.document).validate(example)


def test_the_closed_sets_are_those_of_the_code() -> None:
    schemas = {name: json.loads(content) for name, content in FILES.items() if name.endswith(".schema.json")}
    definitions = schemas["dead-letter-headers.schema.json"]["$defs"]
    assert set(definitions["Reason"]["enum"]) == {str(reason) for reason in Reason}
    prediction = schemas["prediction.schema.json"]["properties"]
    assert set(prediction["served_by"]["enum"]) == {str(rung) for rung in ServedBy}


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-20, 20)
    | st.floats(-20, 20)
    | st.sampled_from(["free", "pro", "Oslo", ""]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "calls"]), inner, max_size=2),
    max_leaves=3,
)
features = st.fixed_dictionaries(
    {},
    optional={
        "calls": values | st.floats(0, 10),
        "minutes": values | st.floats(0, 10),
        "member": values | st.booleans(),
        "plan": values | st.sampled_from(["free", "pro"]),
        "city": values | st.just("Oslo"),
    },
)
good = st.fixed_dictionaries(
    {
        "calls": st.floats(0, 10),
        "minutes": st.none() | st.integers(),
        "member": st.booleans(),
        "plan": st.sampled_from(["free", "pro"]),
        "city": st.text(max_size=3),
    }
)
events = values | st.fixed_dictionaries(
    {"id": values | st.just("e-1"), "features": values | features | good},
    optional={"time": st.none() | st.integers(0, 10**12), "other": values},
)


@given(events)
def test_an_event_fits_the_schema_of_its_model_exactly_where_it_is_decoded(event: Any) -> None:
    text = json.dumps(event)
    assert CHURN_EVENT.is_valid(json.loads(text)) == (not DECODER.decode([text.encode()]).refused)


@given(values | st.fixed_dictionaries({"event_id": values, "label": values}, optional={"time": st.none() | values}))
def test_a_label_fits_the_schema_exactly_where_it_is_decoded(label: Any) -> None:
    time = label.get("time") if isinstance(label, dict) else None
    if not isinstance(time, str):  # a schema names a format; what a time is the decoder knows
        assert LABEL.is_valid(label) == bool(LABEL_DECODER.decode([json.dumps(label).encode()]).rows)


@pytest.mark.parametrize("kind", GOOD_ONES)
def test_good_events_fit(kind: str) -> None:
    model = DescribedModel("toy", SCHEMA)
    named("event", model).validate(json.loads(GOOD_ONES[kind]))


def test_topics_are_as_they_are_made() -> None:
    document = json.loads(FILES[ASYNCAPI])
    plan = {each.role: each for each in default_plan(TopicSettings())}
    assert {message.role for message in MESSAGES} == set(document["channels"])
    for role, channel in document["channels"].items():
        binding, made = channel["bindings"]["kafka"], plan[role]
        told = {key: str(value) for key, value in binding["topicConfiguration"].items() if key != "cleanup.policy"}
        told |= {"cleanup.policy": ",".join(binding["topicConfiguration"]["cleanup.policy"])}
        assert told | binding.get("x-further-configuration", {}) == made.config
        assert (channel["address"], binding["partitions"]) == (made.name, made.partitions)


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    for name in (ASYNCAPI, OPENAPI):
        document = json.loads(FILES[name])
        for reference in references(document):
            place = document
            for step in reference.removeprefix("#/").split("/"):
                place = place[step.replace("~1", "/")]
    document = json.loads(FILES[ASYNCAPI])
    used = {reference.rpartition("/")[2] for reference in references(document)}
    assert set(document["components"]["schemas"]) <= used


def test_schemas_of_the_topics_admit_what_their_own_files_do() -> None:
    document = json.loads(FILES[ASYNCAPI])
    for record in record_contracts():
        if record.name not in document["components"]["schemas"]:
            continue
        schema = {"$ref": f"#/components/schemas/{record.name}", "components": document["components"]}
        own = validator_for({"$schema": "http://json-schema.org/draft-07/schema#"})(schema)
        for example in record.examples:
            own.validate(example)
            for broken in broken_of(example):
                assert own.is_valid(broken) == Draft202012Validator(record.document).is_valid(broken)


def broken_of(example: Any) -> list[Any]:
    """The example without each of its fields, and with another type in its place."""
    return [
        {key: value for key, value in {**example, name: other}.items() if value is not ...}
        for name in example
        for other in (..., [], 1.5)
    ]


def test_names_are_those_of_the_settings() -> None:
    settings = Settings(topics=TopicSettings(prefix="eu.", events="orders"))
    channels = json.loads(described_by(settings)[ASYNCAPI])["channels"]
    assert channels["events"]["address"] == "eu.orders"
    assert channels["dead_letters"]["address"] == "eu.dead-letters"


def test_of_a_model_events_have_its_features_everywhere() -> None:
    files = described_by(Settings(), CHURN)
    for name in ("event.schema.json", ASYNCAPI, OPENAPI, PAGE):
        assert b"minutes" in files[name]
    assert b"Event for churn" in files[PAGE]


def test_the_page_needs_no_network_and_shows_every_record_and_snippet() -> None:
    page = FILES[PAGE].decode()
    assert not re.findall(r"""(?:src|srcset)=|@import|url\(|fetch\(|<link|href="(?!#)""", page)
    links, anchors = set(re.findall(r'href="#([^"]+)"', page)), set(re.findall(r'id="([^"]+)"', page))
    assert links <= anchors
    assert {record.name for record in record_contracts()} <= anchors
    assert page.count("<pre>") == len(SNIPPETS) + sum(len(record.examples) for record in record_contracts())
    assert "prefers-color-scheme: dark" in page


def test_text_of_a_model_is_text_on_the_page() -> None:
    evil = DescribedModel("churn", InputSchema((Feature("<script>alert(1)</script>"),)))
    page = described_by(Settings(), evil)[PAGE].decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_record_without_examples_has_a_document() -> None:
    assert "examples" not in RecordContract("n", "N", "in", {"type": "string"}).document
