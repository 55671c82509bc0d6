"""What a partition remembers for the predict role: ids and keys, whichever version it was that answered."""

from __future__ import annotations

import msgspec

from models.keyed.definitions import KeyedFeature, KeyedFeatures
from models.keyed.steps import KeyedSteps
from streams.decide.predict_state import KeyedGivenUp, KeyedTaken, PredictState
from streams.duplicates import AnsweredIds
from streams.keyed.advance import advance
from tests.unit.keyed.events import Row, events_of, steps_of

COUNT = steps_of(KeyedFeatures((KeyedFeature("count", "count"),)))
OTHER = steps_of(KeyedFeatures((KeyedFeature("count", "count", window_s=60),)))


def fresh(entries: dict | None = None) -> PredictState:
    return PredictState(100, 1000, entries or {})


def take(state: PredictState, offset: int, ids: list[str], *, answered: bool = True, steps: KeyedSteps = COUNT) -> list:
    """Events of the key k; the counts that they see."""
    events = events_of(steps, [Row(b"k", 0, 1.0)] * len(ids), offset)
    values, change = advance(state.keyed(steps), events, state.repeated(events.offsets, ids))
    told, nothing = AnsweredIds(events.offsets, ids), AnsweredIds([], [])
    state.apply(KeyedTaken(told if answered else nothing, nothing if answered else told, steps, change))
    return [value[0] for value in values]


def test_each_valid_event_counts_once_whether_it_was_answered_or_not() -> None:
    state = fresh()
    assert take(state, 0, ["a", "b"]) == [0, 1]
    assert take(state, 2, ["c"], answered=False) == [2]
    assert take(state, 3, ["c", "a", "d", "d"]) == [3, 3, 3, 4]
    assert take(state, 7, ["e"]) == [4]
    assert state.window.find(AnsweredIds([8], ["c"])) == {0: 3}, "what was never answered before is no duplicate"


def test_who_answers_on_a_replay_makes_no_difference_to_keys() -> None:
    one, other = fresh(), fresh()
    for state, failed in ((one, {"b"}), (other, {"a", "c"})):
        for offset, event_id in enumerate("abcab"):
            take(state, offset, [event_id], answered=event_id not in failed)
    assert take(one, 5, ["d"]) == take(other, 5, ["d"]) == [3]
    keyed = [{name: data for name, data in s.dump().items() if name.startswith("keyed-")} for s in (one, other)]
    assert keyed[0] == keyed[1]


def test_a_record_that_was_given_up_counts_once_too() -> None:
    state = fresh()
    for offset in (0, 1):
        state.apply(KeyedGivenUp(["a"], COUNT, events_of(COUNT, [Row(b"k", 0, 1.0)], offset)))
    assert take(state, 2, ["a", "b"]) == [1, 1]


def test_a_snapshot_brings_back_ids_and_keys() -> None:
    state = fresh()
    take(state, 0, ["a", "b"])
    take(state, 2, ["c"], answered=False)
    back = fresh(state.dump())
    assert back.dump() == state.dump(), "also before it is known which definitions are served"
    assert take(back, 3, ["c", "b", "d"]) == [3, 3, 3]


def test_other_definitions_begin_empty_and_those_of_before_are_let_go() -> None:
    state = fresh()
    take(state, 0, ["a", "b"])
    back = fresh(state.dump())
    for each in (state, back):
        assert take(each, 2, ["c"], steps=OTHER) == [0]
        assert not any(name.startswith(f"keyed-{COUNT.keyed.digest}") for name in each.dump())
        assert take(each, 3, ["d"]) == [0], "nor does a way back find them"


def test_a_version_without_keyed_features_lets_go_of_all_that_they_kept() -> None:
    state = fresh()
    take(state, 0, ["a"])
    take(state, 1, ["b"], answered=False)
    state.apply(AnsweredIds([2], ["c"]))
    assert list(state.dump()) == ["ids-0"]


def test_what_another_release_wrote_is_begun_anew() -> None:
    state = fresh()
    take(state, 0, ["a"])
    dump = dict(state.dump())
    (name,) = [name for name in dump if name.startswith("keyed-")]
    dump[name] = msgspec.msgpack.encode([(b"\x00k", 0, ["no", "numbers"])])
    assert take(fresh(dump), 1, ["b"]) == [0]
