from __future__ import annotations

from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from models.isolated import Loss
from streams.telemetry.isolation import LOG_EVERY_S, LossTelemetry
from streams.telemetry.metrics import Metrics


def test_every_loss_is_counted_and_now_and_then_one_is_logged() -> None:
    registry, now, signs = CollectorRegistry(), [0.0], []
    telemetry = LossTelemetry("churn", 2000, Metrics(registry), lambda: signs.append(now[0]), lambda: now[0])
    with capture_logs() as logs:
        for number in range(1, 21):
            telemetry.lost(Loss(cause="deadline", rows=8192, in_a_row=number, why="no answer within 2000 ms"))
        now[0] += LOG_EVERY_S
        telemetry.lost(Loss(cause="died", rows=1, in_a_row=21, why="the model's process was ended by SIGSEGV"))
    assert [(each["rows"], each["deadline_ms"], each["without_answer"], each["not_logged"]) for each in logs] == [
        (8192, 2000, 1, 0),
        (1, 2000, 21, 19),
    ]
    assert {each["log_level"] for each in logs} == {"warning"} and "SIGSEGV" in logs[1]["why"]
    assert signs == [0.0] * 20 + [LOG_EVERY_S]
    read = registry.get_sample_value
    assert read("weir_model_restarts_total", {"model": "churn", "cause": "deadline"}) == 20
    assert read("weir_model_restarts_total", {"model": "churn", "cause": "died"}) == 1
