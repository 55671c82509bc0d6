"""A replay held against what was published: which answers and reasons are the same. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from enum import StrEnum

import msgspec

from streams.contracts import Prediction
from streams.records import OutboxRecord
from streams.replay.outcomes import Outcome, Rejected, place_of, prediction_of, rejected_of

MOST_EXAMPLES = 10
MOST_VERSIONS = 50
OTHERS = "(others)"


class Verdict(StrEnum):
    """How an event's outcome compares with the published one."""

    EQUAL = "equal"  # the same answer with the same scores, or the same reason
    CLOSE = "close"  # the same answer, its scores within the tolerance
    SCORE = "score"  # the same answer, a score beyond it
    PREDICTION = "prediction"  # another answer
    REASON = "reason"  # rejected both times, for another reason
    ANSWERED = "answered"  # now, and rejected then
    REJECTED = "rejected"  # now, and answered then
    UNPUBLISHED = "unpublished"  # nothing of this model was found


SAME = (Verdict.EQUAL, Verdict.CLOSE)


class Example(msgspec.Struct, frozen=True):
    """One event whose outcome is another one now."""

    partition: int
    offset: int
    verdict: Verdict
    published: str | None
    replayed: str


class Compared(msgspec.Struct, frozen=True):
    """What a comparison came to. `differ`: events whose outcome is another one; those of which nothing was published
    are not among them. `largest_score_difference`: of the same answers."""

    events: int
    differ: int
    tolerance: float
    verdicts: dict[str, int]
    published_versions: dict[str, int]
    largest_score_difference: float
    examples: list[Example]


class Comparison:
    """Takes what is replayed. `published` gives what was, for offsets that rise in a partition."""

    def __init__(
        self,
        published: Callable[[int, int], Outcome | None],
        predictions_topic: str,
        dead_letters_topic: str,
        tolerance: float,
    ) -> None:
        self._published, self._tolerance = published, tolerance
        self._predictions, self._dead_letters = predictions_topic, dead_letters_topic
        self._verdicts, self._versions = Counter[Verdict](), Counter[str]()
        self._examples: list[Example] = []
        self._largest = 0.0

    def take(self, outbox: Sequence[OutboxRecord]) -> None:
        found = [each for each in map(self._outcome, outbox) if each is not None]
        for replayed in sorted(found, key=place_of):
            published = self._published(*place_of(replayed))
            verdict = self._verdict(published, replayed)
            self._verdicts[verdict] += 1
            if isinstance(published, Prediction):
                known = published.version in self._versions or len(self._versions) < MOST_VERSIONS
                self._versions[published.version if known else OTHERS] += 1
            if verdict not in {*SAME, Verdict.UNPUBLISHED} and len(self._examples) < MOST_EXAMPLES:
                told = None if published is None else _told(published)
                self._examples.append(Example(*place_of(replayed), verdict, told, _told(replayed)))

    def result(self) -> Compared:
        counts = {str(verdict): self._verdicts[verdict] for verdict in Verdict}
        differ = sum(self._verdicts[verdict] for verdict in Verdict if verdict not in {*SAME, Verdict.UNPUBLISHED})
        versions = dict(sorted(self._versions.items()))
        events = self._verdicts.total()
        return Compared(events, differ, self._tolerance, counts, versions, self._largest, self._examples)

    def _outcome(self, record: OutboxRecord) -> Outcome | None:
        if record.topic == self._predictions:
            return prediction_of(record.value)
        return rejected_of(record.headers) if record.topic == self._dead_letters else None

    def _verdict(self, published: Outcome | None, replayed: Outcome) -> Verdict:
        match published, replayed:
            case None, _:
                return Verdict.UNPUBLISHED
            case Rejected(), Rejected():
                return Verdict.EQUAL if published.reason == replayed.reason else Verdict.REASON
            case Rejected(), _:
                return Verdict.ANSWERED
            case _, Rejected():
                return Verdict.REJECTED
            case Prediction(), Prediction():
                return self._of_answers(published, replayed)
        raise AssertionError("unreachable")

    def _of_answers(self, one: Prediction, other: Prediction) -> Verdict:
        if not self._is_close(one.prediction, other.prediction):
            return Verdict.PREDICTION
        pairs = _score_pairs(one, other)
        if pairs is None:
            return Verdict.SCORE
        self._largest = max([self._largest, *(abs(a - b) for a, b in pairs)])
        if one.prediction == other.prediction and all(a == b for a, b in pairs):
            return Verdict.EQUAL
        return Verdict.CLOSE if all(self._is_close(a, b) for a, b in pairs) else Verdict.SCORE

    def _is_close(self, one: object, other: object) -> bool:
        if isinstance(one, float) and isinstance(other, float):
            return math.isclose(one, other, rel_tol=self._tolerance, abs_tol=self._tolerance)
        return type(one) is type(other) and one == other


def _score_pairs(one: Prediction, other: Prediction) -> list[tuple[float, float]] | None:
    """Published and replayed scores; None where only one of the two has any, or of other classes."""
    pairs = [(one.score, other.score)]
    if one.scores is not None and other.scores is not None:
        if one.scores.keys() != other.scores.keys():
            return None
        pairs += [(score, other.scores[name]) for name, score in one.scores.items()]
    elif (one.scores is None) != (other.scores is None) and one.version == other.version:
        return None
    if any((a is None) != (b is None) for a, b in pairs):
        return None
    return [(a, b) for a, b in pairs if a is not None and b is not None]


def _told(outcome: Outcome) -> str:
    if isinstance(outcome, Rejected):
        return f"rejected: {outcome.reason}"
    score = "" if outcome.score is None else f", score {outcome.score:.6g}"
    return f"{msgspec.json.encode(outcome.prediction).decode()}{score} by {outcome.version} ({outcome.served_by})"
