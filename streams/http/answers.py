"""What the door says of each event: an answer, or why there is none. Pure."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from models.prediction import Label, Model
from streams.contracts import Reason, ServedBy, Stage
from streams.event_time import rfc3339
from streams.pipeline import Outcomes, Rejection

OF_THE_MODEL = {
    Reason.PREPROCESS: "a preprocessing step has no answer for this event",
    Reason.MODEL_ERROR: "the model raised on this event",
    Reason.MODEL_OUTPUT: "the model's answer to this event is no answer",
    Reason.MODEL_DEADLINE: "the model took longer than it may",
}
"""What a caller is told of these. What the model itself said of it may name files and code; that is for the log."""


class HttpPrediction(msgspec.Struct, frozen=True, omit_defaults=True):
    """An answer as on `predictions`, without `id`, `source` and `duplicate_of`, which point into Kafka."""

    event_id: str
    time: str
    model: str
    version: str
    prediction: Label
    served_by: str
    degraded: bool
    score: float | None = None
    scores: dict[str, float] | None = None
    reason: str | None = None


class EventError(msgspec.Struct, frozen=True):
    """Why an event has no answer: the same words as in the headers of a dead letter."""

    stage: Stage
    reason: Reason
    detail: str


class Refused(msgspec.Struct, frozen=True):
    """In the place of an answer."""

    error: EventError


Said: TypeAlias = HttpPrediction | Refused


class Answered(msgspec.Struct, frozen=True, eq=False):
    """What is said of each event, and the version that was asked: another may be current by now."""

    said: list[Said]
    model: Model


def said_of(model: Model, outcomes: Outcomes, rows: int) -> list[Said]:
    """One for each of the rows, in their order."""
    found: dict[int, Said] = {each.row: refusal(each) for each in outcomes.rejections}
    answers, times = outcomes.predictions, rfc3339(outcomes.times_ms)
    for index, row in enumerate(outcomes.rows):
        how = outcomes.degraded.get(row)
        scored = how is None or how.scored
        by_class = None
        if answers.class_scores is not None and scored:
            by_class = dict(zip(model.classes, answers.class_scores[index].tolist(), strict=True))
        found[row] = HttpPrediction(
            event_id=outcomes.event_ids[index],
            time=times[index],
            model=model.name,
            version=model.version if how is None else how.version,
            prediction=answers.values[index],
            served_by=ServedBy.MODEL if how is None else how.served_by,
            degraded=how is not None,
            score=answers.scores[index] if answers.scores is not None and scored else None,
            scores=by_class,
            reason=None if how is None else how.reason,
        )
    return [found[row] for row in range(rows)]


def refusal(rejection: Rejection) -> Refused:
    """What is said of an event that was rejected."""
    detail = OF_THE_MODEL.get(rejection.reason, rejection.error)
    return Refused(EventError(rejection.stage, rejection.reason, detail))


def tersely(answered: Answered) -> Answered:
    """The same without the words of refusals, which may name features and values."""
    said = [
        Refused(msgspec.structs.replace(each.error, detail="")) if isinstance(each, Refused) else each
        for each in answered.said
    ]
    return Answered(said, answered.model)


BODY_REASONS = {Reason.EMPTY, Reason.ENCODING, Reason.FRAMED, Reason.JSON, Reason.NOT_OBJECT, Reason.DUPLICATE_KEY}


def status_of(reason: Reason) -> int:
    """HTTP's status for a request whose only event was rejected."""
    if reason is Reason.TOO_LARGE:
        return 413
    if reason is Reason.MODEL_DEADLINE:
        return 503
    return 400 if reason in BODY_REASONS or reason is Reason.DEPTH else 422
