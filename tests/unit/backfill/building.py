"""What the tests of files share: a model with one feature of each sort, rows, and files of them in each format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from sklearn.linear_model import LogisticRegression

from models.fallback import NO_FALLBACK, Fallback
from models.preprocessing.declared import Preprocessing
from models.preprocessing.encode import OneHot
from models.schema import Feature, InputSchema, Kind
from streams.modelling import publish_estimator

SCHEMA = InputSchema(
    (
        Feature("size %", minimum=-3.0),
        Feature("plan", Kind.CATEGORY, categories=("free", "pro")),
        Feature("member", Kind.BOOLEAN),
    )
)
STEPS = Preprocessing((OneHot(("plan",)),))


def publish(
    registry: Path, *, version: str = "1", fallback: Fallback = NO_FALLBACK, nullable: bool = False, seed: int = 0
) -> None:
    """A logistic regression that publishes the probability of each class. It raises for a null, where one is let in."""
    rng = np.random.default_rng(seed)
    coded = np.column_stack((rng.normal(size=400), rng.integers(0, 2, 400), rng.integers(0, 2, 400))).astype(float)
    prepared = np.column_stack((coded[:, 0], coded[:, 1] == 0, coded[:, 1] == 1, coded[:, 2])).astype(float)
    publish_estimator(
        registry,
        "m",
        LogisticRegression().fit(prepared, (coded.sum(axis=1) > 1).astype(int)),
        InputSchema((Feature("size %", minimum=-3.0, nullable=nullable), *SCHEMA.features[1:])),
        coded,
        version=version,
        labels={"0": "no", "1": "yes"},
        class_scores=True,
        fallback=fallback,
        preprocessing=STEPS,
    )


def rows(count: int) -> list[dict[str, Any]]:
    """One in about 700 is below the least size."""
    rng = np.random.default_rng(5)
    columns = rng.normal(size=count).tolist(), rng.choice(["free", "pro"], count).tolist(), rng.random(count).tolist()
    return [{"size %": size, "plan": plan, "member": draw < 0.3} for size, plan, draw in zip(*columns, strict=True)]


def write(path: Path, given: list[dict[str, Any]], *, group_rows: int = 700) -> Path:
    """In the format of the ending."""
    table = pa.Table.from_pylist(given)
    match path.suffix:
        case ".parquet":
            pyarrow.parquet.write_table(table, path, row_group_size=group_rows)
        case ".csv":
            pyarrow.csv.write_csv(table, path)
        case _:
            path.write_text("".join(json.dumps(row) + "\n" for row in given))
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]
