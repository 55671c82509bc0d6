"""Is the learner better than a version that answers: pairs in windows, each judged by itself. Pure.

A learner changes as it learns, and the world changes too: evidence from before a change would have to be outweighed.
So after `WINDOW` pairs counting begins anew. Within one window a learner that is no better is ever called better with a
probability of `ERROR` at most, whenever one looks (drift.paired_test).
"""

from __future__ import annotations

import math

import msgspec

from drift.challenge import PairCounts
from drift.paired_test import Verdict, evidence

WINDOW = 1000
ERROR = 0.01
LEAST = 100


class LearnerComparison(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """With one version. `total` since the first pair; `window` and the verdict `decided` in it, the first that was
    reached; `before`: the one that was reached in the window before."""

    total: PairCounts = PairCounts()
    window: PairCounts = PairCounts()
    decided: Verdict = "undecided"
    before: Verdict = "undecided"

    @property
    def verdict(self) -> Verdict:
        """What stands: of this window, or, until it has one, of the one before."""
        return self.before if self.decided == "undecided" else self.decided

    @property
    def evidence(self) -> float:
        """The natural logarithm of this window's e-value that the learner is better."""
        return evidence(self.window.better, self.window.worse).better

    def after(self, *, champion_right: bool, learner_right: bool) -> LearnerComparison:
        """One pair on."""
        known = self
        if known.window.total >= WINDOW:
            known = LearnerComparison(total=known.total, before=known.decided)
        pair = PairCounts(
            better=int(learner_right and not champion_right),
            worse=int(champion_right and not learner_right),
            equal=int(champion_right == learner_right),
        )
        window = known.window.plus(pair)
        decided = known.decided
        if decided == "undecided" and window.total >= LEAST and (pair.better or pair.worse or window.total == LEAST):
            decided = _verdict(window)
        return LearnerComparison(known.total.plus(pair), window, decided, known.before)


def _verdict(counts: PairCounts) -> Verdict:
    found, enough = evidence(counts.better, counts.worse), math.log(2 / ERROR)
    if found.better >= enough:
        return "better"
    return "worse" if found.worse >= enough else "undecided"
