"""The demo's model: a small decision tree, fitted in a second and published into a registry of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.metrics import f1_score
from sklearn.tree import DecisionTreeClassifier

from models.schema import Feature, InputSchema
from streams.demo.sensors import SensorData
from streams.modelling import publish_estimator

NORMAL, ANOMALY = "normal", "anomaly"


def train(registry: Path, name: str, training: SensorData, unseen: SensorData) -> float:
    """Fit on one half and publish. Gives F1 of the anomalies on the other, which is used for nothing else.

    Raises ModelError.
    """
    matrix = training.readings.astype(np.float64)
    classes = training.anomalous.astype(int)
    tree = DecisionTreeClassifier(max_depth=6, random_state=0).fit(matrix, classes)
    # No ranges: a sensor that reads too high must show as drift, not as dead letters.
    schema = InputSchema(tuple(Feature(feature) for feature in training.features))
    publish_estimator(registry, name, tree, schema, matrix, target=classes.tolist(), labels={"0": NORMAL, "1": ANOMALY})
    answers = tree.predict(unseen.readings.astype(np.float64))
    return float(f1_score(unseen.anomalous.astype(int), answers))
