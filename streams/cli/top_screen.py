"""`weir top` as text: a state in, something to print out. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from streams.cli.cards import BARS, SEVERITY_ORDER, signal_of
from streams.telemetry.escape import printable

MOST_ROWS = 8
"""Of each table; what is left is counted."""
STATE_STYLE = {"ready": "green", "not ready": "yellow", "stuck": "bold red", "gone": "bold red", "stopped": "dim"}
SEVERITY_STYLE = {"page": "bold red", "ticket": "yellow"}


def top_view(state: Mapping[str, Any]) -> RenderableType:
    """For 80 columns or more."""
    parts: list[RenderableType] = [_head(state)]
    if state["problem"]:
        parts.append(Text(printable(f"! {state['problem']}"), style="bold yellow"))
    parts += [_figures(state), *_workers(state), *_models(state), *_lag(state), *_reasons(state), *_alerts(state)]
    return Group(*parts)


def _head(state: Mapping[str, Any]) -> Text:
    workers = state["workers"]
    ready = sum(each["state"] == "ready" for each in workers)
    at = datetime.fromtimestamp(state["now"] / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if state["now"] else "–"
    style = "bold green" if workers and ready == len(workers) else "bold yellow"
    return Text.assemble(
        ("weir top  ", "bold"), f"{at}   workers ", (f"{ready} of {len(workers)} ready", style),
        f"   alerts {len(state['alerts'])}",
    )  # fmt: skip


def _figures(state: Mapping[str, Any]) -> Table:
    totals = state["totals"]
    grid = Table.grid(padding=(0, 2))
    degraded = totals["degraded"] / totals["answered"] if totals["answered"] else 0.0
    grid.add_row(
        "answers", f"{_rate(totals['answered'])}", bars(state["answered_lately"]),
        f"p50 {_seconds(totals['p50'])}", f"p99 {_seconds(totals['p99'])}", f"by others {degraded:.1%}",
    )  # fmt: skip
    availability = totals["availability"]
    grid.add_row(
        "lag", "–" if totals["lag"] is None else f"{totals['lag']:,}", bars(state["lag_lately"]),
        f"dead {_rate(totals['dead'])}", f"http {_rate(totals['requests'])}",
        f"available {'–' if availability is None else f'{availability:.2%}'}",
    )  # fmt: skip
    return grid


def _workers(state: Mapping[str, Any]) -> Iterator[RenderableType]:
    table = _table("WORKERS", "state", "answers", "p99", "busy", "held", "partitions", "models")
    for each in state["workers"][:MOST_ROWS]:
        models = ", ".join(f"{name} {version}" for name, version in each["models"].items())
        table.add_row(
            _cut(each["slot"], 20), Text(each["state"], style=STATE_STYLE.get(each["state"], "")),
            _rate(each["answered"]), _seconds(each["p99"]), f"{each['busy']:.0%}", f"{each['held']:.0%}",
            str(each["partitions"]), _cut(models, 18),
        )  # fmt: skip
    yield from _with_rest(table, state["workers"])
    for each in state["workers"]:
        if each["why"] and each["state"] in {"not ready", "stuck"}:
            yield Text(f"  {_cut(each['slot'], 20)}: {printable(each['why'], limit=200)}", style="yellow")


def _models(state: Mapping[str, Any]) -> Iterator[RenderableType]:
    table = _table("MODELS", "version", "chosen", "challenger", "breaker", "answered by others")
    for each in state["models"][:MOST_ROWS]:
        versions = ", ".join(f"{version} ×{count}" for version, count in each["versions"].items())
        rungs = ", ".join(f"{rung} {share:.1%}" for rung, share in each["rungs"].items())
        spared = Text(f"open ×{each['spared']}", style="bold red") if each["spared"] else Text("closed")
        table.add_row(
            _cut(each["name"], 20), versions or "–", _cut(each["chosen"]), _cut(each["challenger"]), spared,
            Text(rungs or "–", style="yellow" if rungs else ""),
        )  # fmt: skip
    yield from _with_rest(table, state["models"])


def _lag(state: Mapping[str, Any]) -> Iterator[RenderableType]:
    waiting = sorted((row for row in state["lag"] if row["records"]), key=lambda row: -row["records"])
    table = _table("LAG", "partition", "records", "worker")
    for row in waiting[:MOST_ROWS]:
        table.add_row(_cut(row["topic"], 32), row["partition"], f"{row['records']:,}", _cut(row["slot"], 20))
    if waiting:
        yield from _with_rest(table, waiting)


def _reasons(state: Mapping[str, Any]) -> Iterator[RenderableType]:
    over_s = state["totals"]["over_s"]
    since = f"in {over_s} s" if over_s < 120 else f"in {over_s // 60} min"
    table = _table("DEAD LETTERS", "a second", since, "whose")
    for each in state["reasons"][:MOST_ROWS]:
        table.add_row(_cut(each["reason"], 32), _rate(each["rate"]), f"{each['count']:,}", _whose(each))
    if state["reasons"]:
        yield from _with_rest(table, state["reasons"])


def _whose(reason: Mapping[str, Any]) -> Text:
    return Text("Weir's or the model's", style="bold red") if reason["ours"] else Text("the event's")


def _alerts(state: Mapping[str, Any]) -> Iterator[RenderableType]:
    alerts = sorted(state["alerts"], key=lambda alert: SEVERITY_ORDER.get(str(alert.get("severity")), 9))
    table = _table("ALERTS", "what", "since", "how much")
    for alert in alerts[:MOST_ROWS]:
        severity = str(alert.get("severity"))
        onset, effect = (alert.get(name) if isinstance(alert.get(name), dict) else {} for name in ("onset", "effect"))
        size = effect.get("size") if effect else None
        table.add_row(
            Text(_cut(severity, 8), style=SEVERITY_STYLE.get(severity, "")),
            _cut(f"{alert.get('model')}: {signal_of(alert)}", 32),
            _cut(str((onset or {}).get("at") or "")[:19].replace("T", " "), 19),
            f"{size:.3g} {_cut(effect.get('unit'), 12)}" if isinstance(size, (int, float)) and effect else "–",
        )
    if alerts:
        yield from _with_rest(table, alerts)


def bars(values: Sequence[float | None], width: int = 16) -> str:
    """The newest values, each as high as its share of the largest; what is not known is as low as nothing."""
    shown = [value or 0.0 for value in values[-width:]]
    top = max(shown, default=0) or 1
    return "".join(BARS[min(len(BARS) - 1, int(value / top * len(BARS)))] for value in shown)


def _table(name: str, *columns: str) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="dim")
    table.add_column(name, style="", header_style="bold", no_wrap=True)
    for column in columns:
        table.add_column(column, no_wrap=True, overflow="ellipsis")
    return table


def _with_rest(table: Table, rows: Sequence[Any]) -> Iterator[RenderableType]:
    yield Text()
    yield table
    if len(rows) > MOST_ROWS:
        yield Text(f"  and {len(rows) - MOST_ROWS} more", style="dim")


def _rate(value: float) -> str:
    return f"{value:,.0f}/s" if value >= 10 or not value else f"{value:.2g}/s"


def _seconds(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value * 1000:.3g} ms" if value < 1 else f"{value:.3g} s"


def _cut(text: object, width: int = 12) -> str:
    shown = "–" if text in (None, "") else printable(str(text))
    return shown if len(shown) <= width else f"{shown[: width - 1]}…"
