"""Is the challenger better: a sequential test on labelled pairs, which may be looked at after each of them.

Of the pairs in which one version was better, the challenger wins a share p. Against p <= 1/2 stands the average of the
likelihood ratios of all p in (1/2, 1], a test martingale (Robbins 1970; Ramdas, Grunwald, Vovk and Shafer 2023,
"Game-theoretic statistics and safe anytime-valid inference"). By Ville's inequality it ever reaches 1/a with a
probability of a at most, whenever one looks and stops. The average has a closed form, the incomplete beta function, so
it depends on the two counts alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

from scipy.special import betainc, betaln  # type: ignore[import-untyped]

from drift.challenge import PairCounts

Verdict: TypeAlias = Literal["better", "worse", "undecided"]

_BISECTIONS = 40


class Evidence(NamedTuple):
    """Logarithms (natural) of the e-values that the challenger is better, and that it is worse."""

    better: float
    worse: float


class Judgement(NamedTuple):
    """`wins`: the share of the pairs with a winner that the challenger wins, between bounds that hold at every look at
    once, with a probability of 1 - error."""

    verdict: Verdict
    evidence: Evidence
    wins: tuple[float, float]


def evidence(better: int, worse: int) -> Evidence:
    """Of so many pairs in which the challenger, or the champion, was better."""
    return Evidence(_one_sided(better, worse), _one_sided(worse, better))


def judge(counts: PairCounts, *, error: float, least: int) -> Judgement:
    """Undecided before there are `least` pairs. Of two versions that are equally good, one is ever called better than
    the other with a probability of `error` at most: half of it for each side."""
    found = evidence(counts.better, counts.worse)
    enough = math.log(2 / error)
    verdict: Verdict = "undecided"
    if counts.total >= least and found.better >= enough:
        verdict = "better"
    elif counts.total >= least and found.worse >= enough:
        verdict = "worse"
    return Judgement(verdict, found, wins(counts.better, counts.worse, error=error))


def wins(better: float, worse: float, *, error: float) -> tuple[float, float]:
    """Bounds for p: all values against which the average over p in [0, 1] has not reached 1 / `error`. The two need not
    be whole: a share in the place of 0 or 1 is no more evidence (the likelihood ratio is convex in it)."""
    total = better + worse
    if not total:
        return 0.0, 1.0
    average = float(betaln(better + 1, worse + 1))
    least = average - math.log(1 / error)

    def is_possible(p: float) -> bool:
        return _log_power(p, better) + _log_power(1 - p, worse) > least

    middle = better / total
    return _edge(is_possible, middle, 0.0), _edge(is_possible, middle, 1.0)


def _one_sided(wins_: int, losses: int) -> float:
    total = wins_ + losses
    above_half = float(betainc(losses + 1, wins_ + 1, 0.5))
    if above_half <= 0:
        return -math.inf
    return (total + 1) * math.log(2) + float(betaln(wins_ + 1, losses + 1)) + math.log(above_half)


def _log_power(base: float, exponent: float) -> float:
    if not exponent:
        return 0.0
    return exponent * math.log(base) if base > 0 else -math.inf


def _edge(is_possible: Callable[[float], bool], inside: float, outside: float) -> float:
    """Where the values between one that is possible and the end of the scale cease to be."""
    if is_possible(outside):
        return outside
    for _ in range(_BISECTIONS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if is_possible(middle) else (inside, middle)
    return outside
