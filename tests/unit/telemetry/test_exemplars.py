"""Traces beside the counts of a histogram."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.samples import Exemplar

from streams.records import Headers
from streams.telemetry.exemplars import MOST_LOOKED_AT, Traced, trace_of, traced
from streams.telemetry.metrics import Metrics

TRACE = "0af7651916cd43dd8448eb211c80319c"
SAMPLED = f"00-{TRACE}-b7ad6b7169203331-01"


def exemplars(registry: CollectorRegistry, name: str) -> dict[str, Exemplar]:
    """Of a metric, by the upper bound of the bucket, as a reader of OpenMetrics sees them."""
    families = parse_openmetrics(generate_openmetrics(registry).decode())
    samples = [sample for family in families for sample in family.samples if sample.name == f"{name}_bucket"]
    return {sample.labels["le"]: sample.exemplar for sample in samples if sample.exemplar}


@pytest.mark.parametrize(
    "header", [SAMPLED, SAMPLED.encode(), f"00-{TRACE}-b7ad6b7169203331-03", f"01{SAMPLED[2:]}-more"]
)
def test_the_id_of_a_sampled_trace_is_taken(header: str | bytes) -> None:
    assert trace_of(header) == TRACE


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        b"\xff\xfe",
        f"00-{TRACE}-b7ad6b7169203331-00",  # not sampled
        f"ff-{TRACE}-b7ad6b7169203331-01",  # no version
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-b7ad6b7169203331-01",
        f"{SAMPLED}\n",
        SAMPLED[:-1],
    ],
)
def test_nothing_else_is(header: str | bytes | None) -> None:
    assert trace_of(header) is None


@given(st.text(max_size=80) | st.binary(max_size=80))
def test_whatever_a_sender_writes_is_an_id_or_nothing(header: str | bytes) -> None:
    found = trace_of(header)
    assert found is None or (len(found) == 32 and set(found) <= set("0123456789abcdef"))


def test_of_a_batch_the_records_with_a_trace_are_taken_up_to_a_bound() -> None:
    own: Headers = [("other", b"x"), ("traceparent", SAMPLED.encode())]
    headers: list[Headers | None] = [None, own, [("traceparent", b"nonsense")], own]
    assert traced(headers, np.array([4.0, 3.0, 2.0, 1.0])) == [Traced(3.0, TRACE), Traced(1.0, TRACE)]
    assert traced([None, []], np.array([1.0, 2.0])) == []
    many = MOST_LOOKED_AT * 2
    assert len(traced([own] * many, np.zeros(many))) == MOST_LOOKED_AT


def test_readers_of_openmetrics_see_the_last_trace_of_each_bucket() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    other = TRACE[::-1]
    slow = [Traced(0.4, TRACE), Traced(0.3, other), Traced(700.0, TRACE)]
    metrics.answered_after(np.array([0.4, 0.3, 700.0, 0.001]), slow)
    metrics.request_ended("/predict", 200, 0.03, TRACE)
    found = exemplars(registry, "weir_end_to_end_seconds")
    assert {le: (each.labels, each.value) for le, each in found.items()} == {
        "0.5": ({"trace_id": other}, 0.3),
        "+Inf": ({"trace_id": TRACE}, 700.0),
    }
    assert exemplars(registry, "weir_http_request_seconds")["0.05"].labels == {"trace_id": TRACE}
    assert registry.get_sample_value("weir_end_to_end_seconds_count") == 4


def test_the_plain_text_format_has_none() -> None:
    registry = CollectorRegistry()
    Metrics(registry).answered_after([0.4], [Traced(0.4, TRACE)])
    assert TRACE not in generate_latest(registry).decode()
