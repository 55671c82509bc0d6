"""What was sent in again, as it is written and read back."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.dead_letters.letter import Place
from streams.dead_letters.redriven import PREFIX, SEGMENT, STATE_PARTITION, MarksUnreadable, Redriven

PLACES = st.builds(Place, st.just("dead-letters"), st.integers(0, 2), st.integers(0, 3 * SEGMENT))


@given(batches=st.lists(st.lists(PLACES, max_size=8), max_size=6), others=st.lists(PLACES, max_size=8))
def test_marked_is_what_was_kept_and_nothing_else_also_when_read_back(
    batches: list[list[Place]], others: list[Place]
) -> None:
    marks, state = Redriven("dead-letters", "id"), {}
    for batch in batches:
        segments = marks.marking(batch)
        for record in marks.records("state", segments):
            assert record.partition == STATE_PARTITION
            assert len(record.value or b"") < 2 * SEGMENT // 8
            state[record.key or b""] = record.value
        marks.keep(segments)
    again = Redriven("dead-letters", "id")
    for key, value in state.items():
        again.load(key, value)
    kept = {place for batch in batches for place in batch}
    for place in {*kept, *others}:
        assert (place in marks) == (place in again) == (place in kept)


def test_marks_go_beyond_those_that_were_known_and_tried() -> None:
    letters = [Place("dead-letters", 0, 1), Place("dead-letters", 0, 2), Place("dead-letters", 2, SEGMENT + 7)]
    known, found = Redriven("dead-letters", "id"), Redriven("dead-letters", "id")
    known.keep(known.marking(letters[:1]))
    found.keep(found.marking(letters[:1]))
    assert not found.go_beyond(known, {})
    found.keep(found.marking(letters[1:2]))
    assert found.go_beyond(known, {})
    tried = known.marking(letters[1:2])
    assert not found.go_beyond(known, tried)
    found.keep(found.marking(letters[2:]))
    assert found.go_beyond(known, tried)


def test_what_is_not_kept_is_not_marked() -> None:
    marks = Redriven("dead-letters", "id")
    marks.marking([Place("dead-letters", 0, 1)])
    assert Place("dead-letters", 0, 1) not in marks


def test_marks_go_with_their_letters_and_with_their_topic() -> None:
    places = [Place("dead-letters", 0, offset) for offset in (1, SEGMENT, SEGMENT * 2)]
    marks = Redriven("dead-letters", "id")
    segments = marks.marking(places)
    marks.keep(segments)
    gone = marks.forgetting("state", {0: SEGMENT * 2})
    assert [(record.key, record.value) for record in gone] == [(PREFIX + b"0/0", None), (PREFIX + b"0/1", None)]
    assert [place in marks for place in places] == [False, False, True]
    assert marks.forgetting("state", {0: SEGMENT * 2}) == []

    anew = Redriven("dead-letters", "another id")
    for record in marks.records("state", segments):
        anew.load(record.key or b"", record.value)
    assert not any(place in anew for place in places)
    assert len(anew.forgetting("state", {0: 0})) == 3


def test_other_keys_of_the_state_topic_are_left_alone() -> None:
    marks = Redriven("dead-letters", "id")
    marks.load(b"predict/0", b"no mark")
    assert marks.forgetting("state", {0: 10}) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (PREFIX + b"0/0", b"no json"),
        (
            PREFIX + b"0/0",
            msgspec.json.encode({"format": 2, "topic": "t", "topic_id": "", "bits": bytes(SEGMENT // 8)}),
        ),
        (PREFIX + b"0/0", msgspec.json.encode({"format": 1, "topic": "t", "topic_id": "", "bits": b"short"})),
        (PREFIX + b"0/0", b'{"format": 1, "topic": "\xff", "topic_id": "", "bits": ""}'),
        (PREFIX + b"x", b"{}"),
    ],
)
def test_marks_that_cannot_be_read_stop_a_redrive(key: bytes, value: bytes) -> None:
    with pytest.raises(MarksUnreadable, match="state topic"):
        Redriven("dead-letters", "id").load(key, value)
