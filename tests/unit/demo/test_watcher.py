from __future__ import annotations

import msgspec

from streams.contracts import HEADER_SOURCE, Prediction, Source
from streams.demo.injection import Injection
from streams.demo.summary import Summary, detection, in_words, summarise
from streams.demo.watcher import Watcher
from streams.kafka.following import Followed
from streams.settings import TopicSettings

TOPICS = TopicSettings(prefix="x.")
INJECTION = Injection("f1", 0, 19)
CONTRACT = {
    "events", "predictions", "dead_letters", "tombstones", "alerts", "injected", "seed", "first_prediction_s",
    "detection_delay_s", "throughput_per_s", "p50_ms", "p99_ms",
}  # fmt: skip
START_MS = 1_772_323_200_000  # 2026-03-01T00:00:00Z


def _event(offset: int, value: bytes | None = b"{}") -> Followed:
    return Followed("x.events", 0, offset, value, None)


def _prediction(offset: int) -> Followed:
    prediction = Prediction(
        id=f"x.events/0/{offset}/shuttle",
        event_id="e",
        time="2026-03-01T00:00:01.000Z",
        model="shuttle",
        version="1",
        prediction="normal",
        served_by="model",
        degraded=False,
        source=Source("x.events", 0, offset),
    )
    return Followed("x.predictions", 0, offset * 2, msgspec.json.encode(prediction), None)


def _alert(feature: str, state: str = "firing") -> Followed:
    value = msgspec.json.encode({"state": state, "severity": "ticket", "signal": {"feature": feature}})
    return Followed("x.alerts", 0, 0, value, None)


def _watched() -> Watcher:
    watcher = Watcher(TOPICS)
    watcher.take([_event(0), _event(1), _event(2, None), _event(3), _prediction(0)], START_MS + 1_010)
    watcher.take([_prediction(1), _alert("f3")], START_MS + 1_030)
    dead = Followed("x.dead-letters", 0, 0, b"{}", [("weir-stage", b"decode"), (HEADER_SOURCE, b"x.events/0/3")])
    watcher.take([dead, _alert("f1"), _alert("f1", "resolved")], START_MS + 2_500)
    return watcher


def _summary(watcher: Watcher, injected_at_ms: int | None = START_MS + 2_000) -> Summary:
    return summarise(
        watcher.counts(),
        watcher.alerts(),
        INJECTION,
        injected_at_ms=injected_at_ms,
        command_at_ms=START_MS - 5_000,
        seed=42,
    )


def test_the_object_is_the_contracts() -> None:
    summary = msgspec.to_builtins(_summary(_watched()))
    assert summary.keys() == CONTRACT
    assert summary["events"] == 4
    assert (summary["predictions"], summary["dead_letters"], summary["tombstones"]) == (2, 1, 1)
    assert summary["injected"] == {"feature": "f1", "kind": "shift", "at": "2026-03-01T00:00:02.000Z"}
    assert summary["seed"] == 42
    assert [alert["state"] for alert in summary["alerts"]] == ["firing", "firing", "resolved"]


def test_times_are_from_the_command_and_from_the_event() -> None:
    summary = _summary(_watched())
    assert summary.first_prediction_s == 6.01
    assert (summary.p50_ms, summary.p99_ms) == (10, 30)
    assert summary.detection_delay_s == 0.5
    assert summary.throughput_per_s == round(2 / 0.03, 1)


def test_nothing_happened_and_nothing_is_made_up() -> None:
    summary = _summary(Watcher(TOPICS), None)
    assert summary.events == 0
    assert summary.alerts == []
    for name in ("injected", "first_prediction_s", "detection_delay_s", "throughput_per_s", "p50_ms", "p99_ms"):
        assert getattr(summary, name) is None, name
    assert "no drift was injected" in in_words(summary, Watcher(TOPICS).counts())


def test_an_alert_counts_as_the_detection_only_on_the_sensor_and_after_the_injection() -> None:
    alerts = _watched().alerts()
    assert detection(alerts, "f3", START_MS + 2_000) is None
    assert detection(alerts, "f2", 0) is None
    found = detection(alerts, "f1", START_MS + 2_000)
    assert found is not None
    assert found.record["state"] == "firing"


def test_an_event_without_an_answer_is_said() -> None:
    watcher = _watched()
    watcher.take([_event(4)], START_MS + 3_000)
    assert not watcher.answered(5)
    words = in_words(_summary(watcher), watcher.counts())
    assert "THEY DIFFER" in words and "1 events without an answer" in words


def test_all_events_sent_must_have_been_read() -> None:
    assert _watched().answered(4)
    assert not _watched().answered(5)
