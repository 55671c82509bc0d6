"""Dead letters as they are read: headers, fields, and the event that one becomes."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.schema import Feature, InputSchema
from streams.contracts import HEADER_DEAD_LETTER, HEADER_MODEL, STAGE_OF, Reason
from streams.dead_letters.advice import ADVICE
from streams.dead_letters.copies import Copies
from streams.dead_letters.event import CannotRedrive, event_of
from streams.dead_letters.groups import OTHERS, Groups
from streams.dead_letters.letter import DeadLetter, Place, event_id_of, place_of, read_letter
from streams.dead_letters.wanted import Wanted
from streams.diagnosis import Diagnosis
from streams.limits import Limits
from tests.docs.pages import plain, table


def letter(
    reason: Reason = Reason.FEATURE_TYPE,
    *,
    error: str = "",
    source: str = "events/3/5",
    value: bytes = b"{}",
    **more: str,
) -> DeadLetter:
    headers = {"weir-stage": STAGE_OF[reason], "weir-reason": reason, "weir-error": error, "weir-source": source}
    headers |= {"weir-attempt": "2", "weir-model": "churn"} | {f"weir-{name}": text for name, text in more.items()}
    encoded = [(name, text.encode()) for name, text in headers.items()]
    found = read_letter(Place("dead-letters", 3, 9), 1_000, b"k", value, encoded)
    assert found is not None
    return found


@given(
    value=st.binary(max_size=40),
    headers=st.lists(
        st.tuples(st.sampled_from(["weir-source", "weir-reason", "weir-attempt", "x"]), st.binary(max_size=30))
    ),
)
def test_whatever_lies_in_the_topic_is_read_or_left_out(value: bytes, headers: list[tuple[str, bytes]]) -> None:
    found = read_letter(Place("dead-letters", 0, 0), -1, None, value, headers)
    if found is not None:
        assert place_of(dict(headers)["weir-source"].decode("utf-8", "replace")) == found.source
        assert found.attempt >= 0
        assert found.field is None or isinstance(found.field, str)
    event_id_of(value)


@pytest.mark.parametrize(
    "text", ["", "events", "events/1", "events/1/x", "events/-1/2", "events/1/2/3", "/1/2", "e/1/²", f"e/1/{'9' * 20}"]
)
def test_what_is_no_place_is_none(text: str) -> None:
    assert place_of(text) is None


@pytest.mark.parametrize("name", ["calls", "größe", "a b", 'q"uote', "new\nline", "x: y", "]"])
def test_the_field_is_the_feature_that_the_error_names(name: str) -> None:
    diagnose = Diagnosis(InputSchema((Feature(name),)), Limits(), "reject")
    for features in ({}, {name: "text"}, {name: None}):
        finding = diagnose(json.dumps({"id": "e", "features": features}).encode(), 0)
        assert finding is not None
        assert letter(finding.reason, error=finding.error).field == name
    known = InputSchema((Feature("known"),))
    finding = Diagnosis(known, Limits(), "reject")(
        json.dumps({"id": "e", "features": {"known": 1, name: 1}}).encode(), 0
    )
    assert finding is not None
    assert letter(finding.reason, error=finding.error).field == name


@pytest.mark.parametrize(
    ("reason", "error", "field"),
    [
        (Reason.ID_MISSING, "id: missing", "id"),
        (Reason.TIME, "time: not an RFC 3339 date and time with an offset", "time"),
        (Reason.FEATURE_MISSING, "features: missing", "features"),
        (Reason.PREPROCESS, "derive log has no answer for column 'amount'", "amount"),
        (Reason.MODEL_ERROR, "the model raised ValueError: features.x: odd", None),
        (Reason.FEATURE_MISSING, 'features["cut off...', None),
    ],
)
def test_other_fields_and_none(reason: Reason, error: str, field: str | None) -> None:
    assert letter(reason, error=error).field == field


def test_every_reason_of_the_reference_has_a_meaning_and_a_fix() -> None:
    assert {str(reason) for reason in ADVICE} == {
        plain(row["reason"]) for row in table("docs/reference/reasons.md", "reason", "stage")
    }
    assert all(advice.means and advice.fix for advice in ADVICE.values())


def test_an_event_again_has_its_bytes_key_and_partition_and_says_where_from() -> None:
    event = event_of(letter(), "events", 4)
    assert (event.topic, event.key, event.value, event.partition) == ("events", b"k", b"{}", 3)
    headers = dict(event.headers or ())
    assert headers == {"weir-attempt": b"2", HEADER_DEAD_LETTER: b"dead-letters/3/9", HEADER_MODEL: b"churn"}


@pytest.mark.parametrize(
    ("dead", "partitions"),
    [
        (letter(source="control/0/1"), 4),
        (letter(), 3),
        (letter(Reason.OUTPUT_TOO_LARGE, value=b""), 4),
    ],
    ids=["another topic", "no such partition", "without its value"],
)
def test_what_is_no_event_is_refused(dead: DeadLetter, partitions: int) -> None:
    with pytest.raises(CannotRedrive):
        event_of(dead, "events", partitions)


def test_groups_are_bounded_however_many_fields_there_are() -> None:
    groups = Groups(most=3)
    for number in range(10):
        groups.add(letter(error=f"features.f{number}: missing"), redriven=number % 2 == 0)
    assert (groups.letters, groups.redriven) == (10, 5)
    assert next((each.field, each.count) for each in groups.largest_first()) == (OTHERS, 7)
    assert len(groups.largest_first()) == 4


def test_groups_keep_no_bytes_of_events() -> None:
    groups, size = Groups(), 1 << 20
    tracemalloc.start()
    try:
        for number in range(20):
            dead = letter(error=f"features.f{number}: missing", value=b'{"id": "e"}' + b" " * size)
            groups.add(dead, redriven=False)
        del dead
        assert tracemalloc.get_traced_memory()[0] < size
    finally:
        tracemalloc.stop()
    assert {(each.event_id, each.latest) for each in groups.largest_first()} == {("e", letter().place)}
    groups.add(letter(error="features.f0: missing", value=b'{"id": "%s"}' % (b"x" * size)), redriven=False)
    assert None in {each.event_id for each in groups.largest_first()}


def test_a_filter_wants_any_of_what_it_names() -> None:
    dead = letter(error="features.calls: missing")
    assert dead in Wanted()
    assert dead in Wanted(frozenset({Reason.FEATURE_TYPE, Reason.JSON}), frozenset({"churn"}), frozenset({"calls"}))
    assert dead not in Wanted(models=frozenset({"risk"}))
    assert dead not in Wanted(fields=frozenset({"minutes"}))


def test_a_copy_has_the_same_source_model_and_bytes_among_the_latest() -> None:
    copies = Copies(remembered=2)
    assert not copies.is_copy(letter())
    assert copies.is_copy(letter())
    assert not copies.is_copy(letter(value=b"another topic's"))
    assert not copies.is_copy(letter(model="risk"))
    assert not copies.is_copy(letter())  # two others came since
