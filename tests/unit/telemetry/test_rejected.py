"""The line about events that are not answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from structlog.testing import capture_logs

from streams.contracts import HEADER_ERROR, HEADER_MODEL, HEADER_SOURCE, Reason
from streams.records import OutboxRecord
from streams.telemetry.rejected import FIX, WINDOW_S, RejectedLog

MISSING = {Reason.FEATURE_MISSING: 1}


def letter(model: str, source: bytes) -> OutboxRecord:
    headers = [(HEADER_ERROR, b"features.age: missing"), (HEADER_SOURCE, source), (HEADER_MODEL, model.encode())]
    return OutboxRecord("dead-letters", None, b"", 0, headers)


class Course:
    """Batches a second apart."""

    def __init__(self) -> None:
        self.now = 0.0
        self._log = RejectedLog(lambda: self.now)

    def batch(self, answered: int, rejected: Mapping[Reason, int]) -> list[dict[str, Any]]:
        self.now += 1.0
        outbox = [
            OutboxRecord("predictions", None, b"{}"),
            letter("other", b"events/0/1"),
            letter("churn", b"events/0/2"),
        ]
        with capture_logs() as lines:
            self._log.committed("churn", answered, rejected, outbox)
        return [dict(line) for line in lines]


def test_the_first_event_of_a_newcomer_is_told_with_its_place_and_a_fix() -> None:
    course = Course()
    (line,) = course.batch(0, MISSING)
    assert line == {
        "event": "most events become dead letters", "log_level": "warning", "model": "churn", "rejected": 1, "of": 1,
        "reasons": {"feature_missing": 1}, "example": "events/0/2: features.age: missing", "fix": FIX,
    }  # fmt: skip
    assert course.batch(0, MISSING) == []


def test_a_few_beside_answers_are_not() -> None:
    course = Course()
    assert course.batch(20, {}) == []
    assert [course.batch(1, MISSING) for _ in range(30)] == [[]] * 30
    assert [course.batch(0, {Reason.JSON: 3}) for _ in range(8)][-1] == []


def test_it_says_when_it_begins_and_when_it_is_over() -> None:
    course = Course()
    course.batch(5, {})
    assert [bool(course.batch(0, {Reason.JSON: 3})) for _ in range(5)] == [False, False, False, True, False]
    course.now += WINDOW_S
    assert course.batch(9, {}) == []  # the window that ends was still bad
    course.now += WINDOW_S
    (line,) = course.batch(9, {})
    assert (line["event"], line["answered"]) == ("most events are answered again", 9)
    assert course.batch(9, MISSING) == []
