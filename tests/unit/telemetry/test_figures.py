"""What a process tells of itself is what its metrics say."""

from __future__ import annotations

from collections import Counter

from prometheus_client import CollectorRegistry

from streams.contracts import Reason, ServedBy, Stage
from streams.page.figures import MOST, MOST_BYTES, MOST_MODELS, OTHERS, decode_figures, encode_figures, readable
from streams.telemetry.busy import Activity
from streams.telemetry.figures import Identity, take_figures
from streams.telemetry.metrics import Metrics
from streams.telemetry.progress import Progress

IDENTITY = Identity("p", "w-0", "host", 0.25, ("predict", "drift"))


class Process:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)
        self.progress = Progress(["predict"], needs_model=True, deadline_s=10.0, now=0.0)

    def figures(self):
        taken = take_figures(IDENTITY, self.registry, self.progress, 1.0)
        assert decode_figures(encode_figures(taken)) == taken
        return taken


def test_a_process_that_did_nothing_yet() -> None:
    taken = Process().figures()
    assert (taken.slot, taken.roles, taken.live, taken.ready) == ("w-0", ("predict", "drift"), True, False)
    assert "no model is loaded yet" in taken.why
    assert (taken.answers, taken.uptime_ms, taken.scores) == ({}, 750, {})


def test_totals_levels_and_buckets() -> None:
    process = Process()
    metrics = process.metrics
    metrics.assigned("events", [0, 1])
    metrics.lag("events", 1, 42)
    metrics.batch_committed("events", 10, 0.01)
    metrics.predictions("churn", "1", {"model": 6})
    metrics.predictions("churn", "2", {"model": 1, "rule": 2})
    metrics.degraded("churn", Counter({ServedBy.MODEL: 7, ServedBy.RULE: 3}))
    metrics.dead_letters("churn", Stage.DECODE, Reason.JSON, 1)
    metrics.prediction_classes("churn", {"yes": 4, "no": 5})
    metrics.prediction_scores("churn", [0.02, 0.02, 0.97])
    metrics.prediction_scores("fraud", [0.5])
    metrics.answered_after([0.003, 0.003, 700.0])
    metrics.model_active("churn", "2")
    metrics.breaker_open("churn", is_open=True)
    metrics.worker_spent(Activity.BUSY, 1.0)
    metrics.drift_statistic("churn", "age", 3.25)
    metrics.drift_statistic("churn", "metric/score", float("nan"))
    taken = process.figures()
    assert taken.answers == {"churn": {"model": 7, "rule": 2}}
    assert taken.rungs["churn"]["rule"] == 0.3
    assert taken.dead_letters == {"churn": {"json": 1}}
    assert taken.classes == {"churn": {"no": 5, "yes": 4}}
    assert (sum(taken.scores["churn"]), taken.scores["churn"][1], taken.scores["churn"][20]) == (3, 2, 1)
    assert sum(taken.scores["fraud"]) == 1
    assert (taken.latency[0], taken.latency[-1], sum(taken.latency)) == (2, 1, 3)
    assert taken.lag == {"events": {"0": 0, "1": 42}}
    assert (taken.models, taken.spared) == ({"churn": "2"}, ("churn",))
    assert taken.busy["busy"] == 1.0
    assert taken.distance == {"churn/age": 3.25}


def test_a_record_stays_small_whatever_names_come() -> None:
    process = Process()
    for number in range(300):
        process.metrics.prediction_classes("churn", {f"class {number}": number + 1})
        process.metrics.drift_statistic("churn", f"feature {number}", float(number))
    taken = process.figures()
    assert len(taken.classes["churn"]) == len(taken.distance) == MOST
    assert sum(taken.classes["churn"].values()) == 300 * 301 // 2
    assert OTHERS in taken.classes["churn"]
    assert len(encode_figures(taken)) < MOST_BYTES / 8


def test_a_worker_with_more_than_a_record_holds_is_seen_all_the_same() -> None:
    process = Process()
    for number in range(200):
        model = f"model {number:03d} " + "x" * 300
        process.metrics.predictions(model, "1", {"model": 1})
        process.metrics.model_active(model, "1" * 300)
        process.metrics.prediction_scores(model, [0.5])
        process.metrics.prediction_classes(model, {f"{label} " + "y" * 200: 1 for label in range(40)})
    taken, left_out = readable(take_figures(IDENTITY, process.registry, process.progress, 1.0))
    assert decode_figures(encode_figures(taken)) == taken
    assert len(taken.models) == MOST_MODELS
    assert taken.answers
    assert left_out[0] == "classes", "what matters least goes first"
