"""What happened in a process between two of its records: rates, by the second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

from streams.contracts import STAGE_OF, Reason, ServedBy, Stage
from streams.page.figures import OTHERS, Figures

Rates: TypeAlias = dict[str, float]
ModelVersion: TypeAlias = tuple[str, str]

OURS = frozenset(
    reason.value
    for reason, stage in STAGE_OF.items()
    if stage not in {Stage.DECODE, Stage.VALIDATE} and reason is not Reason.PREPROCESS
)
"""Reasons that are no fault of the event: they count against availability."""


class Change(NamedTuple):
    """Rates from `since_ms` to `until_ms`. `classes` and `scores` by model and version: those of a time in which
    another version took over are of neither."""

    since_ms: int
    until_ms: int
    answered: float
    degraded: float
    dead: Rates
    latency: tuple[float, ...]
    classes: dict[ModelVersion, Rates]
    scores: dict[ModelVersion, tuple[float, ...]]
    requests: float
    refused: float


def change_between(before: Figures | None, after: Figures, since_ms: int, until_ms: int) -> Change:
    """`before` of the same process, None if `after` is its first record; `since_ms` before `until_ms`."""
    seconds = (until_ms - since_ms) / 1000

    def gained(old: Mapping[str, int] | None, new: Mapping[str, int]) -> Rates:
        old = old or {}
        # What falls is no count of this process.
        gains = {key: max(0, total - _before(key, total, old)) for key, total in new.items() if key != OTHERS}
        if OTHERS in new:
            # A name that is told no more was added to the others.
            gains[OTHERS] = max(0, sum(new.values()) - sum(old.values()) - sum(gains.values()))
        return {key: gain / seconds for key, gain in gains.items()}

    def grown(old: Sequence[int] | None, new: Sequence[int]) -> tuple[float, ...]:
        earlier = old if old and len(old) == len(new) else (0,) * len(new)
        return tuple(max(0, count - was) / seconds for count, was in zip(new, earlier, strict=True))

    def each(name: str) -> dict[str, Rates]:
        old = getattr(before, name) if before else {}
        return {model: gained(old.get(model), table) for model, table in getattr(after, name).items()}

    same = {
        model: (model, version)
        for model, version in after.models.items()
        if before is None or before.models.get(model, version) == version
    }
    answers = each("answers")
    dead: Rates = {}
    for table in each("dead_letters").values():
        for reason, rate in table.items():
            dead[reason] = dead.get(reason, 0.0) + rate
    requests = gained(before.requests if before else None, after.requests)
    answered = sum(sum(table.values()) for table in answers.values())
    by_model = sum(table.get(ServedBy.MODEL.value, 0.0) for table in answers.values())
    return Change(
        since_ms,
        until_ms,
        answered=answered,
        degraded=answered - by_model,
        dead=dead,
        latency=grown(before.latency if before else None, after.latency),
        classes={same[model]: table for model, table in each("classes").items() if model in same},
        scores={
            same[model]: grown(before.scores.get(model) if before else None, counts)
            for model, counts in after.scores.items()
            if model in same
        },
        requests=sum(requests.values()),
        refused=sum(rate for status, rate in requests.items() if status.startswith("5")),
    )


def _before(key: str, total: int, old: Mapping[str, int]) -> int:
    """A name that is new among the largest was one of the others until then: how far it has come since is in theirs."""
    return old.get(key, total if OTHERS in old else 0)


def quantile(bounds: Sequence[float], counts: Sequence[float], share: float) -> float | None:
    """Where `share` of the counts lies, linear within its bucket; None for nothing. What is beyond the last bound is
    told as that bound."""
    total = sum(counts)
    if total <= 0 or len(counts) != len(bounds) + 1:
        return None
    wanted, passed = share * total, 0.0
    for index, count in enumerate(counts[:-1]):
        if passed + count >= wanted and count > 0:
            low = bounds[index - 1] if index else 0.0
            return low + (bounds[index] - low) * (wanted - passed) / count
        passed += count
    return float(bounds[-1])
