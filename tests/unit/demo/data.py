"""Small sensor data with known answers."""

from __future__ import annotations

import numpy as np

from streams.demo.sensors import SensorData

FEATURES = ("telling", "noise", "constant", "few")


def sensor_data(rows: int = 400) -> SensorData:
    """`telling` is higher for anomalies, `noise` is the same for all, `few` tells but has two values only."""
    generator = np.random.default_rng(7)
    anomalous = np.arange(rows) % 5 == 0
    readings = np.column_stack(
        [
            generator.normal(100, 20, rows).round() + 40 * anomalous,
            generator.normal(0, 50, rows).round(),
            np.full(rows, 3),
            anomalous.astype(int),
        ]
    )
    return SensorData(FEATURES, readings.astype(np.int64), anomalous, np.arange(rows) + 1000)
