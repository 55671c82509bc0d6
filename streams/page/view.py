"""The page's state, JSON-ready: what the records of `figures`, `alerts` and `control` come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from streams.control_records import decode_served, model_setting
from streams.page.alert_board import AlertBoard
from streams.page.changes import OURS, quantile
from streams.page.figures import EVERY_MS, Figures, decode_figures
from streams.page.fleet import Fleet, Process
from streams.page.history import Tick
from streams.page.outputs import OutputReference, distributions
from streams.serving_commands import ServedVersions

RECENT_TICKS = 30
"""Over so many, a minute, a rate is told as one of now."""
SETTLING_TICKS = 5
"""Ticks that a late record may still change; told again each time."""
MOST_MODELS = 64
MOST_SIGNALS = 6

ReferenceOf = Callable[[str, str], OutputReference | None]


class View:
    """Folds records in the order of their topics. Everything in it is bounded."""

    def __init__(self, events_topic: str, latency_bounds: Sequence[float], score_bounds: Sequence[float]) -> None:
        self.fleet = Fleet(events_topic)
        self.alerts = AlertBoard()
        self._latency_bounds, self._score_bounds = latency_bounds, score_bounds
        self._served: dict[str, ServedVersions] = {}

    def take_figures(self, value: bytes | None, at_ms: int) -> None:
        figures = decode_figures(value)
        if figures is not None:
            self.fleet.take(figures, at_ms)

    def take_control(self, key: bytes | None, value: bytes | None) -> None:
        """Which versions of a model were chosen; all else is passed over."""
        prefix = model_setting("").encode()
        if key is None or not key.startswith(prefix):
            return
        name = key.removeprefix(prefix).decode("utf-8", "replace")
        if name not in self._served and len(self._served) >= MOST_MODELS:
            return
        try:
            self._served[name] = decode_served(value or b"")
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self._served.pop(name, None)

    def now(self, reference_of: ReferenceOf) -> dict[str, Any]:
        """What is so at the moment."""
        until = self.fleet.told_until_ms()
        ticks = [tick for tick in self.fleet.history.ticks() if tick.at_ms <= until]
        present = [each.figures for each in self.fleet.present()]
        minute = ticks[-RECENT_TICKS:]
        versions = sorted({pair for each in present for pair in each.models.items()})[:MOST_MODELS]
        return {
            "now": self.fleet.now_ms,
            "totals": self._totals(ticks, minute),
            "workers": [self._worker(each) for each in self.fleet.processes()],
            "models": self._models(present),
            "lag": _lag(present),
            "reasons": _reasons(ticks, minute),
            "outputs": distributions(ticks[-5 * RECENT_TICKS :], versions, reference_of, self._score_bounds),
        }

    def points(self, *, all_of_them: bool) -> dict[str, Any]:
        """Columns of the charts: all, or those that may have changed since they were told."""
        until = self.fleet.told_until_ms()
        ticks = [tick for tick in self.fleet.history.ticks() if tick.at_ms <= until]
        signals = _far_signals(ticks)
        shown = ticks if all_of_them else ticks[-SETTLING_TICKS:]
        columns: dict[str, Any] = {
            "at": [tick.at_ms for tick in shown],
            "answered": [round(tick.answered, 2) for tick in shown],
            "degraded": [round(tick.degraded, 2) for tick in shown],
            "dead": [round(sum(tick.dead.values()), 2) for tick in shown],
            "lag": [tick.lag for tick in shown],
            "distance": {key: [_rounded(tick.distance.get(key)) for tick in shown] for key in signals},
        }
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
            columns[name] = [_rounded(quantile(self._latency_bounds, tick.latency, share)) for tick in shown]
        return columns

    def previous_version(self, model: str) -> str | None:
        """What a rollback would go back to."""
        served = self._served.get(model)
        return served.previous if served else None

    def _totals(self, ticks: Sequence[Tick], minute: Sequence[Tick]) -> dict[str, Any]:
        latency = [0.0] * (len(self._latency_bounds) + 1)
        for tick in minute:
            if len(tick.latency) == len(latency):
                latency = [total + rate for total, rate in zip(latency, tick.latency, strict=True)]
        answered, lost = sum(tick.answered for tick in ticks), sum(_lost(tick) for tick in ticks)
        requests, refused = sum(tick.requests for tick in ticks), sum(tick.refused for tick in ticks)
        return {
            "answered": _mean(minute, lambda tick: tick.answered),
            "dead": _mean(minute, lambda tick: sum(tick.dead.values())),
            "degraded": _mean(minute, lambda tick: tick.degraded),
            "requests": _mean(minute, lambda tick: tick.requests),
            "p50": _rounded(quantile(self._latency_bounds, latency, 0.5)),
            "p99": _rounded(quantile(self._latency_bounds, latency, 0.99)),
            "lag": ticks[-1].lag if ticks else 0,
            "availability": answered / (answered + lost) if answered + lost > 0 else None,
            "http_availability": 1 - refused / requests if requests > 0 else None,
            "over_s": len(ticks) * EVERY_MS // 1000,
        }

    def _worker(self, process: Process) -> dict[str, Any]:
        figures, change = process.figures, process.change
        gone = process.is_gone(self.fleet.now_ms)
        state = "stopped" if figures.leaving else "gone" if gone else "ready" if figures.ready else "not ready"
        if not gone and not figures.leaving and not figures.live:
            state = "stuck"
        there = change is not None and not gone and not figures.leaving
        p99 = quantile(self._latency_bounds, change.latency, 0.99) if change and there else None
        return {
            "slot": figures.slot,
            "host": figures.host,
            "roles": list(figures.roles),
            "state": state,
            "why": figures.why,
            "models": figures.models,
            "answered": round(change.answered, 2) if change and there else 0.0,
            "p99": _rounded(p99),
            "busy": figures.busy.get("busy", 0.0) if there else 0.0,
            "held": figures.busy.get("back_pressured", 0.0) if there else 0.0,
            "partitions": sum(len(table) for table in figures.lag.values()) if there else 0,
            "started": figures.started_ms,
            "heard": process.heard_ms if gone or figures.leaving else None,
        }

    def _models(self, present: Sequence[Figures]) -> list[dict[str, Any]]:
        versions: dict[str, Counter[str]] = {}
        for figures in present:
            for model, version in figures.models.items():
                versions.setdefault(model, Counter())[version] += 1
        for name in self._served:
            versions.setdefault(name, Counter())
        firing: dict[str, Counter[str]] = {}
        for record in self.alerts.standing():
            firing.setdefault(str(record.get("model")), Counter())[str(record.get("severity"))] += 1
        found = []
        for name in sorted(versions)[:MOST_MODELS]:
            served = self._served.get(name)
            found.append(
                {
                    "name": name,
                    "versions": dict(versions[name]),
                    "chosen": served.active if served else None,
                    "previous": served.previous if served else None,
                    "challenger": served.challenger.version if served and served.challenger else None,
                    "spared": sum(name in figures.spared for figures in present),
                    "rungs": _mean_shares([each.rungs[name] for each in present if name in each.rungs]),
                    "firing": dict(firing.get(name, {})),
                }
            )
        return found


def _lag(present: Sequence[Figures]) -> list[dict[str, Any]]:
    """By topic and partition, with the slot that has it."""
    found = [
        {"topic": topic, "partition": partition, "records": records, "slot": figures.slot}
        for figures in present
        for topic, table in figures.lag.items()
        for partition, records in table.items()
    ]
    return sorted(found, key=lambda row: (row["topic"], len(row["partition"]), row["partition"]))


def _reasons(ticks: Sequence[Tick], minute: Sequence[Tick]) -> list[dict[str, Any]]:
    """Dead letters by reason: by the second of the last minute, and how many since the history begins."""
    totals: Counter[str] = Counter()
    for tick in ticks:
        totals.update({reason: rate * EVERY_MS / 1000 for reason, rate in tick.dead.items()})
    return [
        {
            "reason": reason,
            "count": round(count),
            "rate": _mean(minute, lambda tick, reason=reason: tick.dead.get(reason, 0.0)),  # type: ignore[misc]
            "ours": reason in OURS,
        }
        for reason, count in totals.most_common()
    ]


def _far_signals(ticks: Sequence[Tick]) -> list[str]:
    """The signals that were farthest from their reference, in an order that stays."""
    farthest: dict[str, float] = {}
    for tick in ticks:
        for signal, value in tick.distance.items():
            farthest[signal] = max(value, farthest.get(signal, 0.0))
    return sorted(sorted(farthest, key=lambda signal: (-farthest[signal], signal))[:MOST_SIGNALS])


def _mean_shares(tables: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Of several workers; without what no one has."""
    sums = Counter[str]()
    for table in tables:
        sums.update(table)
    return {rung: round(share / len(tables), 4) for rung, share in sums.items() if share}


def _lost(tick: Tick) -> float:
    return sum(rate for reason, rate in tick.dead.items() if reason in OURS)


def _mean(ticks: Sequence[Tick], of: Callable[[Tick], float]) -> float:
    return round(sum(map(of, ticks)) / len(ticks), 3) if ticks else 0.0


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
