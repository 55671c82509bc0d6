"""Series over time, and which alerts they should lead to. A sample a minute; ``0+5x60`` is 0, 5, … for an hour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """`fires`: the labels of the one alert that there should be at that time, beside its severity; None: none should.
    `summary` is what is told; `description` only where it has figures."""

    alert: str
    about: str
    series: Mapping[str, str]
    at: str
    fires: Mapping[str, str] | None = None
    summary: str = ""
    description: str | None = None
    name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", f"{self.alert}: {self.about}")


JOB = {"job": "predict"}
MODEL = {"job": "predict", "model": "churn"}


def events(minute: int, late: int, minutes: int = 600, **dead: int) -> dict[str, str]:
    """Events a minute, how many of them are late, and dead letters by reason."""
    series = {
        'weir_end_to_end_seconds_count{job="predict",instance="a"}': f"0+{minute}x{minutes}",
        'weir_end_to_end_seconds_bucket{job="predict",instance="a",le="5.0"}': f"0+{minute - late}x{minutes}",
    }
    for reason, count in dead.items():
        labels = f'job="predict",instance="a",model="churn",stage="s",reason="{reason}"'
        series[f"weir_dead_letters_total{{{labels}}}"] = f"0+{count}x{minutes}"
    return series


def requests(good: int, failed: int, route: str = "/predict") -> dict[str, str]:
    """Requests a minute, and how many fail beside them."""
    labels = f'job="http",instance="a",route="{route}"'
    return {
        f'weir_http_requests_total{{{labels},status="200"}}': f"0+{good}x600",
        f'weir_http_requests_total{{{labels},status="503"}}': f"0+{failed}x600",
    }


def latencies(metric: str, labels: str, fast: int, slow: int, fast_le: str, slow_le: str) -> dict[str, str]:
    """A histogram with values in two buckets, a minute."""
    return {
        f'{metric}_bucket{{{labels},le="{fast_le}"}}': f"0+{fast}x60",
        f'{metric}_bucket{{{labels},le="{slow_le}"}}': f"0+{fast + slow}x60",
        f'{metric}_bucket{{{labels},le="+Inf"}}': f"0+{fast + slow}x60",
    }


def answered(predictions: int, dead: int) -> dict[str, str]:
    """Events a minute that were answered, and that became dead letters."""
    return {
        'weir_predictions_total{job="predict",model="churn",version="1",served_by="model"}': f"0+{predictions}x60",
        'weir_dead_letters_total{job="predict",model="churn",stage="validate",reason="time"}': f"0+{dead}x60",
    }


def lag(topic: str, waiting: str, consumed: str) -> dict[str, str]:
    return {
        f'weir_consumer_lag_records{{job="predict",instance="a",topic="{topic}",partition="0"}}': waiting,
        f'weir_records_consumed_total{{job="predict",instance="a",topic="{topic}"}}': consumed,
    }


def two(metric: str, labels: str, one: str, other: str) -> dict[str, str]:
    """The same series at two workers."""
    extra = f",{labels}" if labels else ""
    return {
        f'{metric}{{job="predict",instance="a"{extra}}}': one,
        f'{metric}{{job="predict",instance="b"{extra}}}': other,
    }


def burst(all_of: str, good: str) -> dict[str, str]:
    """Six hours without a fault, then 3 % of 6,000 a minute."""
    return {all_of: "0+6000x420", good: "0+6000x360 2165820+5820x60"}


OBJECTIVES = [
    Case("WeirEventsMissed", "much at once", burst(
        'weir_end_to_end_seconds_count{job="predict"}', 'weir_end_to_end_seconds_bucket{job="predict",le="5.0"}',
    ), "400m", JOB, "predict misses 2% of its events"),
    Case("WeirEventsMissed", "1 % for hours", events(6000, 60), "5h", JOB, "predict misses 1% of its events"),
    Case("WeirEventsMissed", "2 % are late", events(6000, 120), "90m", JOB, "predict misses 2% of its events"),
    Case("WeirEventsMissed", "of all workers", {
        **events(6000, 0), 'weir_end_to_end_seconds_count{job="predict",instance="b"}': "0+6000x600",
        'weir_end_to_end_seconds_bucket{job="predict",instance="b",le="5.0"}': "0+5400x600",
    }, "90m", JOB, "predict misses 5% of its events"),
    Case("WeirEventsMissed", "the model fails", events(6000, 0, model_error=120), "90m", JOB,
         "predict misses 2% of its events"),
    Case("WeirEventsMissed", "their senders are to blame", events(6000, 0, feature_missing=600, no_model=600), "90m"),
    Case("WeirEventsMissed", "too slow for a page", events(6000, 30), "90m"),
    Case("WeirEventsMissed", "over for half an hour", {
        'weir_end_to_end_seconds_count{job="predict"}': "0+6000x60 366000+6000x39",
        'weir_end_to_end_seconds_bucket{job="predict",le="5.0"}': "0+5880x60 358800+6000x39",
    }, "100m"),
    Case("WeirEventsMissedSlowly", "0.5 % for hours", events(6000, 30), "4h", JOB,
         "predict misses 0.5% of its events, for hours"),
    Case("WeirEventsMissedSlowly", "0.2 % for hours", events(6000, 12), "8h", JOB,
         "predict misses 0.2% of its events, for hours"),
    Case("WeirEventsMissedSlowly", "within the budget", events(6000, 3), "8h"),
    Case("WeirRequestsFail", "2 % fail", requests(5880, 120), "90m", {"job": "http"},
         "http fails 2% of the requests over HTTP"),
    Case("WeirRequestsFail", "1 % for hours", requests(5940, 60), "5h", {"job": "http"},
         "http fails 1% of the requests over HTTP"),
    Case("WeirRequestsFail", "much at once", {
        'weir_http_requests_total{job="http",route="/predict",status="200"}': "0+6000x360 2165820+5820x60",
        'weir_http_requests_total{job="http",route="/predict",status="503"}': "0x360 180+180x60",
    }, "400m", {"job": "http"}, "http fails 2% of the requests over HTTP"),
    Case("WeirRequestsFail", "a probe says no", {**requests(0, 600, "/readyz"), **requests(6000, 0)}, "90m"),
    Case("WeirRequestsFail", "nothing was ever wrong", {
        'weir_http_requests_total{job="http",route="/predict",status="200"}': "0+600x600",
    }, "90m"),
    Case("WeirRequestsFailSlowly", "0.5 % for hours", requests(5970, 30, "/v2/models/{model}/infer"), "4h",
         {"job": "http"}, "http fails 0.5% of the requests over HTTP, for hours"),
    Case("WeirRequestsFailSlowly", "within the budget", requests(5997, 3), "8h"),
]  # fmt: skip

WORKERS = [
    Case("WeirAbsent", "one job is gone", {
        'weir_ready{job="predict",instance="a"}': "1x10", 'weir_ready{job="drift",instance="b"}': "1x60",
    }, "30m", JOB, "No worker of predict can be scraped"),
    Case("WeirAbsent", "there is none at all", {'up{job="other"}': "1x60"}, "30m", {},
         "No worker of Weir can be scraped"),
    Case("WeirAbsent", "it misses a scrape or two", {'weir_ready{job="predict",instance="a"}': "1x10 _x3 1x40"}, "14m"),
    Case("WeirNoneReady", "of two", two("weir_ready", "", "0x60", "0x60"), "10m", JOB, "No worker of predict is ready"),
    Case("WeirNoneReady", "one is", two("weir_ready", "", "0x60", "1x60"), "30m"),
    Case("WeirNotReady", "one of two", two("weir_ready", "", "0x60", "1x60"), "20m", {**JOB, "instance": "a"},
         "a is not ready", "/readyz of a says why. Others of predict may answer in its place."),
    Case("WeirNotReady", "it starts", two("weir_ready", "", "0x9 1x60", "1x60"), "20m"),
    Case("WeirBrokerAway", "from all",
         two("weir_worker_busy_ratio", 'state="back_pressured"', "0.95x60", "1x60"), "10m", JOB,
         "Kafka takes nothing from the workers of predict",
         "Each of them waits for the broker for 95% of its time, or more."),
    Case("WeirBrokerAway", "from one",
         two("weir_worker_busy_ratio", 'state="back_pressured"', "0.1x60", "1x60"), "30m"),
    Case("WeirTransactionsUndone", "a tenth", {
        'weir_transaction_seconds_count{job="predict",outcome="committed"}': "0+90x60",
        'weir_transaction_seconds_count{job="predict",outcome="unknown"}': "0+10x60",
    }, "30m", JOB, "10% of the transactions of predict do not commit"),
    Case("WeirTransactionsUndone", "now and then", {
        'weir_transaction_seconds_count{job="predict",outcome="committed"}': "0+99x60",
        'weir_transaction_seconds_count{job="predict",outcome="aborted"}': "0+1x60",
    }, "30m"),
    Case("WeirNoHeadroom", "both", two("weir_worker_busy_ratio", 'state="busy"', "1x60", "0.9x60"), "40m", JOB,
         "The workers of predict are busy for 95% of their time"),
    Case("WeirNoHeadroom", "for a while", two("weir_worker_busy_ratio", 'state="busy"', "1x20 0.5x40", "1x60"), "40m"),
]  # fmt: skip

EVENTS = [
    Case("WeirRecordsLost", "once", {'weir_records_deleted_unread_total{job="predict",topic="events"}': "0x10 40x50"},
         "15m", {**JOB, "topic": "events"}, "40 records of events were deleted before they were read"),
    Case("WeirRecordsLost", "yesterday",
         {'weir_records_deleted_unread_total{job="predict",topic="events"}': "40x90"}, "80m"),
    Case("WeirStuck", "nothing is committed", lag("eu.events", "500x60", "1000x60"), "15m",
         {**JOB, "topic": "eu.events"}, "predict answers nothing, and 500 records of eu.events wait"),
    Case("WeirStuck", "nothing ever was", {
        'weir_consumer_lag_records{job="predict",topic="orders",partition="0"}': "500x60",
    }, "15m", {**JOB, "topic": "orders"}, "predict answers nothing, and 500 records of orders wait"),
    Case("WeirStuck", "it goes on", lag("events", "500x60", "0+10x60"), "30m"),
    Case("WeirStuck", "nothing waits", lag("events", "0x60", "1000x60"), "30m"),
    Case("WeirStuck", "no answer depends on it", lag("observations", "500x60", "1000x60"), "30m"),
    Case("WeirStuckAside", "drift reads nothing", lag("eu.observations", "500x60", "1000x60"), "20m",
         {**JOB, "topic": "eu.observations"}, "predict reads nothing of eu.observations, where 500 records wait"),
    Case("WeirStuckAside", "it goes on", lag("observations", "500x60", "0+10x60"), "30m"),
    Case("WeirStuckAside", "events are for a page", lag("events", "500x60", "1000x60"), "30m"),
    Case("WeirLagGrows", "ever more", lag("events", "100000+6000x60", "0+6000x60"), "30m",
         {**JOB, "topic": "events"}, "predict does not keep up: 280k records of events wait, ever more"),
    Case("WeirLagGrows", "it catches up", lag("events", "400000-6000x60", "0+6000x60"), "30m"),
    Case("WeirLagGrows", "seconds of work", lag("events", "10+5x60", "0+6000x60"), "30m"),
    Case("WeirSlow", "a tenth takes 5 to 10 s",
         latencies("weir_end_to_end_seconds", 'job="predict"', 90, 10, "5.0", "10.0"), "20m", JOB,
         "One answer in a hundred of predict takes more than 9.5s"),
    Case("WeirSlow", "one in a thousand",
         latencies("weir_end_to_end_seconds", 'job="predict"', 999, 1, "2.0", "10.0"), "20m"),
    Case("WeirDeadLetters", "3 %", answered(97, 3), "20m", MODEL, "3% of the events to churn become dead letters"),
    Case("WeirDeadLetters", "some", answered(995, 5), "20m"),
    Case("WeirMostRefused", "all", {
        'weir_dead_letters_total{job="predict",model="churn",stage="decode",reason="json"}': "0+60x60",
    }, "15m", MODEL, "100% of the events to churn become dead letters"),
    Case("WeirMostRefused", "a third", answered(200, 100), "20m"),
]  # fmt: skip

_LOADS = 'weir_model_load_failures_total{job="predict",model="churn"}'
_RESTARTS = 'weir_model_restarts_total{job="predict",model="churn",cause="died"}'

MODELS = [
    Case("WeirDegraded", "by two rungs", {
        **two("weir_degraded", 'model="churn",rung="rule"', "0.02x60", "0.01x60"),
        **two("weir_degraded", 'model="churn",rung="cache"', "0x60", "0.03x60"),
    }, "5m", MODEL, "5% of the answers of churn do not come from the model"),
    Case("WeirDegraded", "a few", two("weir_degraded", 'model="churn",rung="rule"', "0.005x60", "0x60"), "5m"),
    Case("WeirModelSpared", "at one worker", two("weir_breaker_open", 'model="churn"', "0x60", "1x60"), "5m", MODEL,
         "churn fails on everything; its fallback answers"),
    Case("WeirModelSpared", "it answers again", two("weir_breaker_open", 'model="churn"', "0x60", "1x2 0x58"), "5m"),
    Case("WeirModelNotLoaded", "just now", {_LOADS: "0x5 1x55"}, "6m", MODEL, "A version of churn cannot be loaded"),
    Case("WeirModelNotLoaded", "long ago", {_LOADS: "3x60"}, "30m"),
    Case("WeirVersionsDiffer", "for long", {
        'weir_model_active{job="predict",instance="a",model="churn",version="1"}': "1x60",
        'weir_model_active{job="predict",instance="b",model="churn",version="2"}': "1x60",
    }, "20m", MODEL, "Workers of predict answer with 2 versions of churn"),
    Case("WeirVersionsDiffer", "while they change over", {
        'weir_model_active{job="predict",instance="a",model="churn",version="1"}': "1x5 stale",
        'weir_model_active{job="predict",instance="a",model="churn",version="2"}': "_x6 1x50",
        'weir_model_active{job="predict",instance="b",model="churn",version="2"}': "1x60",
    }, "20m"),
    Case("WeirModelRestarts", "again and again", {_RESTARTS: "0+1x60"}, "20m", MODEL,
         "The process of churn was replaced 15 times in 15 minutes"),
    Case("WeirModelRestarts", "twice", {_RESTARTS: "0x5 2x55"}, "20m"),
    Case("WeirKeysLetGo", "by the cap", {
        'weir_keyed_keys_let_go_total{job="predict",model="churn",cause="cap"}': "0+60x90",
    }, "70m", MODEL, "churn forgets keys before their time: 1 a second"),
    Case("WeirKeysLetGo", "by their age", {
        'weir_keyed_keys_let_go_total{job="predict",model="churn",cause="ttl"}': "0+60x90",
    }, "70m"),
    Case("WeirLearnerDiverged", "it has", {
        'weir_learner_examples_total{job="predict",model="churn",fate="diverged"}': "0x5 1+1x50",
    }, "20m", MODEL, "The learner of churn has diverged"),
    Case("WeirLearnerDiverged", "it learns", {
        'weir_learner_examples_total{job="predict",model="churn",fate="learnt"}': "0+1x60",
    }, "20m"),
]  # fmt: skip

_FIRING = 'weir_alerts_firing{job="drift",model="churn",severity='
_DRIFT = {"job": "drift", "model": "churn"}

DRIFT = [
    Case("WeirDriftPage", "one", {_FIRING + '"page"}': "0x5 1x55"}, "6m", _DRIFT,
         "Drift of churn: 1 of severity page"),
    Case("WeirDriftPage", "a ticket is none", {_FIRING + '"ticket"}': "2x60", _FIRING + '"page"}': "0x60"}, "6m"),
    Case("WeirDriftTicket", "two", {_FIRING + '"ticket"}': "2x60"}, "6m", _DRIFT,
         "Drift of churn: 2 of severity ticket"),
    Case("WeirDriftTicket", "resolved", {_FIRING + '"ticket"}': "2x5 0x55"}, "8m"),
    Case("WeirDriftTicket", "for the log", {_FIRING + '"log"}': "2x60"}, "8m"),
    Case("WeirLabelsRefused", "one a minute",
         {'weir_labels_refused_total{job="labels",reason="json"}': "0+1x90"}, "80m",
         {"job": "labels", "reason": "json"}, "60 labels were refused within an hour: json"),
    Case("WeirLabelsRefused", "a few", {'weir_labels_refused_total{job="labels",reason="json"}': "0x30 5x60"}, "80m"),
]  # fmt: skip

_PUBLISHED = 'weir_http_published_total{job="http",model="churn",fate='

HTTP = [
    Case("WeirRequestsSlow", "a tenth takes 1 to 2 s",
         latencies("weir_http_request_seconds", 'job="http",route="/predict"', 90, 10, "1.0", "2.0"), "20m",
         {"job": "http", "route": "/predict"}, "One request in a hundred to /predict takes more than 1.9s"),
    Case("WeirRequestsSlow", "none for answers",
         latencies("weir_http_request_seconds", 'job="http",route="/metrics"', 90, 10, "1.0", "2.0"), "20m"),
    Case("WeirRequestsSlow", "one in a thousand",
         latencies("weir_http_request_seconds", 'job="http",route="/predict"', 999, 1, "0.5", "2.0"), "20m"),
    Case("WeirRequestsNotPublished", "the queue is full", {_PUBLISHED + '"queue_full"}': "0+6x60"}, "20m",
         {"job": "http", "model": "churn", "fate": "queue_full"},
         "60 answered requests did not get to Kafka: queue_full"),
    Case("WeirRequestsNotPublished", "all are", {
        _PUBLISHED + '"delivered"}': "0+6x60", _PUBLISHED + '"failed"}': "9x60",
    }, "20m"),
    Case("WeirFiguresDropped", "for long", two("weir_figures_dropped_total", "", "0x60", "0+1x60"), "25m", JOB,
         "Pages do not see all workers of predict"),
    Case("WeirFiguresDropped", "some time", two("weir_figures_dropped_total", "", "0x60", "4x60"), "25m"),
]  # fmt: skip

CASES = [*OBJECTIVES, *WORKERS, *EVENTS, *MODELS, *DRIFT, *HTTP]
