"""What the benchmark over HTTP reads from wrk, and what it says of it."""

from __future__ import annotations

import pytest

from benchmarks.http_report import Measured, table, verdicts
from benchmarks.http_sides import ALL_ON, FASTAPI_PLAIN, FLASK_OWN, GUNICORN
from benchmarks.wrk import load_of

SAID = """Running 1s test @ http://127.0.0.1:1/predict
Requests/sec:  10.00

{"requests":200,"duration_us":2000000,"failed":1,"p50_us":900,"p99_us":1500}
"""


def test_a_run_of_wrk_is_read_from_its_last_line() -> None:
    load = load_of(SAID, "")
    assert (load.per_s, load.failed, load.p99_us) == (100.0, 1, 1500)
    for said in ("", "unable to connect\n", SAID.replace('"requests":200', '"requests":0')):
        with pytest.raises(RuntimeError):
            load_of(said, "")


def runs(side: str, *rates: float, p99_ms: float = 10.0) -> list[Measured]:
    return [Measured(side, 64, run, rate, 1.0, p99_ms, 100.0, 0) for run, rate in enumerate(rates)]


def test_medians_are_compared_and_a_miss_is_said() -> None:
    others = [*runs(FLASK_OWN, 900, 1000, 5000), *runs(GUNICORN, 2000), *runs(FASTAPI_PLAIN, 1500, p99_ms=20.0)]
    fast = [*others, *runs(ALL_ON, 7000, 8000, 9000)]
    assert [line.rpartition(": ")[2] for line in verdicts(fast)] == ["met", "met", "met"]
    assert "8,000" in str(table(fast))
    assert "7,000 to 9,000" in str(table(fast))
    slow = [*others, *runs(ALL_ON, 1900, p99_ms=30.0)]
    assert [line.rpartition(": ")[2] for line in verdicts(slow)] == ["MISSED", "MISSED", "MISSED"]
    assert verdicts(runs(ALL_ON, 8000)) == [], "nobody to compare with"
