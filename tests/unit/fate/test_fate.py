"""Events found by their id, outcomes told apart by their place, and when the reading is over."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.dead_letters.letter import Place
from streams.fate.join import Join, Side
from streams.fate.outcome import Fate, Passed, answered_by
from streams.fate.sought import Sought


@given(event_id=st.text(min_size=1), ascii_only=st.booleans())
def test_an_id_is_found_however_it_is_escaped(event_id: str, ascii_only: bool) -> None:
    value = json.dumps({"id": event_id, "features": {}}, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    readable = event_id.isprintable() or not any("\ud800" <= c <= "\udfff" for c in event_id)
    match = Sought(event_id).match(value)
    assert match == "id" or (not readable and match in {"text", None})


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (None, None),
        (b"", None),
        (b'{"id": "e-17"}', None),
        (b'{"id": "e-1", "note": "\\n"}', "id"),
        (b'{"id": "e-1", ', "text"),
        (b'{"id": 1, "note": "e-1"}', "text"),
        (b'{"id": "other", "note": "e-1"}', None),
        (b"\xff\xfee-1", "text"),
        (b"[" * 100_000 + b"e-1", "text"),
    ],
)
def test_a_match_is_of_the_id_or_of_bytes_that_cannot_be_read(value: bytes | None, match: str | None) -> None:
    assert Sought("e-1").match(value) == match


def test_a_label_is_found_by_its_event_id() -> None:
    assert Sought("e-1", "event_id").match(b'{"event_id": "e-1", "label": 1}') == "id"
    assert Sought("e-1", "event_id").match(b'{"event_id": "e-2", "id": "e-1"}') is None


def test_the_place_of_an_answer_is_that_of_its_event() -> None:
    assert answered_by(b'{"id":"t.events/3/17/churn","event_id":"x"}') == (Place("t.events", 3, 17), "churn")
    assert answered_by(b'{"event_id":"t.events/3/17/churn"}') is None
    assert answered_by(None) is None


def fate(committed: int | None) -> Fate:
    return Fate(Place("events", 0, 5), 0, None, "id", committed=committed)


@pytest.mark.parametrize(
    ("committed", "state"),
    [(None, "not answered yet"), (5, "not answered yet"), (6, "no outcome found")],
)
def test_without_an_outcome_the_committed_offset_tells(committed: int | None, state: str) -> None:
    assert fate(committed).state == state


def test_reading_is_over_once_every_partition_is_passed_by_more_than_a_batch() -> None:
    passed = Passed([Place("events", 0, 5), Place("events", 0, 7), Place("events", 1, 3)], {"m"}, most_batched=10)
    assert not passed.by(Place("events", 0, 17), "m")
    assert not passed.by(Place("events", 0, 18), "m")
    assert not passed.by(Place("events", 0, 19), "m")
    assert not passed.by(Place("events", 1, 13), "m")
    assert passed.by(Place("events", 1, 14), "m")


def test_each_model_that_is_waited_for_has_its_own_pace_and_no_other_counts() -> None:
    passed = Passed([Place("events", 0, 5)], {"fast", "slow"}, most_batched=10)
    assert not passed.by(Place("events", 0, 900), "fast")
    assert not passed.by(Place("events", 0, 900), "of another group")
    assert not passed.by(Place("other-events", 0, 900), "slow")
    assert passed.by(Place("events", 0, 16), "slow")
    unknown = Passed([Place("events", 0, 5)], None, most_batched=10)
    assert not unknown.by(Place("events", 0, 900), "fast")


@pytest.mark.parametrize(
    ("arrived_ms", "committed", "state"),
    [
        (None, 9, "no label yet"),
        (1_000, 9, "joined"),
        (1_000, 4, "not joined yet"),
        (1_000, None, "not joined yet"),
        (1_001, 9, "the label came outside labels.window_s"),
    ],
)
def test_a_label_and_an_answer_meet_within_the_window(
    arrived_ms: int | None, committed: int | None, state: str
) -> None:
    answer = Side(Place("joins", 0, 3), 0, 1, "churn", "1")
    label = None if arrived_ms is None else Side(Place("joins", 0, 4), arrived_ms, 1)
    assert Join([answer], label, committed).state(answer, 1_000) == state
