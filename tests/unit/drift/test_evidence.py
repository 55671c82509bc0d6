"""Evidence: rare crossings while nothing changes, at the rate that the budget says, and quick ones after a change."""

from __future__ import annotations

import math

import numpy as np
import pytest

from drift.evidence import Evidence, Side, of_mean, of_share, threshold_nats

N = 200


def blocks_to_crossing(gains: np.ndarray, threshold: float) -> list[int]:
    """Blocks between crossings; each starts the count anew."""
    found, since, evidence = [], 0, Evidence()
    for gain in gains:
        since += 1
        evidence = evidence.plus((gain, 0.0), since, threshold)
        if evidence.most.nats >= threshold:
            found.append(since)
            since, evidence = 0, Evidence()
    return found


@pytest.mark.parametrize("kind", ["mean", "skewed mean", "share", "rare share"])
def test_without_a_change_the_mean_run_is_at_least_what_the_threshold_promises(kind: str) -> None:
    rng, blocks, promised = np.random.default_rng(3), 60_000, 200.0
    if kind.endswith("mean"):
        if kind == "mean":
            distances, skewness = rng.normal(0, 1 / math.sqrt(N), blocks), 0.0
        else:
            distances, skewness = (rng.gamma(N, 1, blocks) - N) / N, 2.0
        gains = np.array([of_mean(N, distance, 0.2, skewness, 1.0) for distance in distances])
    else:
        before = 0.2 if kind == "share" else 0.001
        shares = rng.binomial(N, before, blocks) / N
        gains = np.array([of_share(N, share, before, before + 0.05, 1.0) for share in shares])
    runs = blocks_to_crossing(gains, math.log(promised))
    assert len(runs) <= blocks / promised


@pytest.mark.parametrize("skewness", [-40.0, 40.0])
def test_neither_side_gathers_evidence_where_nothing_changed_however_long_the_tail(skewness: float) -> None:
    assert of_mean(N, 0.0, 0.2, skewness, 1.0) < 0 and of_mean(N, 0.0, 0.2, -skewness, 1.0) < 0


def test_dependent_blocks_cross_as_rarely_once_their_inflation_is_known() -> None:
    rng, inflation = np.random.default_rng(4), 9.0
    distances = rng.normal(0, math.sqrt(inflation / N), 60_000)
    naive = [of_mean(N, distance, 0.2, 0.0, 1.0) for distance in distances]
    known = [of_mean(N, distance, 0.2, 0.0, inflation) for distance in distances]
    assert len(blocks_to_crossing(np.array(naive), math.log(200))) > 60_000 / 200
    assert len(blocks_to_crossing(np.array(known), math.log(200))) <= 60_000 / 200


@pytest.mark.parametrize(("shift", "blocks"), [(0.25, 8), (0.5, 2), (1.0, 1)])
def test_after_a_change_it_takes_few_blocks(shift: float, blocks: int) -> None:
    threshold = threshold_nats(30, 100, 200)
    gain = of_mean(N, shift, 0.2, 0.0, 1.0)
    assert math.ceil(threshold / gain) <= blocks


def test_evidence_ebbs_never_goes_below_none_and_tells_when_it_began() -> None:
    evidence = Evidence().plus((50.0, -3.0), 7, threshold=20.0)
    assert evidence == Evidence(Side(20.0, 7), Side())
    evidence = evidence.plus((-4.0, 1.0), 8, threshold=20.0)
    assert evidence == Evidence(Side(16.0, 7), Side(1.0, 8)) and evidence.most == Side(16.0, 7)
    assert evidence.plus((-16.0, 1.0), 9, threshold=20.0) == Evidence(Side(), Side(2.0, 8))


def test_the_budget_is_of_wall_clock_time_and_shared() -> None:
    assert threshold_nats(60, 100, 10) == pytest.approx(threshold_nats(30, 100, 10) + math.log(2))
    assert threshold_nats(30, 100, 40) == pytest.approx(threshold_nats(30, 100, 10) + math.log(4))
    assert threshold_nats(30, 100, 10) == pytest.approx(math.log(30 * 86_400 * 10 * 10))
