"""The page's state, JSON-ready: what the records of `figures`, `alerts` and `control` come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from streams.dead_letters.advice import ADVICE
from streams.page.alert_board import AlertBoard
from streams.page.changes import OURS, quantile
from streams.page.decided import Decided
from streams.page.figures import EVERY_MS, MOST_MODELS, Figures, decode_figures
from streams.page.fleet import Fleet
from streams.page.history import Tick
from streams.page.outputs import OutputReference, distributions
from streams.page.rounding import rounded
from streams.page.verdict import LATELY_TICKS, Signs, is_idle, verdict
from streams.page.workers import state_of, worker_row

RECENT_TICKS = 30
"""Over so many, a minute, a rate is told as one of now."""
SETTLING_TICKS = 5
"""Ticks that a late record may still change; told again each time."""
MOST_SIGNALS = 6
MEANINGS = {reason.value: f"An event that {advice.means}" for reason, advice in ADVICE.items()}
UNREADABLE_MS = 60_000
"""So long a record that cannot be read is told of."""

ReferenceOf = Callable[[str, str], OutputReference | None]


class View:
    """Folds records in the order of their topics. Everything in it is bounded."""

    def __init__(self, events_topic: str, latency_bounds: Sequence[float], score_bounds: Sequence[float]) -> None:
        self.everybody, self.alone = Fleet(events_topic), Fleet(events_topic)
        self.fleet = self.everybody
        """The one that is shown: of all processes, or of this one alone."""
        self.alerts = AlertBoard()
        self.decided = Decided()
        self._latency_bounds, self._score_bounds = latency_bounds, score_bounds
        self._unreadable_ms: int | None = None

    def take_figures(self, value: bytes | None, at_ms: int) -> None:
        """A record of figures; what is none is passed over, and told for a while."""
        figures = decode_figures(value)
        if figures is not None:
            self.everybody.take(figures, at_ms)
        elif value is not None:
            self._unreadable_ms = at_ms

    def now(self, reference_of: ReferenceOf, problem: str | None = None) -> dict[str, Any]:
        """What is so at the moment. `problem`: why not all of it is known."""
        until = self.fleet.told_until_ms()
        ticks = [tick for tick in self.fleet.history.ticks() if tick.at_ms <= until]
        present = [each.figures for each in self.fleet.present()]
        minute = _lately(ticks, until, RECENT_TICKS)
        versions = sorted({pair for each in present for pair in each.models.items()})[:MOST_MODELS]
        now_ms, totals, models = self.fleet.now_ms, self._totals(ticks, minute), self._models(present)
        signs = self._signs(problem, totals, minute, models, present)
        return {
            "now": now_ms,
            "problem": problem,
            "verdict": [finding._asdict() for finding in verdict(signs)],
            "idle": is_idle(signs),
            "totals": totals,
            "workers": [worker_row(each, now_ms, self._latency_bounds) for each in self.fleet.processes()],
            "models": models,
            "silences": self.decided.silences(now_ms),
            "lag": _lag(present),
            "reasons": _reasons(ticks, minute),
            "outputs": distributions(
                _lately(ticks, until, 5 * RECENT_TICKS), versions, reference_of, self._score_bounds
            ),
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
            "distance": {key: [rounded(tick.distance.get(key)) for tick in shown] for key in signals},
        }
        for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
            columns[name] = [rounded(quantile(self._latency_bounds, tick.latency, share)) for tick in shown]
        return columns

    def _totals(self, ticks: Sequence[Tick], minute: Sequence[Tick]) -> dict[str, Any]:
        latency = [0.0] * (len(self._latency_bounds) + 1)
        for tick in minute:
            if len(tick.latency) == len(latency):
                latency = [total + rate for total, rate in zip(latency, tick.latency, strict=True)]
        requests, refused = sum(tick.requests for tick in ticks), sum(tick.refused for tick in ticks)
        return {
            "answered": _mean(minute, lambda tick: tick.answered),
            "dead": _mean(minute, lambda tick: sum(tick.dead.values())),
            "degraded": _mean(minute, lambda tick: tick.degraded),
            "requests": _mean(minute, lambda tick: tick.requests),
            "p50": rounded(quantile(self._latency_bounds, latency, 0.5)),
            "p99": rounded(quantile(self._latency_bounds, latency, 0.99)),
            "lag": minute[-1].lag if minute else None,
            "availability": _availability(ticks),
            "http_availability": 1 - refused / requests if requests > 0 else None,
            "over_s": len(ticks) * EVERY_MS // 1000,
        }

    def _signs(
        self,
        problem: str | None,
        totals: Mapping[str, Any],
        minute: Sequence[Tick],
        models: Sequence[Mapping[str, Any]],
        present: Sequence[Figures],
    ) -> Signs:
        fleet = self.fleet
        return Signs(
            problem=problem,
            states=Counter(state_of(each, fleet.now_ms) for each in fleet.processes()),
            roles=frozenset(role for figures in present for role in figures.roles),
            crowded=fleet.is_crowded,
            unreadable=self._unreadable_ms is not None and fleet.now_ms - self._unreadable_ms < UNREADABLE_MS,
            firing=Counter(str(record.get("severity")) for record in self.alerts.standing()),
            answered=totals["answered"],
            dead=totals["dead"],
            passed_lately=_mean(minute[-LATELY_TICKS:], lambda tick: tick.answered + sum(tick.dead.values())),
            availability_now=_availability(minute),
            availability=totals["availability"],
            requests=totals["requests"],
            refused=_mean(minute, lambda tick: tick.refused),
            lags=[tick.lag for tick in minute if tick.lag is not None],
            rungs={model["name"]: sum(model["rungs"].values()) for model in models},
            spared=[model["name"] for model in models if model["spared"]],
        )

    def _models(self, present: Sequence[Figures]) -> list[dict[str, Any]]:
        versions: dict[str, Counter[str]] = {}
        for figures in present:
            for model, version in figures.models.items():
                versions.setdefault(model, Counter())[version] += 1
        for name in self.decided.models:
            versions.setdefault(name, Counter())
        firing: dict[str, Counter[str]] = {}
        for record in self.alerts.standing():
            firing.setdefault(str(record.get("model")), Counter())[str(record.get("severity"))] += 1
        found = []
        for name in sorted(versions)[:MOST_MODELS]:
            served = self.decided.served(name)
            found.append(
                {
                    "name": name,
                    "versions": dict(versions[name]),
                    "chosen": served.active if served else None,
                    "previous": served.previous if served else None,
                    "revision": self.decided.revision(name),
                    "baseline_revision": self.decided.baseline_revision(name),
                    "challenger": served.challenger.version if served and served.challenger else None,
                    "spared": sum(name in figures.spared for figures in present),
                    "rungs": _mean_shares([each.rungs[name] for each in present if name in each.rungs]),
                    "firing": dict(firing.get(name, {})),
                }
            )
        return found


def _lately(ticks: Sequence[Tick], until_ms: int, most: int) -> list[Tick]:
    """The last so many up to a time, with an empty one for each of which nobody told anything: what nobody does any
    more must not be shown as if it went on."""
    last = until_ms // EVERY_MS
    told = {tick.at_ms // EVERY_MS: tick for tick in ticks if tick.at_ms // EVERY_MS > last - most}
    return [told.get(number) or Tick(number * EVERY_MS) for number in range(min(told), last + 1)] if told else []


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
            "meaning": MEANINGS.get(reason, ""),
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


def _availability(ticks: Sequence[Tick]) -> float | None:
    """The share of well-formed events that were answered; None where none came."""
    answered = sum(tick.answered for tick in ticks)
    lost = sum(rate for tick in ticks for reason, rate in tick.dead.items() if reason in OURS)
    return answered / (answered + lost) if answered + lost > 0 else None


def _mean(ticks: Sequence[Tick], of: Callable[[Tick], float]) -> float:
    return round(sum(map(of, ticks)) / len(ticks), 3) if ticks else 0.0
