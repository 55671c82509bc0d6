"""The picture of a run as one SVG: who was right how often, what drift said, and who answered."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from benchmarks.learning.running import BATCH, Story
from benchmarks.learning.world import World
from streams.trial.drawing.markup import element, words
from streams.trial.drawing.scale import RowScale
from streams.trial.drawing.style import FONT, STYLE

WIDTH, HEIGHT = 960.0, 420.0
LEFT, RIGHT, TOP, FOOT = 52.0, 24.0, 104.0, 44.0
LOWEST, HIGHEST = 0.2, 1.0
ROLLING = 5
"""Batches in one value."""


def picture(world: World, story: Story) -> str:
    x = RowScale(world.events, LEFT, WIDTH - LEFT - RIGHT)
    title = f"Accuracy over {ROLLING * BATCH} events; labels come {world.delay_s} s late"
    lines = (
        (story.first, "first other", "version 1, had it gone on"),
        (story.learner, "third", "the learner, before it learns each label"),
        (story.served, "second", "what was answered"),
    )
    return element(
        "svg",
        element("style", STYLE),
        element("rect", class_="surface", width=WIDTH, height=HEIGHT),
        element("text", words(title), class_="title", x=12, y=24),
        *_key([(style, text) for _, style, text in lines]),
        *_axes(world, x),
        *(_change(number, x) for number in world.changes),
        *(element("path", class_=f"trace {style}", d=_path(story.at, own, x)) for own, style, _ in lines),
        *(_page(number, x) for number in story.pages),
        *(_promotion(*promoted, x, index % 2 * 14) for index, promoted in enumerate(story.promoted)),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}",
        class_="weir",
        font_family=FONT,
        role="img",
        aria_label=title,
    )


def rolling(shares: Sequence[float]) -> list[float]:
    """The mean of the latest batches, NaN where one of them is."""
    means: list[float] = np.convolve(np.array(shares), np.full(ROLLING, 1 / ROLLING), mode="valid").tolist()
    return [math.nan] * (ROLLING - 1) + means


def _y(share: float) -> float:
    height = HEIGHT - TOP - FOOT
    return TOP + height * (HIGHEST - min(max(share, LOWEST), HIGHEST)) / (HIGHEST - LOWEST)


def _path(at: Sequence[int], shares: Sequence[float], x: RowScale) -> str:
    points = [(x(n), _y(share)) for n, share in zip(at, rolling(shares), strict=True) if math.isfinite(share)]
    return "M" + "L".join(f"{left:.1f} {top:.1f}" for left, top in points)


def _key(lines: Sequence[tuple[str, str]]) -> list[str]:
    marks = [element("line", class_=f"trace {style}", x1=0, x2=20, y1=-4, y2=-4) for style, _ in lines]
    texts = [text for _, text in lines]
    marks += [
        element("line", class_="began", x1=10, x2=10, y1=-11, y2=2),
        element("circle", class_="standing", cx=10, cy=-4, r=4),
        element("circle", class_="resolved", cx=10, cy=-4, r=4),
    ]
    texts += ["the truth changes", "drift calls somebody", "the learner proved better, was frozen and promoted"]
    parts, columns = [], (12, 250, 560)
    for number, (mark, text) in enumerate(zip(marks, texts, strict=True)):
        place = f"translate({columns[number % 3]} {50 + 20 * (number // 3)})"
        parts.append(element("g", mark, element("text", words(text), x=28, y=0), transform=place))
    return parts


def _axes(world: World, x: RowScale) -> list[str]:
    parts = []
    for tenth in range(2, 11, 2):
        y = _y(tenth / 10)
        parts.append(element("line", class_="grid", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y))
        parts.append(element("text", words(f"{tenth * 10} %"), x=LEFT - 6, y=y + 4, text_anchor="end"))
    parts += [
        element("text", words(f"{number:,}"), x=x(number), y=HEIGHT - 24, text_anchor="middle")
        for number in x.ticks(10)
    ]
    parts.append(element("text", words(f"events, {world.rate} a second"), x=LEFT, y=HEIGHT - 8))
    return parts


def _change(number: int, x: RowScale) -> str:
    return element("line", class_="began", x1=x(number), x2=x(number), y1=TOP - 8, y2=HEIGHT - FOOT)


def _page(number: int, x: RowScale) -> str:
    title = element("title", words(f"a page, after event {number:,}"))
    return element("g", title, element("circle", class_="standing", cx=x(number), cy=TOP - 2, r=4))


def _promotion(number: int, version: str, found: str, x: RowScale, higher: float) -> str:
    """`higher`: by how much its name stands above the place of the one before it, which may be near."""
    at = x(number)
    return element(
        "g",
        element("title", words(f"after event {number:,}: version {version} is promoted; {found}")),
        element("line", class_="ended", x1=at, x2=at, y1=TOP - 8, y2=HEIGHT - FOOT),
        element("circle", class_="resolved", cx=at, cy=TOP - 8, r=4),
        element("text", words(f"version {version}"), x=at + 6, y=HEIGHT - FOOT - 6 - higher),
    )
