"""Metrics of several processes as one text: what Prometheus reads is each process's own, told apart by `worker`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse
from prometheus_client.samples import Sample

from streams.telemetry.metrics import Metrics
from streams.telemetry.workers import WorkersMetrics
from streams.workers.exposition import merged
from tests.unit.telemetry.test_metrics import use_all

FORMATS = [
    pytest.param(generate_latest, parse, id="text"),
    pytest.param(generate_openmetrics, parse_openmetrics, id="OpenMetrics"),
]


def worker() -> CollectorRegistry:
    registry = CollectorRegistry()
    use_all(Metrics(registry))
    return registry


def supervisor(*numbers: int) -> CollectorRegistry:
    registry = CollectorRegistry()
    WorkersMetrics(registry).tell((number, number + 1, True) for number in numbers)
    return registry


def told(families: list[Metric]) -> dict[tuple[str, tuple[tuple[str, str], ...]], Sample]:
    samples = [sample for family in families for sample in family.samples]
    found = {(each.name, tuple(sorted(each.labels.items()))): each for each in samples}
    assert len(found) == len(samples), "no series is told twice"
    return found


@pytest.mark.parametrize(("generate", "parser"), FORMATS)
def test_every_series_of_every_worker_is_there_as_it_was_told(generate, parser) -> None:
    own, workers = supervisor(0, 1), {"0": worker(), "1": worker()}
    text = merged(generate(own).decode(), {name: generate(each).decode() for name, each in workers.items()})
    expected = told(list(parser(generate(own).decode())))
    for name, registry in workers.items():
        for sample in told(list(parser(generate(registry).decode()))).values():
            labels = {**sample.labels, "worker": name}
            expected[sample.name, tuple(sorted(labels.items()))] = sample._replace(labels=labels)
    assert told(list(parser(text))) == expected
    assert text.count("# TYPE weir_ready gauge") == 1, "what a metric is, is said once"


def test_an_exemplar_stays_with_its_bucket_and_gets_no_label() -> None:
    registry = CollectorRegistry()
    seconds = Histogram("seconds", "Time.", registry=registry, buckets=(1.0,))
    seconds.observe(0.5, {"trace_id": "a{b} c"})
    text = merged("# EOF\n", {"3": generate_openmetrics(registry).decode()})
    (family,) = parse_openmetrics(text)
    (found,) = [sample for sample in family.samples if sample.exemplar is not None]
    assert found.labels == {"le": "1.0", "worker": "3"}
    assert found.exemplar.labels == {"trace_id": "a{b} c"}
    assert found.exemplar.value == 0.5


@given(
    st.lists(
        st.dictionaries(st.text(max_size=8), st.floats(allow_nan=False, allow_infinity=False, min_value=0), max_size=4),
        max_size=4,
    )
)
def test_whatever_a_label_holds(values: list[dict[str, float]]) -> None:
    texts, expected = {}, {}
    for number, by_label in enumerate(values):
        registry = CollectorRegistry()
        gauge = Gauge("level", 'With "quotes" {and braces}', ["name"], registry=registry)
        Counter("plain", "No labels.", registry=registry).inc(number)
        for label, value in by_label.items():
            gauge.labels(label).set(value)
            expected[label, str(number)] = value
        texts[str(number)] = generate_openmetrics(registry).decode()
    families = {family.name: family for family in parse_openmetrics(merged("# EOF\n", texts))}
    levels = families["level"].samples if values else []
    assert {(each.labels["name"], each.labels["worker"]): each.value for each in levels} == expected
    totals = [each for each in families["plain"].samples if each.name == "plain_total"] if values else []
    assert [each.value for each in totals] == list(range(len(values)))
