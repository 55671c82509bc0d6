"""What answers look like, beside what they looked like in training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from drift.profile import CategoryReference, NumberReference, ReferenceProfile
from streams.page.figures import OTHERS
from streams.page.history import Tick

MOST_CLASSES = 12


@dataclass(frozen=True, slots=True)
class OutputReference:
    """Of one model version: counts of classes, and of scores over bins that `edges` divide (one more count)."""

    classes: dict[str, int] = field(default_factory=dict)
    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()


def output_reference(profile: ReferenceProfile) -> OutputReference:
    """The part of a profile that is about answers."""
    classes: dict[str, int] = {}
    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
    for signal in profile.signals:
        if signal.role != "output":
            continue
        if isinstance(signal, CategoryReference):
            classes = dict(zip(signal.categories, signal.counts, strict=True))
        elif isinstance(signal, NumberReference) and signal.name == "score":
            edges, counts = signal.edges, signal.counts
    return OutputReference(classes, edges, counts)


def distributions(
    ticks: Sequence[Tick],
    versions: Iterable[tuple[str, str]],
    reference_of: Callable[[str, str], OutputReference | None],
    bounds: Sequence[float],
) -> list[dict[str, Any]]:
    """JSON-ready, for each model version: shares of classes or of score bins (bounded by `bounds`), now and in
    training. Nothing for a version that answered nothing meanwhile."""
    found = []
    for model, version in versions:
        reference = reference_of(model, version) or OutputReference()
        classes: dict[str, float] = {}
        scores = [0.0] * (len(bounds) + 1)
        for tick in ticks:
            for name, rate in tick.classes.get((model, version), {}).items():
                classes[name] = classes.get(name, 0.0) + rate
            counts = tick.scores.get((model, version), ())
            if len(counts) == len(scores):
                scores = [total + rate for total, rate in zip(scores, counts, strict=True)]
        shown: dict[str, Any] = {"model": model, "version": version}
        if sum(classes.values()) > 0:
            shown["classes"] = _classes(classes, reference.classes)
        if sum(scores) > 0:
            shown["score"] = {
                "bounds": list(bounds),
                "now": _shares([scores[0] + scores[1], *scores[2:-1]]),
                "reference": rebinned(reference.edges, reference.counts, bounds),
            }
        if len(shown) > 2:
            found.append(shown)
    return found


def rebinned(edges: Sequence[float], counts: Sequence[int], bounds: Sequence[float]) -> list[float]:
    """Shares of counts over bins open at both ends, in other bins, as if values lay evenly within a bin; [] for
    nothing. The open ends reach to the first and last of `bounds`."""
    total = sum(counts)
    if not total:
        return []
    inner = [edge for edge in edges if bounds[0] < edge < bounds[-1]]
    if len(inner) != len(edges):
        return []  # not of the range that is shown
    walls = [bounds[0], *inner, bounds[-1]]
    shares = [0.0] * (len(bounds) - 1)
    for low, high, count in zip(walls, walls[1:], counts, strict=False):
        for index in range(len(shares)):
            common = min(high, bounds[index + 1]) - max(low, bounds[index])
            if common > 0:
                shares[index] += count / total * common / (high - low)
    return [round(share, 5) for share in shares]


def _classes(now: dict[str, float], reference: dict[str, int]) -> list[dict[str, Any]]:
    total, trained = sum(now.values()), sum(reference.values())
    if OTHERS in now:
        # What is not told by name now is not shown by name before.
        named = {name: count for name, count in reference.items() if name in now}
        reference = named | {OTHERS: named.get(OTHERS, 0) + trained - sum(named.values())} if trained else named
    shares = [
        (name, now.get(name, 0.0) / total, reference.get(name, 0) / trained if trained else None)
        for name in sorted({*now, *reference})
    ]
    shares.sort(key=lambda share: -max(share[1], share[2] or 0.0))
    return [
        {"name": name, "now": round(own, 5), "reference": None if before is None else round(before, 5)}
        for name, own, before in shares[:MOST_CLASSES]
    ]


def _shares(rates: Sequence[float]) -> list[float]:
    total = sum(rates)
    return [round(rate / total, 5) if total else 0.0 for rate in rates]
