"""Kafka keys of the rows of a file: the bytes that a producer would have sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv

from models.columns import kind_of
from models.errors import ModelError


def keys_of(values: Any, column: str, where: str) -> list[bytes | None]:
    """Of one Arrow array: of strings their bytes, of whole numbers their digits. Raises ModelError for others."""
    if not pa.types.is_integer(values.type) and kind_of(column, values.type, where) != "category":
        raise ModelError(
            f"column {column!r} is no key: it is of type {values.type}",
            where=where,
            cause="keys are strings or whole numbers",
            fix="convert the column, or name another with --key",
        )
    return [None if value is None else str(value).encode() for value in values.to_pylist()]


def keys_of_csv(path: Path, column: str) -> list[bytes | None]:
    """Each cell as it is written, none where it is empty.

    Read by itself: the type of a column follows from the other rows of its file, so that 00042 would be a number in one
    file and a text in the next, and two keys. Raises pyarrow.ArrowException.
    """
    options = pyarrow.csv.ConvertOptions(
        include_columns=[column],
        column_types={column: pa.string()},
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    (values,) = pyarrow.csv.read_csv(path, convert_options=options).columns
    return [None if value is None else value.encode() for value in values.to_pylist()]
