"""What is to be done with each piece, in words that another process can read; and the parts made of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from models.errors import ModelError
from models.isolated import isolated_model
from models.registry import Registry
from models.schema import InputSchema
from models.signing import TrustedKeys
from streams.backfill.answers import AnswerFormat
from streams.backfill.arrow_rows import ArrowRows
from streams.backfill.csv_rows import CsvRows
from streams.backfill.json_rows import JsonRows
from streams.backfill.kept import kept_of
from streams.backfill.piece import PieceAnswering, ReadRows
from streams.limits import Limits, UnknownFeatures

RowFormat: TypeAlias = Literal["csv", "jsonl", "parquet"]


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a model, by its digest; how rows are read and answers written. `header`: all columns of CSV;
    `kept`: those to `keep`, as a serialised Arrow schema."""

    registry: str
    trusted_keys: str | None
    model: str
    version: str
    digest: str
    isolation: Literal["thread", "process"]
    deadline_ms: int
    limits: Limits
    unknown_features: UnknownFeatures
    rows: RowFormat
    answers: AnswerFormat
    header: tuple[str, ...] = ()
    id_column: str | None = None
    time_column: str | None = None
    keep: tuple[str, ...] = ()
    kept: bytes = b""


def answering_of(task: Task) -> tuple[PieceAnswering, Callable[[], None]]:
    """What answers pieces, and what ends it. Raises ModelError."""
    keys = TrustedKeys.read(Path(task.trusted_keys)) if task.trusted_keys else TrustedKeys()
    registry = Registry(Path(task.registry), keys)
    artifact = registry.artifact(task.model, task.version)
    if artifact.manifest.digest != task.digest:
        raise ModelError(
            "the version is another one than at the start",
            where=registry.where(artifact),
            cause="it was removed and added again meanwhile",
            fix="start over with --restart",
        )
    if task.isolation == "process":
        model, close = isolated_model(
            registry, artifact, deadline_s=task.deadline_ms / 1000, on_loss=lambda _loss: None
        )
    else:
        model, close = registry.load(task.model, task.version), lambda: None
    read_rows = _rows_reader(task, model.schema)
    return (
        PieceAnswering(
            model,
            model.manifest,
            task.limits,
            task.unknown_features,
            read_rows,
            task.answers,
            kept_of(task.kept),
        ),
        close,
    )


def _rows_reader(task: Task, schema: InputSchema) -> ReadRows:
    id_, time = task.id_column, task.time_column
    match task.rows:
        case "csv":
            return CsvRows(task.header, {each.name: each.kind for each in schema.features}, id_, time, task.keep)
        case "parquet":
            return ArrowRows(schema.names, id_, time, task.keep)
    return JsonRows(
        schema,
        id_column=id_,
        time_column=time,
        keep=task.keep,
        without_own=task.unknown_features == "reject",
        strict_json=task.limits.strict_json,
    )
