"""One signal: its traces, the band of what is no change, what was injected, and its alerts above them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from streams.trial.drawing.lines import trace_path
from streams.trial.drawing.markup import element, shortened, words
from streams.trial.drawing.scale import DistanceScale, RowScale
from streams.trial.report import Injected, TrialAlert
from streams.trial.watching import SignalTraces, Trace
from streams.trial.words import effect

STRIP, PLOT, GAP = 16.0, 66.0, 18.0
HEIGHT = STRIP + PLOT + GAP
MOST_TRACES = 3
LETTERS = 34
"""Of small text, left of a panel."""
COLOURS = ("first", "second", "third")


@dataclass(frozen=True, slots=True)
class Panel:
    """What is drawn of one signal."""

    traces: SignalTraces
    injected: Sequence[Injected]
    alerts: Sequence[TrialAlert]

    def farthest(self) -> float:
        """The largest distance of any statistic and block."""
        return max(map(_farthest, self.traces.traces), default=0.0)

    def shown(self) -> list[tuple[Trace, bool]]:
        """What alerts are about, or else the first that is no matter of data quality; marked True. Then what went
        farthest, in the signal's order."""
        traces = self.traces.traces
        named = {change.evidence.statistic for alert in self.alerts for change in alert.changes}
        first = next((trace for trace in traces if not trace.statistic.quality), traces[0])
        marked = [trace for trace in traces if trace.statistic.name in named] or [first]
        order = sorted(traces, key=lambda trace: (trace not in marked, -_farthest(trace)))[:MOST_TRACES]
        chosen = [trace for trace in traces if trace in order and (trace in marked or _farthest(trace) > 0)]
        return [(trace, trace in marked) for trace in chosen]


def _farthest(trace: Trace) -> float:
    return max((abs(distance) for distance in trace.distances if math.isfinite(distance)), default=0.0)


def draw(panel: Panel, starts: Sequence[int], ends: Sequence[int], x: RowScale, top: float) -> str:
    """The panel's markup; `starts` and `ends` are the rows of the blocks."""
    shown = panel.shown()
    y = DistanceScale.over([d for trace, _ in shown for d in trace.distances], top + STRIP, PLOT)
    right = x.left + x.width
    parts = [
        element("rect", class_="band", x=x.left, y=y(1), width=x.width, height=y(-1) - y(1)),
        *(_injection(each, x, y) for each in panel.injected),
        element("line", class_="zero", x1=x.left, x2=right, y1=y(0), y2=y(0)),
        *(
            element("text", words(f"{tick:+d}" if tick else "0"), x=x.left - 6, y=y(tick) + 4, text_anchor="end")
            for tick in y.ticks()
        ),
        *(
            element(
                "path",
                class_=f"trace {colour}" if marked else f"trace {colour} other",
                d=trace_path(starts, ends, trace.distances, x, y),
            )
            # what matters most lies on top
            for (trace, marked), colour in sorted(zip(shown, COLOURS, strict=False), key=lambda line: line[0][1])
        ),
        *(_alert(alert, x, top, y) for alert in panel.alerts),
        *_labels(panel, shown, top),
    ]
    return element("g", *parts)


def _labels(panel: Panel, shown: Sequence[tuple[Trace, bool]], top: float) -> list[str]:
    key = panel.traces.signal.key
    lines = [element("text", element("title", words(key)), words(shortened(key, 20)), class_="name", x=12, y=top + 26)]
    for index, (trace, _) in enumerate(shown):
        statistic = trace.statistic
        scale = f": 1 is {statistic.material:g} {statistic.unit}"
        name = shortened(statistic.label or statistic.name.replace("_", " "), LETTERS - len(scale))
        whole = element("title", words(statistic.name))
        lines.append(element("text", whole, words(name + scale), class_=COLOURS[index], x=12, y=top + 42 + 15 * index))
    return lines


def _injection(injected: Injected, x: RowScale, y: DistanceScale) -> str:
    began, full, ended = x(injected.first_row), x(injected.full_row), x(injected.end_row)
    title = f"injected: {injected.kind}, rows {injected.first_row:,} to {injected.end_row:,}, {injected.outcome}"
    return element(
        "g",
        element("title", words(title)),
        element("rect", class_="growing", x=began, y=y.top, width=full - began, height=y.height),
        element("rect", class_="injected", x=full, y=y.top, width=ended - full, height=y.height),
        element("line", class_="began", x1=began, x2=began, y1=y.top, y2=y.top + y.height),
        element("text", words(injected.kind), class_="kind", x=began + 5, y=y.top + y.height - 5),
    )


def _alert(alert: TrialAlert, x: RowScale, top: float, y: DistanceScale) -> str:
    middle, bottom = top + STRIP / 2, y.top + y.height
    seen, onset = x(alert.detected_row), [x(row) for row in alert.onset_rows]
    end = x.left + x.width if alert.resolved_row is None else x(alert.resolved_row)
    updates = [x(row) for row in alert.updated_rows]
    parts = [
        element(
            "title",
            words(f"{alert.state}: {effect(alert)}, since row {alert.onset_row:,}, seen at {alert.detected_row:,}"),
        ),
        element("line", class_="onset", x1=onset[0], x2=onset[1], y1=middle, y2=middle),
        *(element("line", class_="onset", x1=at, x2=at, y1=middle - 3, y2=middle + 3) for at in onset),
        element("circle", class_="onset-at", cx=x(alert.onset_row), cy=middle, r=2.6),
        element("rect", class_="standing", x=seen, y=middle - 3.5, width=max(1.5, end - seen), height=7, rx=2),
        *(element("line", class_="updated", x1=at, x2=at, y1=middle - 4, y2=middle + 4) for at in updates),
        element("line", class_="detected", x1=seen, x2=seen, y1=middle, y2=bottom),
    ]
    if alert.resolved_row is not None:
        parts += [
            element("line", class_="ended", x1=end, x2=end, y1=middle, y2=bottom),
            element("circle", class_="resolved", cx=end, cy=middle, r=4),
        ]
    return element("g", *parts)
