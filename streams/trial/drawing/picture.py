"""The picture of a trial as one SVG: a panel for each signal over the same rows, and a key to the marks."""

from __future__ import annotations

from pathlib import PurePath

import numpy as np

from drift.alert import rfc3339
from streams.trial.drawing.markup import element, words
from streams.trial.drawing.panel import HEIGHT, Panel, draw
from streams.trial.drawing.scale import RowScale
from streams.trial.drawing.style import FONT, STYLE
from streams.trial.report import Trial
from streams.trial.scoring import concerns
from streams.trial.words import verdict

WIDTH, LEFT, RIGHT = 960.0, 218.0, 24.0
HEAD, TITLE, FOOT = 50.0, 28.0, 48.0
MOST_PANELS = 24


def picture(trial: Trial, *, titled: bool = True) -> str:
    """The SVG. Signals with alerts come first, then those that something was injected into, then by distance."""
    report = trial.report
    panels = panels_of(trial)
    shown = panels[:MOST_PANELS]
    x = RowScale(report.rows, LEFT, WIDTH - LEFT - RIGHT)
    starts, ends = (
        np.searchsorted(trial.times_ms, np.asarray(edges, dtype=np.int64)).tolist()
        for edges in (trial.watched.starts, trial.watched.ends)
    )
    top = HEAD + TITLE * titled
    foot = top + HEIGHT * len(shown)
    height = foot + FOOT
    title = element("text", words(f"{PurePath(report.data).name}: {verdict(report)}"), class_="title", x=12, y=24)
    return element(
        "svg",
        element("style", STYLE),
        element("rect", class_="surface", width=WIDTH, height=height),
        title if titled else "",
        _key(top - 24, injected=bool(report.injected)),
        *(draw(panel, starts, ends, x, top + HEIGHT * index) for index, panel in enumerate(shown)),
        _axis(trial, x, foot, len(panels) - len(shown)),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH:g} {height:g}",
        class_="weir",
        font_family=FONT,
        role="img",
        aria_label=verdict(report),
    )


def panels_of(trial: Trial) -> list[Panel]:
    report = trial.report
    panels = [
        Panel(
            own,
            [each for each in report.injected if concerns(each.kind, each.signals, own.signal.key)],
            [alert for alert in report.alerts if alert.signal == own.signal.key],
        )
        for own in trial.watched.signals
    ]
    return sorted(panels, key=lambda panel: (not panel.alerts, not panel.injected, -panel.farthest()))


def _key(y: float, *, injected: bool) -> str:
    """What the marks mean."""
    parts = []
    entries = (
        (element("rect", class_="band", x=12, y=y - 9, width=18, height=11), "no change worth an alert", 190),
        *(
            [(element("rect", class_="injected", x=12, y=y - 9, width=18, height=11), "injected", 96)]
            if injected
            else []
        ),
        (
            element("line", class_="onset", x1=12, x2=32, y1=y - 4, y2=y - 4)
            + element("circle", class_="onset-at", cx=22, cy=y - 4, r=2.6),
            "onset, and where it may lie",
            204,
        ),
        (
            element("rect", class_="standing", x=12, y=y - 7.5, width=18, height=7, rx=2),
            "alert stands; notch: updated",
            206,
        ),
        (element("circle", class_="resolved", cx=24, cy=y - 4, r=4), "resolved", 90),
    )
    at = 0.0
    for mark, text, width in entries:
        label = element("text", words(text), x=38, y=y)
        parts.append(element("g", mark, label, transform=f"translate({at:g} 0)"))
        at += width
    return element("g", *parts)


def _axis(trial: Trial, x: RowScale, y: float, hidden: int) -> str:
    """Rows, and their times where the file has any."""
    timed = trial.report.times.column is not None
    parts = []
    for row in x.ticks(6 if timed else 9):
        at = x(row)
        parts.append(element("line", class_="grid", x1=at, x2=at, y1=y - 8, y2=y - 3))
        parts.append(element("text", words(f"{row:,}"), x=at, y=y + 10, text_anchor="middle"))
        if timed and row < len(trial.times_ms):
            time = rfc3339(int(trial.times_ms[row]))[:16].replace("T", " ")
            parts.append(element("text", words(time), x=at, y=y + 25, text_anchor="middle"))
    parts.append(element("text", words("row"), x=LEFT - 24, y=y + 10, text_anchor="end"))
    if hidden:
        text = f"{hidden} more signals are not drawn: those with alerts come first, then what is far from the reference"
        parts.append(element("text", words(text), x=12, y=y + 41))
    return element("g", *parts)
