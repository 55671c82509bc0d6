"""A challenge of the version that answers by another one, and what labels tell of the two: in `observations`."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from drift.command import Name

PAIRS = "pairs"
"""The stream of observations that these are in."""

Policy: TypeAlias = Literal["none", "promote"]
Share: TypeAlias = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
ErrorRate: TypeAlias = Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)]

ERROR_RATE = 0.01
LEAST_PAIRS = 100
PROMOTED_FAILURES = 0.01
"""What a version may miss that a policy promotes, unless it is said: what it misses makes no pair."""


class Terms(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The challenger answers a `share` of the keys itself (0: none, a shadow).

    Whether it is better is judged from `pairs` events with a label on, wrongly with a probability of `error` at most;
    by the policy `promote` it is promoted then, and the challenge ends where it is worse. Under any policy it ends
    where the challenger leaves its band (drift.conduct): the share that it may miss (`failures`; with `promote` there
    always is one), and how far its scores may lie from the champion's (`shift`, 0 to 1).
    """

    share: Share = 0.0
    policy: Policy = "none"
    error: ErrorRate = ERROR_RATE
    pairs: Annotated[int, msgspec.Meta(ge=1)] = LEAST_PAIRS
    failures: Share | None = None
    shift: Share | None = None

    def __post_init__(self) -> None:
        if self.policy == "promote" and self.failures is None:
            msgspec.structs.force_setattr(self, "failures", PROMOTED_FAILURES)

    @property
    def has_band(self) -> bool:
        return self.failures is not None or self.shift is not None


class Challenge(Terms, frozen=True, omit_defaults=True):
    """`version` scores what the active version answers. `since`: the revision with which the comparison began."""

    version: Name
    since: int


class Contest(msgspec.Struct, frozen=True):
    """A challenge as it entered the log: from here on pairs of these two count. `revision`: of the setting."""

    champion: Name
    challenge: Challenge
    revision: int


class PairCounts(msgspec.Struct, frozen=True, omit_defaults=True):
    """Labelled events that champion and challenger both answered: where only the challenger was right (of a
    regression: nearer to the label), where only the champion was, and where neither was better."""

    better: int = 0
    worse: int = 0
    equal: int = 0

    @property
    def total(self) -> int:
        return self.better + self.worse + self.equal

    def plus(self, others: PairCounts) -> PairCounts:
        return PairCounts(self.better + others.better, self.worse + others.worse, self.equal + others.equal)


class Pairs(msgspec.Struct, frozen=True):
    """Counts of one observation, whose version is the challenger."""

    champion: str
    counts: PairCounts
