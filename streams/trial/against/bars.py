"""A signal in the reference and now, as pairs of bars."""

from __future__ import annotations

from collections.abc import Sequence

from drift.alert import Summary
from streams.trial.drawing.markup import element, shortened, words

WIDTH, HEIGHT, LABELS = 440.0, 110.0, 18.0
ROW, NAMES = 18.0, 150.0


def drawn(reference: Summary, current: Summary) -> str:
    """An SVG of shares: of bins, side by side, or of classes, below each other. Empty where there is neither."""
    if reference.shares is not None and current.shares is not None:
        return _classes(reference.shares, current.shares)
    if reference.histogram is not None and current.histogram is not None:
        edges = reference.histogram.edges
        return _bins(_shares(reference.histogram.counts), _shares(current.histogram.counts), edges)
    return ""


def _bins(before: Sequence[float], now: Sequence[float], edges: Sequence[float]) -> str:
    top, step = max([*before, *now, 1e-9]), WIDTH / len(before)
    bars = []
    for index, (was, has) in enumerate(zip(before, now, strict=True)):
        title = element("title", words(f"{_place(index, edges)}: {was:.2%} in the reference, {has:.2%} now"))
        bars.append(
            element(
                "g",
                title,
                _bar("was", index * step + step * 0.06, was / top, step * 0.88),
                _bar("now", index * step + step * 0.26, has / top, step * 0.48),
            )
        )
    texts = []
    if edges:
        texts = [
            element("text", words(f"below {edges[0]:.4g}"), x=0, y=HEIGHT + 13),
            element("text", words(f"from {edges[-1]:.4g}"), x=WIDTH, y=HEIGHT + 13, text_anchor="end"),
        ]
    axis = element("line", class_="zero", x1=0, x2=WIDTH, y1=HEIGHT, y2=HEIGHT)
    return _svg(HEIGHT + LABELS, *bars, axis, *texts)


def _classes(before: dict[str, float], now: dict[str, float]) -> str:
    top, room = max([*before.values(), *now.values(), 1e-9]), WIDTH - NAMES - 120
    rows = []
    for index, (name, was) in enumerate(before.items()):
        has, y = now.get(name, 0.0), index * ROW
        rows += [
            element("text", element("title", words(name)), words(shortened(name, 22)), x=0, y=y + 13),
            element("rect", class_="was", x=NAMES, y=y + 2, width=was / top * room, height=ROW - 4),
            element("rect", class_="now", x=NAMES, y=y + 6, width=has / top * room, height=ROW - 12),
            element("text", words(f"{was:.1%} → {has:.1%}"), x=NAMES + room + 8, y=y + 13),
        ]
    return _svg(ROW * len(before), *rows)


def _place(index: int, edges: Sequence[float]) -> str:
    """What a bin holds; the outer ones are open."""
    if not edges:
        return "all"
    if index in (0, len(edges)):
        return f"below {edges[0]:.4g}" if index == 0 else f"from {edges[-1]:.4g}"
    return f"{edges[index - 1]:.4g} to {edges[index]:.4g}"


def _bar(kind: str, x: float, share: float, width: float) -> str:
    return element("rect", class_=kind, x=x, y=HEIGHT * (1 - share), width=width, height=HEIGHT * share)


def _svg(height: float, *inside: str) -> str:
    return element("svg", *inside, viewBox=f"0 0 {WIDTH:g} {height:g}", class_="bars", role="img")


def _shares(counts: Sequence[int]) -> list[float]:
    total = sum(counts)
    return [count / total if total else 0.0 for count in counts]
