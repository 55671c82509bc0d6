"""What most likely changed in what labels tell, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate

from drift.outcomes import ERRORS, LAGS, RIGHT

Shares = Mapping[str, float]


def likely_of_labels(metric: str, before: Shares, now: Shares) -> str:
    """Of a signal of drift.outcomes, by the shares of its categories; nothing where they say nothing."""
    match metric:
        case "error" if "true" in before:
            share, usual = now["true"], before["true"]
            return f"the model is wrong {'more' if share > usual else 'less'} often: {share:.1%} instead of {usual:.1%}"
        case "error":
            return f"its errors are mostly {_middle(ERRORS, now)}, before {_middle(ERRORS, before)}"
        case "error_by_label":
            grown = max((name for name in now if name != RIGHT), key=lambda name: now[name] - before.get(name, 0.0))
            gained = now[grown] > before.get(grown, 0.0)
            return f"it is wrong more often where the label is {grown}" if gained else "it is wrong less often"
        case "label_lag":
            return f"labels come {_within(now)}, before {_within(before)}"
        case "label_coverage":
            share, usual = now.get("labelled", 0.0), before.get("labelled", 0.0)
            return f"{'more' if share > usual else 'fewer'} answers get a label: {share:.0%} instead of {usual:.0%}"
        case _:
            return ""


def _within(shares: Shares) -> str:
    lag = _middle(LAGS, shares)
    return {"before": "before their events", LAGS[-1]: "later than 7 days"}.get(lag, f"within {lag}")


def _middle(ordered: tuple[str, ...], shares: Shares) -> str:
    """The category that the middle one of the events is in."""
    sums = accumulate(shares.get(name, 0.0) for name in ordered)
    return next((name for name, total in zip(ordered, sums, strict=True) if total >= 0.5), ordered[-1])
