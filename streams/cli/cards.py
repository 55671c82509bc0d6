"""An alert as a card for a person on call: what moved, since when, how much, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias, TypeGuard

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from streams.telemetry.escape import printable

AlertFields: TypeAlias = Mapping[str, Any]
"""One alert as it is on the topic; fields of contracts.md, of which an older or newer writer may lack some."""

BARS = "▁▂▃▄▅▆▇█"
STATE_STYLE = {"firing": "bold red", "updated": "bold yellow", "resolved": "green"}
SEVERITY_ORDER = {"page": 0, "ticket": 1, "log": 2}


def is_firing(alert: AlertFields) -> bool:
    """Whether the change leaves the alert standing."""
    return alert.get("state") in {"firing", "updated"}


def firing_first(alerts: Iterable[AlertFields]) -> list[AlertFields]:
    """Standing before resolved, pages before tickets, the newest first."""
    newest_first = sorted(alerts, key=lambda alert: str(alert.get("detected_at", "")), reverse=True)
    return sorted(newest_first, key=lambda a: (not is_firing(a), SEVERITY_ORDER.get(str(a.get("severity")), 9)))


def alert_card(alert: AlertFields) -> Panel:
    """The card. Text of the alert is shown as it is: markup and escape sequences in it have no effect."""
    state, severity = _words(alert.get("state")), _words(alert.get("severity"))
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(overflow="fold")
    for name, text in alert_lines(alert):
        rows.add_row(name, Text(text))
    style = STATE_STYLE.get(state, "bold")
    title = Text.assemble((f" {state.upper()} ", style), (f"{severity}: {signal_of(alert)} ", "bold"))
    return Panel(rows, title=title, title_align="left", border_style=style.removeprefix("bold "), expand=False)


def alert_lines(alert: AlertFields) -> list[tuple[str, str]]:
    """What the card says, line by line: a name and its text; lines that would be empty are left out."""
    lines = [
        ("model", f"{_words(alert.get('model'))} {_words(alert.get('version'))}"),
        ("since", _onset(_part(alert, "onset"))),
        ("detected", _words(alert.get("detected_at"))),
        ("how much", _effect(_part(alert, "effect"))),
        ("likely", _words(alert.get("likely"))),
        ("what", _evidence(_part(alert, "evidence"))),
        ("reference", _summary(_part(alert, "reference"))),
        ("now", _summary(_part(alert, "current"))),
        ("found by", _detector(_part(alert, "detector"))),
        ("why", _words(alert.get("severity_reason"))),
        ("answers", _impact(_part(alert, "impact"))),
        ("also", _words(alert.get("also_drifting"))),
        ("looked after", _words(alert.get("acknowledged_by"))),
        ("resolved", _words(alert.get("resolved_reason"))),
        ("do", _words(alert.get("suggested_action"))),
        ("runbook", _words(alert.get("runbook"))),
    ]
    return [(name, text) for name, text in lines if text]


def signal_of(alert: AlertFields) -> str:
    """What moved, such as ``feature amount`` or ``metric accuracy, segment country=NL``."""
    signal = _part(alert, "signal")
    subject = next((f"{kind} {_words(signal[kind])}" for kind in ("feature", "metric") if signal.get(kind)), "")
    return ", segment ".join(filter(None, [subject or _words(alert.get("kind")), _words(signal.get("segment"))]))


def histogram(counts: Sequence[float], width: int = 32) -> str:
    """Counts as a row of bars, neighbours merged down to `width`; no bar at all for nothing."""
    if not counts or max(counts) <= 0:
        return ""
    group = -(-len(counts) // width)
    merged = [sum(counts[i : i + group]) for i in range(0, len(counts), group)]
    top = max(merged)
    return "".join(BARS[min(7, int(8 * count / top))] if count > 0 else " " for count in merged)


def _onset(onset: Mapping[str, Any]) -> str:
    text, interval = _words(onset.get("at")), onset.get("interval")
    if text and isinstance(interval, (list, tuple)) and len(interval) == 2:
        text += f" (between {_words(interval[0])} and {_words(interval[1])})"
    return text


def _effect(effect: Mapping[str, Any]) -> str:
    size, unit, interval = effect.get("size"), _words(effect.get("unit")), effect.get("interval")
    if size is None:
        return ""
    text = f"{_words(size)} {unit}".strip()
    if isinstance(interval, (list, tuple)) and len(interval) == 2:
        text += f" ({_words(interval[0])} to {_words(interval[1])})"
    return text


def _impact(impact: Mapping[str, Any]) -> str:
    """What the change did to each output: ``class share:true 0.16 (0.12 to 0.2)``, or that it did nothing much."""
    answers = impact.get("answers")
    shifts = [shift for shift in answers if isinstance(shift, Mapping)] if isinstance(answers, (list, tuple)) else []
    moved = [
        f"{_words(s.get('metric'))} {_words(s.get('statistic'))} {_effect(s)}" for s in shifts if s.get("material")
    ]
    return "; ".join(moved) or ("as in training" if shifts else "")


def _detector(detector: Mapping[str, Any]) -> str:
    figures = [
        f"{name} {_words(detector[name])}" for name in ("statistic", "threshold") if detector.get(name) is not None
    ]
    return ", ".join(filter(None, [_words(detector.get("name")), _words(detector.get("parameters")), *figures]))


def _evidence(evidence: Mapping[str, Any]) -> str:
    """What moved in figures: ``mean from 10.5 (reference) to 13.0, 8.2 standard errors, on 400 events``."""
    parts = [
        ("statistic", "{}"),
        ("baseline", "from {}"),
        ("against", "({})"),
        ("level", "to {}"),
        ("score", "by {} standard errors"),
        ("events", "on {} events"),
    ]
    return " ".join(text.format(_words(evidence[name])) for name, text in parts if evidence.get(name) is not None)


def _summary(summary: Mapping[str, Any]) -> str:
    """Bars of the histogram or of the classes' shares, then plain figures; rates of nothing are left out."""
    shares = summary.get("shares")
    classes = shares if isinstance(shares, Mapping) and _is_numbers(list(shares.values())) else {}
    counts = _part(summary, "histogram").get("counts")
    bars = histogram(counts if _is_numbers(counts) else list(classes.values()))
    figures = [f"{name} {_words(summary[name])}" for name in ("mean", "sd") if summary.get(name) is not None]
    figures += [f"{name} {share:.0%}" for name, share in _largest(classes)]
    rates = ("null_rate", "out_of_range_rate", "unseen_rate")
    figures += [f"{name.replace('_', ' ')} {_words(summary[name])}" for name in rates if summary.get(name)]
    if summary.get("per_window") is not None:
        figures.append(f"{_words(summary['per_window'])} events in {_words(summary.get('window_s'))} s")
    figures += [f"of {_words(summary['n'])} events"] if summary.get("n") is not None else []
    return "  ".join(filter(None, [bars, ", ".join(figures)]))


def _largest(shares: Mapping[str, float], count: int = 4) -> list[tuple[str, float]]:
    return [(_words(name), share) for name, share in sorted(shares.items(), key=lambda item: -item[1])[:count]]


def _is_numbers(value: Any) -> TypeGuard[Sequence[float]]:
    # The bound leaves out what is not finite, and whole numbers that no float holds.
    return isinstance(value, (list, tuple)) and all(isinstance(n, (int, float)) and abs(n) < 1e300 for n in value)


def _part(alert: AlertFields, name: str) -> Mapping[str, Any]:
    value = alert.get(name)
    return value if isinstance(value, Mapping) else {}


def _words(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.4g}"
        case Mapping():
            return ", ".join(f"{_words(key)} {_words(item)}".strip() for key, item in value.items())
        case list() | tuple():
            return ", ".join(map(_words, value))
    return printable(str(value), limit=500)
