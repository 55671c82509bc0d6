"""A learner's decider, and what the log tells it, for tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from models.manifest import Output, Task
from models.online.declaration import OnlineDeclaration
from models.online.design import column_names
from models.preprocessing.preparation import Preparation
from models.schema import Feature, InputSchema, Kind
from streams.decide.learner import LearnerDecider
from streams.joining.key_index import keys_of
from streams.joining.values import coded
from streams.learning.base import LearnerBase
from streams.learning.records import ExampleRecord, answered_records, encode_example, labelled_records
from streams.learning.state import Base, LearnerState
from streams.records import Decision, RecordBatch

SCHEMA = InputSchema(
    (Feature("x"), Feature("y", nullable=True), Feature("plan", Kind.CATEGORY, categories=("free", "pro")))
)
OUTPUT = Output(Task.BINARY, labels=("no", "yes"))


def base(declared: OnlineDeclaration, output: Output = OUTPUT) -> LearnerBase:
    parameters = declared.untrained(column_names(SCHEMA), len(output.labels))
    return LearnerBase(Base("m", "2", "digest"), SCHEMA, Preparation(SCHEMA), output, parameters)


def decider(declared: OnlineDeclaration | None = None, most: int = 1000, output: Output = OUTPUT) -> LearnerDecider:
    return LearnerDecider(base(declared or OnlineDeclaration(model="logistic_regression"), output), most=most)


def rows_of(numbers: Sequence[int]) -> Any:
    """The features of the events with these numbers: always the same."""
    found = np.array([np.random.default_rng(number).normal(size=3) for number in numbers]).reshape(-1, 3)
    found[:, 2] = found[:, 2] > 0
    found[::5, 1] = np.nan
    return found


def answered(numbers: Sequence[int], **of: str) -> list[ExampleRecord]:
    own = {"model": "m", "learner": "2"} | of
    matrix = np.vstack([rows_of([number]) for number in numbers])
    return [*answered_records(own["model"], own["learner"], keys_of(f"e{n}" for n in numbers), matrix)]


def labelled(
    numbers: Sequence[int], labels: Sequence[Any], right: Sequence[bool] | None = None, version: str = "1"
) -> list[ExampleRecord]:
    keys, given = keys_of(f"e{n}" for n in numbers), np.array(right or [True] * len(numbers))
    return [*labelled_records("m", version, keys, coded(labels), given)]


def truth(number: int) -> str:
    return "yes" if rows_of([number])[0, 0] > 0 else "no"


def batch_of(records: Iterable[ExampleRecord | bytes], first: int = 0) -> RecordBatch:
    values = [record if isinstance(record, bytes) else encode_example(record) for record in records]
    count = len(values)
    return RecordBatch(
        "examples",
        [0] * count,
        [*range(first, first + count)],
        [b"m"] * count,
        [*values],
        [0] * count,
        [None] * count,
    )


def told(of: LearnerDecider, state: LearnerState, records: Iterable[ExampleRecord | bytes]) -> Decision:
    """Decide about one batch, and keep what it leads to."""
    batch = batch_of(records)
    decision = of.decide({0: state}, batch, of.prepare(batch))
    for change in decision.changes.values():
        state.apply(change)
    return decision
