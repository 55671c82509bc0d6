"""Training files to a schema and a coded matrix."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import ModelError
from models.schema import Feature, Kind
from models.training_data import read_training
from streams.event_time import times_ms

ROWS: list[dict[str, Any]] = [
    {"age": 31.5, "plan": "pro", "active": True, "label": "no", "at": 1704067200000},
    {"age": None, "plan": "free", "active": False, "label": "yes", "at": 1704067201000},
    {"age": 7, "plan": None, "active": True, "label": "no", "at": 1704067202000},
]
FEATURES = (
    Feature("age", Kind.NUMBER, nullable=True),
    Feature("plan", Kind.CATEGORY, nullable=True, categories=("free", "pro")),
    Feature("active", Kind.BOOLEAN),
)
CODED = np.array([[31.5, 1, 1], [np.nan, 0, 0], [7, np.nan, 1]])


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".csv":
        cells = [
            ["" if v is None else str(v).lower() if isinstance(v, bool) else str(v) for v in r.values()] for r in rows
        ]
        path.write_text("\n".join(",".join(line) for line in [list(rows[0]), *cells]) + "\n", "utf-8")
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    else:
        pyarrow.parquet.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)
    return path


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_each_format_gives_the_same_rows(tmp_path: Path, suffix: str) -> None:
    found = read_training(write(tmp_path / f"t.{suffix}", ROWS), target="label", time="at")
    assert found.schema.features == FEATURES
    assert np.array_equal(found.matrix, CODED, equal_nan=True)
    assert found.target == ["no", "yes", "no"]
    assert found.times_ms is not None
    assert found.times_ms.tolist() == [row["at"] for row in ROWS]


def test_named_features_come_in_their_own_order(tmp_path: Path) -> None:
    found = read_training(write(tmp_path / "t.csv", ROWS), features=["active", "age"])
    assert found.schema.names == ("active", "age")
    assert found.matrix.tolist()[0] == [1.0, 31.5]
    assert (found.target, found.times_ms) == (None, None)


@pytest.mark.parametrize(
    "text", ["2024-01-01T00:00:00Z", "2024-01-01T01:00:00+01:00", "2024-01-01", "2024-01-01 00:00:00"]
)
def test_times_are_read_as_utc(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.csv").write_text(f"x,at\n1,{text}\n")
    found = read_training(tmp_path / "t.csv", time="at").times_ms
    assert found is not None
    assert found.tolist() == [1704067200000]


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-01-01T00:00:00.999999Z", 1_767_225_600_999),
        ("1969-12-31T23:59:59.999900Z", -1),
    ],
)
def test_what_is_finer_than_a_millisecond_is_cut_off_as_serving_does(tmp_path: Path, text: str, ms: int) -> None:
    served = times_ms([datetime.fromisoformat(text)], [0]).tolist()
    (tmp_path / "t.csv").write_text(f"x,at\n1,{text}\n")
    (tmp_path / "t.jsonl").write_text(f'{{"x": 1, "at": "{text}"}}\n')
    for name in ("t.csv", "t.jsonl"):
        found = read_training(tmp_path / name, time="at").times_ms
        assert found is not None
        assert found.tolist() == served == [ms]


def test_dictionaries_indexes_and_whole_numbers_of_parquet(tmp_path: Path) -> None:
    table = pa.table(
        {
            "n": pa.array([1, 2, 3], pa.int32()),
            "c": pa.array(["b", None, "a"]).dictionary_encode(),
            "__index_level_0__": pa.array([0, 1, 2]),
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    found = read_training(tmp_path / "t.parquet")
    assert found.schema.features == (
        Feature("n"),
        Feature("c", Kind.CATEGORY, nullable=True, categories=("a", "b")),
    )
    assert np.array_equal(found.matrix, [[1, 1], [2, np.nan], [3, 0]], equal_nan=True)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.jsonl", '{"a": 1}\n{"a": "x"}\n', "changed from number to string"),
        ("t.jsonl", '{"a": {"b": 1}}\n', "column 'a' is of type struct"),
        ("t.jsonl", '{"a": [1]}\n', "column 'a' is of type list"),
        ("t.jsonl", "[1]\n", "cannot be read"),
        ("t.jsonl", "", "cannot be read"),
        ("t.csv", "", "cannot be read"),
        ("t.csv", "a,b\n1\n", "cannot be read"),
        ("t.csv", "a,a\n1,2\n", "columns repeat: a"),
        ("t.csv", "a,b\n1,\n2,\n", "column 'b' has no value"),
        ("t.csv", "a\n1\ninf\n", "column 'a' is infinite in row 2"),
        ("t.csv", "a\n" + "".join(f"id{i}\n" for i in range(1001)), "more than 1000 different strings"),
        ("t.csv", "a,at\n1,yesterday\n", "column 'at' is not a time"),
        ("t.csv", "a,at\n1,1.5\n", "column 'at' is not a time"),
        ("t.csv", "a,at\n1,\n2,2024-01-01\n", "column 'at' is not a time: nulls"),
        ("t.csv", "at\n2024-01-01\n", "no feature column is left"),
        ("t.parquet", "PAR1", "cannot be read"),
        ("t.xlsx", "", "training data of type '.xlsx'"),
    ],
)
def test_what_cannot_be_learnt_from_is_said(tmp_path: Path, name: str, content: str, said: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ModelError, match=said):
        read_training(tmp_path / name, time="at" if "at\n" in content else None)


def test_missing_columns_are_named_with_those_there(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", ROWS)
    with pytest.raises(ModelError, match=r"no column 'churned'.*age, plan, active, label, at"):
        read_training(path, target="churned")
    with pytest.raises(ModelError, match="no column 'height'"):
        read_training(path, features=["age", "height"])
    with pytest.raises(ModelError, match="cannot be read"):
        read_training(tmp_path / "nowhere.csv")


VALUE = st.tuples(
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.none() | st.text(st.characters(codec="utf-8"), max_size=3),
    st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(VALUE, min_size=1, max_size=12), group=st.integers(1, 5))
def test_coding_keeps_every_value(tmp_path_factory: pytest.TempPathFactory, rows: list[Any], group: int) -> None:
    rows = [*rows, (0.0, "z", True)]
    numbers, words, flags = zip(*rows, strict=True)
    path = tmp_path_factory.mktemp("t") / "t.parquet"
    table = {"n": pa.array(numbers, pa.float64()), "c": pa.array(words, pa.string()), "b": pa.array(flags)}
    pyarrow.parquet.write_table(pa.table(table), path, row_group_size=group)

    found = read_training(path)

    _, word, _ = found.schema.features
    assert word.categories == tuple(sorted({text for text in words if text is not None}))
    assert [feature.nullable for feature in found.schema.features] == [None in numbers, None in words, False]
    decoded = [
        (None if np.isnan(n) else n, None if np.isnan(c) else word.categories[int(c)], bool(b))
        for n, c, b in found.matrix
    ]
    assert decoded == rows
