"""What kind of change it most likely is, in one sentence: where an on-call looks first."""

from __future__ import annotations

from collections.abc import Sequence

from drift.alert import Summary

HALF = 0.5
TOOK_OVER = 0.2
"""A bin that gained this share of the events, and holds several times its own, is one value that took over."""
SEVERAL = 3.0
STILL = 0.02
"""A deviation of this part of the reference's is none."""
ALIKE = 0.25
"""Deviations that differ by less than this part are the same."""


def likely_change(statistic: str, size: float, reference: Summary, current: Summary) -> str:
    """The first that fits of what broken sources and a changed world look like. `size` is of the effect, with its
    sign."""
    if statistic == "null_rate" and size < 0:
        return "values are there that training did not have: a field is filled in at last"
    if statistic == "null_rate":
        return "values are missing: a field was dropped or renamed, or its source is gone"
    if statistic == "unseen_rate" and size < 0:
        return "fewer categories that training did not have either: a spelling was mended"
    if statistic == "unseen_rate":
        return "categories that training did not have: a new kind, or another spelling"
    if statistic == "volume":
        return _of_volume(size, current)
    if statistic.startswith("dependence"):
        return "the features no longer go together: a changed join or order, or a new pattern"
    if current.shares is not None and reference.shares is not None:
        return _of_classes(reference.shares, current.shares)
    return _of_number(reference, current)


def _of_volume(size: float, current: Summary) -> str:
    if not current.per_window:
        return "no events come any more: the source stopped, does not reach the topic, or sends what cannot be read"
    if size < 0:
        return f"{2**size:.0%} of the usual events come: a part of the source is lost, or filtered out"
    return f"{2**size:.1f} times the usual events come: a new source, retries, or a replay"


def _of_classes(before: dict[str, float], now: dict[str, float]) -> str:
    gone = [name for name, share in before.items() if share > STILL and now.get(name, 0.0) == 0]
    if gone:
        return f"{', '.join(gone[:3])} came no more: a source is lost, or renamed"
    grown = max(now, key=lambda name: now[name] - before.get(name, 0.0))
    return f"the mix changed, towards {grown}"


def _of_number(reference: Summary, current: Summary) -> str:
    if reference.sd == 0:
        return "a feature that was constant has other values now: a default is filled in at last, or the wrong column"
    if current.sd is None:
        return "no values are left"
    if reference.sd is None:
        return "values are there that training did not have: a field is filled in at last"
    if (current.out_of_range_rate or 0.0) >= HALF:
        return "most values are outside what training had: a changed unit or scale"
    if current.sd < STILL * reference.sd:
        return "the feature stands still: a dead sensor, or a default in place of values"
    if reference.histogram and current.histogram:
        taken = _took_over(reference.histogram.counts, current.histogram.counts)
        if taken >= TOOK_OVER:
            return f"one narrow range holds {taken:.0%} more of the events than before: a default value"
    if abs(current.sd / reference.sd - 1) < ALIKE:
        return "the whole distribution moved: a shift of its level"
    return "it is spread wider than before" if current.sd > reference.sd else "it is spread less than before"


def _took_over(before: Sequence[int], now: Sequence[int]) -> float:
    """The largest gain in share of a bin that holds several times what it held."""
    was, has = sum(before), sum(now)
    if not was or not has:
        return 0.0
    shares = [(left / was, right / has) for left, right in zip(before, now, strict=True)]
    # The outer bins are open: a shift fills them, however narrow they are.
    return max((right - left for left, right in shares[1:-1] if right >= SEVERAL * left), default=0.0)
