"""Whatever a file holds, each of its rows is answered or rejected, once, and nothing is raised."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.registry import Registry
from streams.backfill.csv_rows import CsvRows
from streams.backfill.json_rows import JsonRows
from streams.backfill.piece import PieceAnswering, ReadRows
from streams.backfill.text_pieces import CutCsv, CutLines
from streams.limits import Limits
from tests.unit.backfill.building import SCHEMA, publish

KINDS = {feature.name: feature.kind for feature in SCHEMA.features}
CSV = CsvRows(["n", *KINDS], KINDS, "n", None)
RECORDS = [b"a,1,pro,true", b'"a, ""b""",2.5,free,false', b'"open,1,pro,true', b'5"x,1,pro,true']
RECORDS += [b'a"b"c,1,pro,1', b'"a"b,1,pro,1', b"a,1,pro,\xff"]
LINES = st.sampled_from(RECORDS) | st.binary(max_size=12) | st.text('",\n\r a1', max_size=14).map(str.encode)
FEATURES = b'"size %": 1, "plan": "pro", "member": true}'
OBJECTS = st.sampled_from([b'{"n": 1, ' + FEATURES, b'{"id": "e", "features": {' + FEATURES + b"}"])
TOKENS = [b'{"n":', b'"at":', b'"\xff"', b"[", b"]", b"{", b"}", b",", b"1", b"1" * 5000, b'"x"', b":"]
BITS = st.lists(st.sampled_from(TOKENS), max_size=9)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    root: Path = tmp_path_factory.mktemp("registry")
    publish(root)
    return Registry(root)


def check(registry: Registry, read_rows: ReadRows, block: bytes, rows: int) -> None:
    model = registry.load("m")
    answered = PieceAnswering(model, model.manifest, Limits(), "ignore", read_rows, "jsonl")(block, 7)
    assert answered.counts.rows == rows
    assert answered.counts.answered == answered.answers.count(b"\n")
    rejected = [msgspec.json.decode(line) for line in answered.rejected.splitlines()]
    assert answered.counts.answered + len(rejected) == rows
    numbers = [line["row"] for line in rejected]
    assert numbers == sorted(set(numbers)) and all(7 < number <= 7 + rows for number in numbers)


@given(st.lists(LINES, max_size=12))
def test_csv(registry: Registry, lines: list[bytes]) -> None:
    block = b"\n".join(lines)
    end, rows = CutCsv()(block, is_end=True)
    check(registry, CSV, block[:end], rows)


@pytest.mark.parametrize("drops", [False, True])
@given(st.lists(OBJECTS | st.binary(max_size=12) | BITS.map(b"".join), max_size=12))
def test_json_lines(registry: Registry, drops: bool, lines: list[bytes]) -> None:
    block = b"\n".join(line.replace(b"\n", b"") for line in lines)
    end, rows = CutLines()(block, is_end=True)
    read_rows = JsonRows(SCHEMA, id_column="n", time_column="at", without_own=drops, strict_json=drops)
    check(registry, read_rows, block[:end], rows)
