"""What the metrics of this process come to, as a record of topic `figures`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from prometheus_client import CollectorRegistry

from streams.page.figures import LONGEST, MOST, MOST_MODELS, Figures, largest
from streams.telemetry.progress import Progress

Of = TypeVar("Of")


class Identity(NamedTuple):
    """Which process this is. `started` by the clock of `Progress`."""

    process: str
    slot: str
    host: str
    started: float
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of the metrics."""

    labels: Mapping[str, str]
    value: float


def take_figures(identity: Identity, registry: CollectorRegistry, progress: Progress, now: float) -> Figures:
    """`now` by the clock of `progress`."""
    told = _Told(registry)
    live, ready = progress.live(now), progress.ready()
    why = "; ".join(verdict.reason for verdict in (live, ready) if not verdict.ok)
    rungs: dict[str, dict[str, float]] = defaultdict(dict)
    for sample in told.of("weir_degraded"):
        rungs[sample.labels["model"][:LONGEST]][sample.labels["rung"]] = round(sample.value, 4)
    return Figures(
        process=identity.process,
        slot=identity.slot[:LONGEST],
        host=identity.host[:LONGEST],
        uptime_ms=max(0, int((now - identity.started) * 1000)),
        roles=identity.roles,
        live=live.ok,
        ready=ready.ok,
        why=why[:1_000],
        leaving=progress.is_stopping,
        models=told.versions("weir_model_active"),
        spared=tuple(each.labels["model"][:LONGEST] for each in told.of("weir_breaker_open") if each.value)[:MOST],
        rungs=_some(rungs),
        answers=told.tables("weir_predictions_total", "served_by"),
        dead_letters=told.tables("weir_dead_letters_total", "reason"),
        classes=told.tables("weir_prediction_class_total", "class"),
        scores=_some({model: told.buckets("weir_prediction_score_bucket", model=model) for model in told.scored()}),
        latency=told.buckets("weir_end_to_end_seconds_bucket"),
        lag=told.tables("weir_consumer_lag_records", "partition", by="topic", most=256),
        busy={each.labels["state"]: round(each.value, 4) for each in told.of("weir_worker_busy_ratio")},
        requests=told.totals("weir_http_requests_total", "status"),
        distance=_furthest(told),
    )


class _Told:
    """The lines of a registry by their name, as they are at one time."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._by_name: dict[str, list[Sample]] = defaultdict(list)
        for family in registry.collect():
            for sample in family.samples:
                self._by_name[sample.name].append(Sample(sample.labels, sample.value))

    def of(self, name: str) -> Iterator[Sample]:
        yield from self._by_name.get(name, ())

    def versions(self, name: str) -> dict[str, str]:
        """By model, the version that a gauge is 1 for."""
        return _some(
            {each.labels["model"][:LONGEST]: each.labels["version"][:LONGEST] for each in self.of(name) if each.value}
        )

    def totals(self, name: str, label: str) -> dict[str, int]:
        found: dict[str, int] = defaultdict(int)
        for each in self.of(name):
            found[each.labels[label][:LONGEST]] += int(each.value)
        return largest(dict(found))

    def tables(self, name: str, label: str, *, by: str = "model", most: int = MOST) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for each in self.of(name):
            found[each.labels[by][:LONGEST]][each.labels[label][:LONGEST]] += int(each.value)
        return _some({key: largest(dict(table), most) for key, table in found.items()})

    def scored(self) -> list[str]:
        return [each.labels["model"] for each in self.of("weir_prediction_score_count")]

    def buckets(self, name: str, **labels: str) -> tuple[int, ...]:
        """Of a histogram, what fell into each bucket alone."""
        wanted = labels.items()
        upto = [int(each.value) for each in self.of(name) if wanted <= each.labels.items()]
        return tuple(count - before for count, before in zip(upto, [0, *upto], strict=False))


def _some(table: Mapping[str, Of]) -> dict[str, Of]:
    """As many models (or topics) as a record has room for."""
    return dict(sorted(table.items())[:MOST_MODELS])


def _furthest(told: _Told) -> dict[str, float]:
    ranked = sorted(
        ((each.value, f"{each.labels['model']}/{each.labels['signal']}") for each in told.of("weir_drift_statistic")),
        reverse=True,
    )
    return {key[:256]: round(min(value, 1e9), 4) for value, key in ranked[:MOST] if value == value}  # noqa: PLR0124  not a number
