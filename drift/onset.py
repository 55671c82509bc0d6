"""When a change began: the likeliest change point of the last block levels, and which others are nearly as likely."""

from __future__ import annotations

from collections.abc import Sequence

LIKELY = 3.84  # twice the log-likelihood ratio within which 95 % of change points lie


def change_point(levels: Sequence[float], weights: Sequence[float], before: float) -> tuple[int, int, int]:
    """Index of the first changed block, and the lowest and highest plausible one.

    `levels` are block means with variance 1/weight. `before` is the level they are thought to have had; it weighs as
    much as ten blocks, so that a stream that changed before the first of them is told so (index 0).
    """
    total = sum(weights)
    if total <= 0:
        return 0, 0, max(0, len(levels) - 1)
    prior = 10 * total / len(weights)
    all_sum = sum(level * weight for level, weight in zip(levels, weights, strict=True)) + prior * before
    gains: list[float] = []
    left_weight, left_sum = prior, prior * before
    for level, weight in zip(levels, weights, strict=True):
        right_weight, right_sum = total + prior - left_weight, all_sum - left_sum
        if right_weight > 0:
            distance = right_sum / right_weight - left_sum / left_weight
            gains.append(distance * distance * left_weight * right_weight / (total + prior))
        else:
            gains.append(0.0)
        left_weight += weight
        left_sum += level * weight
    best = max(range(len(gains)), key=lambda index: (gains[index], -index))
    likely = [index for index, gain in enumerate(gains) if gain >= gains[best] - LIKELY]
    return best, likely[0], likely[-1]
