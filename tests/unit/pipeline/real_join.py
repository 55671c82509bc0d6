"""The join over batches of records and restarts, and records for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from streams.joining.join import Step, join
from streams.joining.outcomes import Fate
from streams.joining.records import Answers, JoinRecord, Scalar
from streams.joining.state import JoinState
from streams.joining.values import Values

WINDOW_MS, MOST = 100, 4

Records = list[tuple[int, JoinRecord]]


def pairs(values: Values) -> list[tuple[int, float]]:
    return list(zip(values.kinds.tolist(), values.numbers.tolist(), strict=True))


class Real:
    """The join, with what it told added up."""

    def __init__(self, window_ms: int = WINDOW_MS, most: int = MOST) -> None:
        self.window_ms, self.most = window_ms, most
        self.state = JoinState(window_ms, most)
        self.fates: Counter[Fate] = Counter()
        self.joined: Counter[tuple[Any, ...]] = Counter()
        self.left: Counter[tuple[Any, ...]] = Counter()
        self.paired: Counter[tuple[Any, ...]] = Counter()

    def take(self, records: Records) -> Step:
        step = join(self.state, records)
        again = join(self.state, records)  # a decision may be redone: nothing has changed by it
        assert (step.fates, step.change.head) == (again.fates, again.change.head)
        self.state.apply(step.change)
        self.fates += step.fates
        for o in step.outcomes:
            columns = (o.times_ms.tolist(), pairs(o.predictions), pairs(o.labels), o.lags_ms.tolist(), o.right.tolist())
            self.joined.update((o.model, o.version, *row) for row in zip(*columns, strict=True))
        for left in step.left:
            rows = zip(left.times_ms.tolist(), left.labelled.tolist(), strict=True)
            self.left.update((left.model, left.version, *row) for row in rows)
        for p in step.paired:
            columns = (p.times_ms.tolist(), pairs(p.by_champion), pairs(p.by_challenger), pairs(p.labels))
            self.paired.update((p.model, p.champion, p.challenger, *row) for row in zip(*columns, strict=True))
        return step

    def restart(self) -> None:
        self.state = JoinState.load(self.window_ms, self.most, self.state.dump())


def answers(*ids: str, model: str = "m", time: int = 0, value: Scalar = "x") -> Answers:
    return Answers(model, "1", list(ids), [time] * len(ids), [value] * len(ids))


def many(start: int, count: int) -> Sequence[str]:
    return [f"e{n}" for n in range(start, start + count)]
