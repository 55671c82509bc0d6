"""A row of a file is judged as the event on Kafka is: same answer, same reason."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from models.registry import Registry
from streams.limits import Limits
from streams.pipeline import Pipeline
from tests.unit.backfill.building import lines

GOOD = {"size %": 1.5, "plan": "pro", "member": True}

EVENTS = [
    json.dumps({"id": "good", "features": GOOD}).encode(),
    b"",
    b"  ",
    b"\xff{}",
    b"\xef\xbb\xbf{}",
    b"{",
    b"[1]",
    b"{} {}",
    b"[" * 200,
    b'{"id": "a", "features": 1}',
    b'{"id": "a", "features": {}}',
    b'{"features": {"size %": 1, "plan": "pro", "member": true}}',
    b'{"id": "", "features": {"size %": 1, "plan": "pro", "member": true}}',
    b'{"id": "n", "features": {"size %": NaN, "plan": "pro", "member": true}}',
    b'{"id": "n", "features": {"size %": 1e999, "plan": "pro", "member": true}}',
    b'{"id": "t", "time": "yesterday", "features": {"size %": 1, "plan": "pro", "member": true}}',
    b'{"id": "s", "features": {"size %": 1, "plan": "\\ud800", "member": true}}',
    json.dumps({"id": "x" * 300, "features": GOOD}).encode(),
    json.dumps({"id": "large", "features": GOOD, "more": "x" * 2_000_000}).encode(),
    json.dumps({"id": "last", "features": {**GOOD, "plan": "gold"}}).encode(),
]


def judged(folder: Path, values: list[bytes]) -> dict[int, tuple[str, str]]:
    """Reason and error by row, as a worker would publish them."""
    outcomes = Pipeline(Registry(folder / "registry").load("m"), Limits()).run(values, [0] * len(values))
    return {rejection.row + 1: (rejection.reason, rejection.error) for rejection in outcomes.rejections}


def test_whole_events_are_judged_to_the_word(folder: Path, weir: Callable[..., Any]) -> None:
    (folder / "in.jsonl").write_bytes(b"\n".join(EVENTS))
    assert weir("in.jsonl", "out.jsonl").exit_code == 0
    rejected = lines(folder / "out.jsonl.rejected.jsonl")
    assert {row["row"]: (row["reason"], row["error"]) for row in rejected} == judged(folder, EVENTS)
    assert [answer["id"] for answer in lines(folder / "out.jsonl")] == ["good"]


CELLS: list[tuple[dict[str, Any], str]] = [
    (GOOD, ""),
    ({**GOOD, "size %": None}, "feature_null"),
    ({**GOOD, "size %": -4.0}, "feature_range"),
    ({**GOOD, "size %": math.inf}, "number"),
    ({**GOOD, "plan": "gold"}, "category_unknown"),
    ({**GOOD, "plan": None}, "feature_null"),
    ({**GOOD, "member": None}, "feature_null"),
]


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_a_row_has_the_same_reason_in_each_format(form: str, folder: Path, weir: Callable[..., Any]) -> None:
    given = [row for row, _ in CELLS]
    path = folder / f"in.{form}"
    if form == "parquet":
        pyarrow.parquet.write_table(pa.Table.from_pylist(given), path)
    elif form == "csv":
        texts = [[("" if v is None else str(v)) for v in row.values()] for row in given]
        path.write_text("\n".join(["size %,plan,member", *(",".join(row) for row in texts)]))
    else:
        path.write_text("\n".join(json.dumps(row) for row in given))
    assert weir(path, "out.jsonl").exit_code == 0
    rejected = {row["row"]: row["reason"] for row in lines(folder / "out.jsonl.rejected.jsonl")}
    assert rejected == {number: reason for number, (_, reason) in enumerate(CELLS, 1) if reason}
    events = [json.dumps({"id": "x", "features": row}).encode() for row in given]
    assert rejected == {row: reason for row, (reason, _) in judged(folder, events).items()}


def test_nan_in_parquet_is_no_null(folder: Path, weir: Callable[..., Any]) -> None:
    table = pa.table({"size %": pa.array([math.nan, None]), "plan": ["pro", "pro"], "member": [True, True]})
    pyarrow.parquet.write_table(table, folder / "in.parquet")
    assert weir("in.parquet", "out.csv").exit_code == 0
    assert [row["reason"] for row in lines(folder / "out.csv.rejected.jsonl")] == ["number", "feature_null"]


def test_one_bad_line_of_csv_costs_no_other(folder: Path, weir: Callable[..., Any]) -> None:
    (folder / "in.csv").write_bytes(
        b'\xef\xbb\xbfname,size %,plan,member\r\n"a, ""x""",1,pro,true\r\nb,2\r\n\r\nc,one,pro,true\nd,1,pr\xff,true\n'
        b'"e\nf", 3.,free,FALSE\ng,.5,"pro"x,1\nNA,1,pro,true\nh,1,pro,maybe\ni,1,pro,true'
    )
    assert weir("in.csv", "out.jsonl", "--id", "name").exit_code == 0
    assert [answer["id"] for answer in lines(folder / "out.jsonl")] == ['a, "x"', "e\nf", "i"]
    rejected = lines(folder / "out.jsonl.rejected.jsonl")
    assert [(row["row"], row["reason"]) for row in rejected] == [
        (2, "not_object"),
        (3, "feature_type"),
        (4, "encoding"),
        (6, "not_object"),
        (7, "id_missing"),
        (8, "feature_type"),
    ]
    assert rejected[0]["event"] == "b,2"


def test_a_flat_line_cannot_write_an_event_of_its_own(folder: Path, weir: Callable[..., Any]) -> None:
    """What would be well-formed only between our brackets is refused."""
    good = json.dumps(GOOD)
    (folder / "in.jsonl").write_text(f'{good}, "id": "forged"\n{good}\n')
    assert weir("in.jsonl", "out.jsonl").exit_code == 0
    assert [row["reason"] for row in lines(folder / "out.jsonl.rejected.jsonl")] == ["json"]
    assert [answer["id"] for answer in lines(folder / "out.jsonl")] == ["2"]


def test_ids_and_times_of_flat_lines_come_from_columns(folder: Path, weir: Callable[..., Any]) -> None:
    given = [
        {**GOOD, "n": 7, "at": 1},
        {**GOOD, "n": "seven", "at": "2026-01-01T00:00:00Z"},
        {**GOOD, "n": 1.5},
        {**GOOD, "n": "x", "at": "soon"},
    ]
    (folder / "in.jsonl").write_text("\n".join(map(json.dumps, given)))
    for policy in ("ignore", "reject"):
        (folder / "pipeline.toml").write_text(f'[model]\nunknown_features = "{policy}"\n')
        result = weir("in.jsonl", f"{policy}.jsonl", "--id", "n", "--time", "at", "--config", "pipeline.toml")
        assert result.exit_code == 0, result.stderr
        assert [answer["id"] for answer in lines(folder / f"{policy}.jsonl")] == ["7", "seven"]
        rejected = lines(folder / f"{policy}.jsonl.rejected.jsonl")
        assert [row["reason"] for row in rejected] == ["id_missing", "time"]


def test_a_number_of_csv_is_written_in_ascii_as_in_json(folder: Path, weir: Callable[..., Any]) -> None:
    (folder / "in.csv").write_text(
        "size %,plan,member,at\n１,pro,true,1\n1,pro,true,0123\n1,pro,true,١٢\nınf,pro,true,1\n1,pro,true,0\n"
    )
    result = weir("in.csv", "out.jsonl", "--time", "at")
    assert result.exit_code == 0, result.stderr
    rejected = lines(folder / "out.jsonl.rejected.jsonl")
    reasons = [(1, "feature_type"), (2, "time"), (3, "time"), (4, "feature_type")]
    assert [(row["row"], row["reason"]) for row in rejected] == reasons


@pytest.mark.parametrize(
    "times",
    [
        pa.array([dt.time(12)]),
        pa.array([dt.timedelta(1)]),
        pa.array([{"x": 1}]),
        pa.array([[1]]),
        pa.array([b"2026-01-01T00:00:00Z"]),
        pa.array([True]),
    ],
    ids=lambda column: str(column.type),
)
def test_a_parquet_column_that_cannot_be_times_is_said_before_any_row(
    times: Any, folder: Path, weir: Callable[..., Any]
) -> None:
    table = pa.table({"size %": [1.0], "plan": ["pro"], "member": [True], "at": times})
    pyarrow.parquet.write_table(table, folder / "in.parquet")
    result = weir("in.parquet", "out.csv", "--time", "at")
    assert result.exit_code == 1 and "column 'at' is of type" in result.stderr
    assert not list(folder.glob("out*"))


@pytest.mark.parametrize(
    "times",
    [
        pa.array([dt.datetime(2026, 1, 1, tzinfo=dt.UTC)]),
        pa.array([dt.date(2026, 1, 1)]),
        pa.array([1.0]),
        pa.array(["2026-01-01T00:00:00Z"]).dictionary_encode(),
        pa.nulls(1),
    ],
    ids=lambda column: str(column.type),
)
def test_a_parquet_column_of_times_is_taken(times: Any, folder: Path, weir: Callable[..., Any]) -> None:
    table = pa.table({"size %": [1.0], "plan": ["pro"], "member": [True], "at": times})
    pyarrow.parquet.write_table(table, folder / "in.parquet")
    result = weir("in.parquet", "out.csv", "--time", "at")
    assert result.exit_code == 0, result.stderr
