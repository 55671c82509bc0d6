"""What was published is found by going along, and held against the replay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from streams.contracts import Prediction, Reason, Source
from streams.dead_letters.letter import Place
from streams.records import OutboxRecord
from streams.replay.comparing import Comparison
from streams.replay.outcomes import Outcome, Rejected, rejected_of
from streams.replay.published import Published
from streams.replay.source import SourceRecord


def answer(offset: int, **changes: Any) -> Prediction:
    fields = {"prediction": "yes", "score": 0.75, "version": "1", "model": "m", "topic": "events"} | changes
    return Prediction(
        id=f"events/0/{offset}/m",
        event_id=f"e{offset}",
        time="2026-01-01T00:00:00.000Z",
        model=fields["model"],
        version=fields["version"],
        prediction=fields["prediction"],
        served_by="model",
        degraded=False,
        source=Source(fields["topic"], 0, offset),
        score=fields["score"],
        scores=fields.get("scores"),
    )


def letter(offset: int, reason: str = "json", model: str = "m") -> list[tuple[str, bytes]]:
    told = {"weir-source": f"events/0/{offset}", "weir-reason": reason, "weir-model": model}
    return [(name, value.encode()) for name, value in told.items()]


def published(
    predictions: list[Prediction | bytes], letters: list[list[tuple[str, bytes]]], *, speaks_for_all: bool = True
) -> Published:
    def answers(_partition: int) -> Iterator[SourceRecord]:
        values = [each if isinstance(each, bytes) else msgspec.json.encode(each) for each in predictions]
        return (SourceRecord(0, place, 0, None, value, None) for place, value in enumerate(values))

    def dead_letters(_partition: int) -> Iterator[SourceRecord]:
        return (SourceRecord(0, place, 0, None, b"", headers) for place, headers in enumerate(letters))

    return Published("events", "m", answers, dead_letters, speaks_for_all=speaks_for_all)


def test_what_was_published_is_found_beside_other_models_repeats_and_rubbish() -> None:
    again = [answer(5), answer(6), answer(5), answer(6)]  # at least once: a batch that was redone
    others = [answer(7, model="other"), answer(7, topic="else"), b"no prediction", answer(7, score=0.5)]
    found = published([answer(1), *again, *others, answer(9)], [letter(2), letter(8, model="other"), letter(8)])
    outcomes = {offset: found.at(0, offset) for offset in range(3, 11)}
    assert {offset for offset, outcome in outcomes.items() if outcome} == {5, 6, 7, 8, 9}
    assert isinstance(outcomes[7], Prediction) and outcomes[7].score == 0.5
    assert outcomes[8] == Rejected(Place("events", 0, 8), "m", Reason.JSON)


def test_a_long_range_before_the_next_outcome_is_gone_along_in_the_memory_of_one() -> None:
    events = 1_000_000
    found = published([answer(events)], [letter(events + 1)])
    assert not any(found.at(0, offset) for offset in range(events))
    assert isinstance(found.at(0, events), Prediction)
    assert isinstance(found.at(0, events + 1), Rejected)


def test_what_names_a_model_that_nobody_has_is_rejected_by_the_one_that_speaks_for_all() -> None:
    letters = [letter(3, "no_model", model="ghost"), letter(4, "json", model="ghost")]
    assert published([], letters).at(0, 3) == Rejected(Place("events", 0, 3), "ghost", Reason.NO_MODEL)
    assert published([], letters).at(0, 4) is None
    assert published([], letters, speaks_for_all=False).at(0, 3) is None


@pytest.mark.parametrize("source", ["events/0/" + "9" * 5_000, "events/0", "/0/1", "events/٣/1"])
def test_a_dead_letter_of_no_place_is_none(source: str) -> None:
    assert rejected_of([("weir-source", source.encode()), ("weir-reason", b"json")]) is None


def verdict(was: Outcome | None, now: Prediction | list[tuple[str, bytes]], tolerance: float = 1e-6) -> str:
    comparison = Comparison(lambda _partition, _offset: was, "predictions", "dead-letters", tolerance)
    record = (
        OutboxRecord("predictions", None, msgspec.json.encode(now), 0)
        if isinstance(now, Prediction)
        else OutboxRecord("dead-letters", None, b"", 0, now)
    )
    comparison.take([record, OutboxRecord("observations", None, b"{}")])
    result = comparison.result()
    (found,) = [name for name, count in result.verdicts.items() if count]
    assert result.events == 1
    assert result.differ == len(result.examples) == (found not in {"equal", "close", "unpublished"})
    return found


REJECTED = Rejected(Place("events", 0, 1), "m", Reason.JSON)


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        (answer(1), answer(1), "equal"),
        (answer(1), answer(1, version="2"), "equal"),
        (answer(1), answer(1, score=0.75 + 1e-9), "close"),
        (answer(1), answer(1, score=0.76), "score"),
        (answer(1), answer(1, score=None), "score"),
        (answer(1), answer(1, prediction="no"), "prediction"),
        (answer(1, prediction=1, score=None), answer(1, prediction=True, score=None), "prediction"),
        (answer(1, prediction=2.0, score=None), answer(1, prediction=2.0 + 1e-9, score=None), "close"),
        (answer(1, prediction=2.0, score=None), answer(1, prediction=2.1, score=None), "prediction"),
        (answer(1, scores={"a": 0.1}), answer(1, scores={"a": 0.2}), "score"),
        (answer(1, scores={"a": 0.1}), answer(1, scores={"b": 0.1}), "score"),
        (REJECTED, letter(1), "equal"),
        (REJECTED, letter(1, "encoding"), "reason"),
        (REJECTED, answer(1), "answered"),
        (answer(1), letter(1), "rejected"),
        (None, answer(1), "unpublished"),
    ],
)
def test_each_verdict(was: Outcome | None, now: Any, expected: str) -> None:
    assert verdict(was, now) == expected


def test_examples_are_bounded_and_the_largest_difference_is_told() -> None:
    was = {offset: answer(offset, score=0.5) for offset in range(100)}
    comparison = Comparison(lambda _partition, offset: was[offset], "predictions", "dead-letters", 0.0)
    now = [answer(offset, score=0.5 + offset / 1_000) for offset in range(100)]
    comparison.take([OutboxRecord("predictions", None, msgspec.json.encode(each), 0) for each in reversed(now)])
    result = comparison.result()
    assert (result.verdicts["equal"], result.verdicts["score"], result.differ) == (1, 99, 99)
    assert [each.offset for each in result.examples] == list(range(1, 11))
    assert result.largest_score_difference == pytest.approx(0.099)
    assert result.published_versions == {"1": 100}
