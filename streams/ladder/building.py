"""A model's ladder as its manifest declares it. Pure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.manifest import Manifest, Parity
from models.prediction import FloatMatrix, Label, Model
from models.rules.rule import Rule
from streams.contracts import ServedBy
from streams.ladder.breaker import Breaker
from streams.ladder.cache import AnswerCache
from streams.ladder.caching import CachedModel
from streams.ladder.guarded import GuardedModel
from streams.ladder.ladder import Ladder
from streams.ladder.rungs import CacheRung, PreviousRung, Rung, StatedRung
from streams.ladder.worth import CacheWorth


def make_ladder(
    model: Model,
    manifest: Manifest,
    *,
    previous: Model | None,
    clock: Callable[[], float],
    breaker: Breaker | None,
    cache: AnswerCache | None = None,
) -> Ladder:
    """`manifest` is the model's; `previous` the version before, where there is one that `can_stand_in`. The breaker is
    the active version's; without one it is asked about every row."""
    declared, output, version = manifest.fallback, manifest.output, model.version
    guarded = GuardedModel(model, breaker, clock)
    cached: CachedModel | None = None
    rungs: list[Rung] = []
    if declared.previous and previous is not None:
        # Where nothing stands below it, the version before is all that there is: then it is always asked.
        last = declared.rule is None and declared.default is None
        rungs.append(PreviousRung(GuardedModel(previous, None if last else Breaker(), clock)))
    if declared.cache:
        answers = cache if cache is not None else AnswerCache(len(model.preparation.outputs.features))
        worth = CacheWorth() if manifest.parity is Parity.BITS else None
        cached = CachedModel(guarded, answers, worth, clock)
        rungs.append(CacheRung(answers, version, clock))
    if declared.rule is not None:
        rule = Rule(declared.rule, model.schema, output.labels)
        rungs.append(StatedRung(ServedBy.RULE, version, output, rule.answers))
    if declared.default is not None:
        answer = _stated(declared.default, output.labels)
        rungs.append(StatedRung(ServedBy.DEFAULT, version, output, lambda matrix: _repeated(answer, matrix)))
    return Ladder(guarded, rungs, cached)


def can_stand_in(previous: Manifest, active: Manifest) -> bool:
    """Whether the version before takes the same features, keyed ones too, and gives the same labels."""
    own, others = active.output, previous.output
    if previous.keyed is not None and (active.keyed is None or previous.keyed.keyed != active.keyed.keyed):
        return False
    return previous.schema == active.schema and (own.task, own.labels, own.class_scores) == (
        others.task,
        others.labels,
        others.class_scores,
    )


def _stated(default: Label, labels: tuple[Label, ...]) -> float:
    """The index of a label, or the number."""
    if not labels:
        return float(default)
    return float([(type(label), label) for label in labels].index((type(default), default)))


def _repeated(answer: float, matrix: FloatMatrix) -> NDArray[np.float64]:
    return np.full(len(matrix), answer)
