"""What learning costs: the features that predict hands on, and each example that the learner answers and learns."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Literal

import numpy as np

from benchmarks.tables import Table
from models.manifest import Output, Task
from models.online.declaration import OnlineDeclaration
from models.online.design import column_names
from models.preprocessing.preparation import Preparation
from models.schema import Feature, InputSchema
from streams.decide.learner import LearnerDecider
from streams.duplicates import short_ids
from streams.joining.key_index import keys_of
from streams.joining.values import coded
from streams.learning.base import LearnerBase
from streams.learning.records import answered_records, encode_example, labelled_records
from streams.learning.state import Base, LearnerState
from streams.records import RecordBatch

COLUMNS, EVENTS = 10, 20_000


def rates() -> Table:
    """Each model with its scaler, on events with `COLUMNS` numbers."""
    return Table(
        ["model", "features: µs an event", "bytes an event", "examples a second of processor time"],
        [_measured("logistic_regression"), _measured("gaussian_nb")],
        [],
    )


def _measured(model: Literal["logistic_regression", "gaussian_nb"]) -> list[str]:
    schema = InputSchema(tuple(Feature(f"f{number}") for number in range(COLUMNS)))
    parameters = OnlineDeclaration(model=model).untrained(column_names(schema), 2)
    base = LearnerBase(
        of=Base("m", "1", ""),
        schema=schema,
        preparation=Preparation(schema),
        output=Output(Task.BINARY, labels=("no", "yes")),
        parameters=parameters,
    )
    decider = LearnerDecider(base, most=100_000)
    state = decider.load(0, {})
    rows = np.random.default_rng(1).normal(size=(EVENTS, COLUMNS))
    ids = [f"e{number}" for number in range(EVENTS)]
    began = time.process_time()
    keys = keys_of(short_ids(ids))
    answered = [encode_example(record) for record in answered_records("m", "1", keys, rows)]
    telling = time.process_time() - began
    labels = coded("yes" if value > 0 else "no" for value in rows[:, 0])
    labelled = [
        encode_example(record) for record in labelled_records("m", "1", keys, labels, np.ones(EVENTS, dtype=np.bool_))
    ]
    _take(decider, state, answered)
    learning = _take(decider, state, labelled)
    size = sum(map(len, answered)) / EVENTS
    return [model, f"{telling / EVENTS * 1e6:.2f}", f"{size:.0f}", f"{EVENTS / learning:,.0f}"]


def _take(decider: LearnerDecider, state: LearnerState, values: Sequence[bytes]) -> float:
    """Processor seconds of one batch: reading, deciding, keeping."""
    count = len(values)
    batch = RecordBatch(
        "examples", [0] * count, [*range(count)], [b"m"] * count, [*values], [0] * count, [None] * count
    )
    began = time.process_time()
    decision = decider.decide({0: state}, batch, decider.prepare(batch))
    state.apply(decision.changes[0])
    return time.process_time() - began
