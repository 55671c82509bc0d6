"""The rows as files, and what `weir predict` says of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from typer.testing import CliRunner

from streams.cli.main import app
from tests.kafka.parity.cells import Row
from tests.kafka.parity.models import SCHEMA
from tests.kafka.parity.said import Answer, Door, Refusal, answer_of

COLUMNS = ("id", "time", *SCHEMA.names)
_TYPES = {"number": pa.float64(), "boolean": pa.bool_(), "category": pa.string()}


def predict(
    door: Door, rows: Sequence[Row], model: str, folder: Path, env: Mapping[str, str]
) -> dict[tuple[str, int], Answer | Refusal]:
    """What the command says of each row by the model."""
    source, out = folder / f"{model}.{door}", folder / f"{model}.out.{door}"
    _WRITE[door](source, rows)
    columns = [] if door is Door.LINES else ["--id", "id", "--time", "time"]
    done = CliRunner().invoke(app, ["predict", str(source), str(out), "--model", model, "--json", *columns], env=env)
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == len(rows)
    said: dict[tuple[str, int], Answer | Refusal] = {}
    for line in (folder / f"{out.name}.rejected.jsonl").read_bytes().splitlines():
        told = json.loads(line)
        # A cell is quoted in another spelling than a value of JSON: only of events the words are the same.
        error = told["error"] if door is Door.LINES else None
        said[model, rows[told["row"] - 1].number] = Refusal(told["stage"], told["reason"], error)
    answered = [row.number for row in rows if (model, row.number) not in said]
    for number, told in zip(answered, _READ[door](out), strict=True):
        said[model, number] = answer_of({key: value for key, value in told.items() if value is not None}, told["id"])
    return said


def _write_lines(path: Path, rows: Sequence[Row]) -> None:
    path.write_bytes(b"".join(row.value + b"\n" for row in rows))


def _write_csv(path: Path, rows: Sequence[Row]) -> None:
    lines = [b",".join(_cell(column) for column in COLUMNS)]
    lines += [b",".join(_cell((row.cells or {}).get(column)) for column in COLUMNS) for row in rows]
    path.write_bytes(b"".join(line + b"\r\n" for line in lines))


def _cell(value: Any) -> bytes:
    """As RFC 4180 has it. A text stands in quotes, so that none is taken for a spelling of null."""
    match value:
        case None:
            return b""
        case bytes():
            return b'"' + value.replace(b'"', b'""') + b'"'
        case str():
            return _cell(value.encode())
        case bool():
            return b"true" if value else b"false"
    return b"%s" % (value if isinstance(value, str) else repr(value)).encode()


def _write_parquet(path: Path, rows: Sequence[Row]) -> None:
    types = {"id": pa.string(), "time": pa.string(), **{each.name: _TYPES[each.kind] for each in SCHEMA.features}}
    table = pa.table(
        {name: pa.array([_typed((row.cells or {}).get(name), name) for row in rows], of) for name, of in types.items()}
    )
    pyarrow.parquet.write_table(table, path, row_group_size=777)


def _typed(value: Any, name: str) -> Any:
    if name == "time" and isinstance(value, int):
        return datetime.fromtimestamp(value / 1000, UTC).isoformat(timespec="milliseconds")
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def _read_csv(path: Path) -> list[dict[str, Any]]:
    """Numbers by Python's own hand: what is lost in writing them would show."""
    options = pyarrow.csv.ConvertOptions(
        column_types={name: pa.string() for name in ("id", "score", "version")},
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
    found = pyarrow.csv.read_csv(path, convert_options=options, parse_options=parse).to_pylist()
    for told in found:
        told["score"] = None if told.get("score") is None else float(told["score"])
        told["scores"] = None if told.get("scores") is None else json.loads(told["scores"])
    return found


def _read_parquet(path: Path) -> list[dict[str, Any]]:
    return list(pyarrow.parquet.read_table(path).to_pylist())


_WRITE = {Door.LINES: _write_lines, Door.CSV: _write_csv, Door.PARQUET: _write_parquet}
_READ = {Door.LINES: _read_lines, Door.CSV: _read_csv, Door.PARQUET: _read_parquet}
