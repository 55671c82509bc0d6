"""What the demo shows while it runs, as text: a snapshot in, something to print out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from streams.demo.watcher import Counts

CELL_WIDTH = 25
MOST_WIDTH = 108
LONGEST_BAR = 10
FULL_BAR = 4.0
"""A bar is full at four times what is worth an alert."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment of a demo. `per_s` is of the last seconds. `drift_in_s`: None once the drift is there;
    `found_after_s`: from the drift to its alert."""

    phase: str
    elapsed_s: float
    counts: Counts
    per_s: float
    features: tuple[str, ...]
    injected_feature: str
    injection: str
    drift_in_s: float | None
    drift_since_s: float | None
    found_after_s: float | None = None
    alerting: frozenset[str] = frozenset()
    restarts: int = 0
    statistics: Mapping[str, float] = field(default_factory=dict)


def live_view(now: Snapshot, width: int) -> RenderableType:
    """A panel of at most 11 lines at a width of 80, so that an alert's card has room above it."""
    width = min(width, MOST_WIDTH)
    columns = max(1, (width - 4) // CELL_WIDTH)
    signals = Table.grid(expand=False, padding=(0, 1))
    for _ in range(columns):
        signals.add_column(width=CELL_WIDTH - 1, no_wrap=True)
    cells = [_signal(name, key, now) for name, key in _signals(now)]
    rows = -(-len(cells) // columns)
    for row in range(rows):
        signals.add_row(*cells[row::rows])
    body = Group(
        _counts(now),
        _latency(now),
        *_drift(now),
        Text("distance from the training data; 1.0 is worth an alert", style="dim"),
        signals,
    )
    return Panel(
        body,
        box=box.ROUNDED,
        title=Text.assemble((" weir demo ", "bold"), f" {now.elapsed_s:,.0f} s "),
        title_align="left",
        subtitle=Text(f" {now.phase} ", style="dim"),
        subtitle_align="right",
        border_style="cyan",
        width=width,
    )


def plain_line(now: Snapshot) -> str:
    """The same on one line, for a log."""
    counts = now.counts
    text = (
        f"{now.elapsed_s:.0f} s: {counts.events:,} events, {counts.predictions:,} predictions ({now.per_s:,.0f}/s), "
        f"{counts.dead_letters:,} dead letters, p50 {_ms(counts.p50_ms)}, p99 {_ms(counts.p99_ms)}; "
        f"answers: {_mix(now)}"
    )
    if now.statistics:
        # On a tie the name decides, so that the line does not flicker.
        signal, value = max(now.statistics.items(), key=lambda item: (item[1], item[0]))
        text += f"; furthest from training: {_short(signal)} {value:.2f}"
    if now.drift_since_s is not None:
        text += f"; drift of {now.injected_feature} for {now.drift_since_s:.0f} s"
    return text


def _counts(now: Snapshot) -> Text:
    counts = now.counts
    dead = f"{counts.dead_letters:,} dead letters"
    return Text.assemble(
        (f"{counts.events:,}", "bold"), " events → ",
        (f"{counts.predictions:,}", "bold"), " predictions, ",
        (dead, "bold red" if counts.dead_letters else ""), f"   {now.per_s:,.0f}/s",
    )  # fmt: skip


def _latency(now: Snapshot) -> Text:
    counts = now.counts
    text = Text(f"latency p50 {_ms(counts.p50_ms)}, p99 {_ms(counts.p99_ms)}   answers: {_mix(now)}")
    if now.restarts:
        text.append(f"   worker restarted {now.restarts}×", style="yellow")
    return text


def _drift(now: Snapshot) -> list[Text]:
    if now.drift_since_s is None:
        return [Text(f"in {now.drift_in_s:.0f} s: {now.injection}" if now.drift_in_s is not None else "no drift yet")]
    lines = [Text.assemble(("drift ", "bold yellow"), f"for {now.drift_since_s:.0f} s: {now.injection}")]
    if now.found_after_s is not None:
        also = ", ".join(sorted(_short(key) for key in now.alerting - {now.injected_feature}))
        found = f"on {now.injected_feature}, {now.found_after_s:.1f} s after the drift began"
        lines.append(Text.assemble(("ALERT ", "bold red"), found, f"; also on {also}" if also else ""))
    return lines


def _signals(now: Snapshot) -> list[tuple[str, str]]:
    """Name and key of what is watched: the sensors, then what the model says."""
    rest = sorted(key for key in now.statistics if key not in now.features)
    return [(name, name) for name in now.features] + [(_short(key), key) for key in rest]


def _signal(name: str, key: str, now: Snapshot) -> Text:
    value = now.statistics.get(key)
    drifting = key == now.injected_feature and now.drift_since_s is not None
    style = "bold red" if key in now.alerting else "yellow" if drifting else ""
    text = Text(f"{name[:6]:<6}", style=style)
    if value is None:
        return text.append("–", style="dim")
    length = min(LONGEST_BAR, round(LONGEST_BAR * value / FULL_BAR))
    text.append("█" * length + "·" * (LONGEST_BAR - length), style=style or "dim")
    text.append(f" {value:.2f}" if value < 100 else f" {value:.0f}" if value < 9_999.5 else " >9999")
    return text.append("◀" if drifting else "")


def _mix(now: Snapshot) -> str:
    total = sum(now.counts.classes.values())
    shares = sorted(now.counts.classes.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {100 * count / total:.1f} %" for name, count in shares) or "none yet"


def _short(key: str) -> str:
    return key.removeprefix("metric/")


def _ms(value: int | None) -> str:
    return "–" if value is None else f"{value} ms"
