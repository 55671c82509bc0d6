"""What a batch of examples came to, for metrics and the log. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from streams.learning.comparison import LearnerComparison


class ExampleFate(StrEnum):
    """What became of an event whose label came; metrics and documents use the same words."""

    LEARNT = "learnt"
    MISSED = "missed"  # its features are not here: from before the learner, or too many came since
    OTHER_LABEL = "other_label"  # no class of the learner
    UNUSABLE = "unusable"  # a number that would end the model, or that its preprocessing has no answer for
    DIVERGED = "diverged"  # the learner's weights grew by themselves, and it learns no more


@dataclass(frozen=True, slots=True)
class LearnerReport:
    """Of the records of a batch. `pairs`: answers of both, by version, whether it was right, and whether the learner
    was. `diverged`: the learner has, with this batch or before. `unreadable`: records that nobody of ours wrote;
    `foreign`: those of other models, or of another learner."""

    model: str
    fates: Counter[ExampleFate] = field(default_factory=Counter)
    pairs: Counter[tuple[str, bool, bool]] = field(default_factory=Counter)
    comparisons: Mapping[str, LearnerComparison] = field(default_factory=dict)
    diverged: bool = False
    waiting: int = 0
    unreadable: int = 0
    foreign: int = 0

    def plus(self, other: LearnerReport) -> LearnerReport:
        """Of the records of both: a batch may hold several partitions."""
        return LearnerReport(
            model=self.model,
            fates=self.fates + other.fates,
            pairs=self.pairs + other.pairs,
            comparisons={**self.comparisons, **other.comparisons},
            diverged=self.diverged or other.diverged,
            waiting=self.waiting + other.waiting,
            unreadable=self.unreadable + other.unreadable,
            foreign=self.foreign + other.foreign,
        )
