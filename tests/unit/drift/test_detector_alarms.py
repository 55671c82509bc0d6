"""False alarms of each detector on streams that do not change, and what it keeps of them."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from drift.detectors import ERROR_DETECTORS, ERRORS, DetectorBench
from drift.settings import DetectorSpec

KEPT_BYTES = 8_000


def alarms_and_bytes(bench: DetectorBench, values: list[float]) -> tuple[int, int]:
    """How often it fired, and the size of its largest state."""
    (detector,) = bench.primed()
    alarms = largest = 0
    for index, value in enumerate(values):
        if detector.update(value):
            alarms += 1
            (detector,) = bench.primed()
        if index % 500 == 0:
            largest = max(largest, len(msgspec.json.encode(detector.dump())))
    return alarms, largest


@pytest.mark.parametrize(
    ("spec", "at_most"),
    [
        (DetectorSpec("ADWIN", {"clock": 1}), 1),
        (DetectorSpec("ADWIN", {"clock": 32}), 1),
        (DetectorSpec("PageHinkley"), 30),
        (DetectorSpec("KSWIN", {"alpha": 0.0001}), 8),
    ],
    ids=str,
)
def test_block_values_that_do_not_change_raise_few_alarms(spec: DetectorSpec, at_most: int) -> None:
    values = np.random.default_rng(11).normal(0, 1, 20_000).tolist()
    alarms, largest = alarms_and_bytes(DetectorBench((spec,)), values)
    assert alarms <= at_most
    assert largest <= KEPT_BYTES


@pytest.mark.parametrize(
    ("name", "at_most"), [("ADWIN", 1), ("DDM", 8), ("EDDM", 100), ("FHDDM", 1), ("HDDM_A", 1), ("HDDM_W", 2)]
)
def test_an_error_rate_that_does_not_change_raises_few_alarms(name: str, at_most: int) -> None:
    bench = DetectorBench((DetectorSpec(name),), ERROR_DETECTORS, ERRORS)
    values = (np.random.default_rng(12).random(100_000) < 0.1).astype(float).tolist()
    alarms, largest = alarms_and_bytes(bench, values[:20_000])
    assert alarms <= at_most
    assert largest <= KEPT_BYTES
    assert alarms_and_bytes(bench, values)[1] <= KEPT_BYTES
