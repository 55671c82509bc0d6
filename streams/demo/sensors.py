"""The demo's data: Shuttle, nine sensor readings of a space shuttle and whether they were abnormal.

49,097 real rows (UCI Statlog, by way of ODDS) that River ships. Only the file is used: importing River takes longer
than reading it.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

NAME = "Shuttle"
FILE = "datasets/shuttle.csv.gz"


class DataMissing(Exception):
    """River's installation lacks the data set."""

    def __init__(self, place: str) -> None:
        super().__init__(
            f"the demo's data set is not in {place}; likely cause: a damaged installation; fix: make setup"
        )


@dataclass(frozen=True, slots=True)
class SensorData:
    """n readings: `readings` is n x features of whole numbers, `anomalous` says which rows were abnormal.

    `rows` are their numbers in the data set.
    """

    features: tuple[str, ...]
    readings: NDArray[np.int64]
    anomalous: NDArray[np.bool_]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, index: NDArray[np.int64]) -> SensorData:
        return SensorData(self.features, self.readings[index], self.anomalous[index], self.rows[index])


def load_shuttle() -> SensorData:
    """All rows, in the order of the file. Raises DataMissing."""
    spec = find_spec("river")
    folders = spec.submodule_search_locations if spec else None
    path = Path(folders[0] if folders else "river") / FILE
    try:
        with gzip.open(path, "rt") as file:
            features = tuple(file.readline().strip().split(",")[:-1])
            table = np.loadtxt(file, delimiter=",", dtype=np.int64)
    except OSError as error:
        raise DataMissing(str(path)) from error
    return SensorData(features, table[:, :-1], table[:, -1] == 1, np.arange(len(table)))


def halves(data: SensorData, seed: int) -> tuple[SensorData, SensorData]:
    """Two disjoint halves, drawn at random: one to train on, one to replay. By file order they would differ."""
    order = np.random.default_rng(seed).permutation(len(data))
    middle = len(data) // 2
    return data.take(np.sort(order[:middle])), data.take(np.sort(order[middle:]))
