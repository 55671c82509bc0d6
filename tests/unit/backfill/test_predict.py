"""`weir predict` as a user runs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
from sklearn.linear_model import LogisticRegression

from models.fallback import Fallback
from models.keyed.definitions import KeyedFeature, KeyedFeatures
from models.prepared_training import prepare_training
from models.preprocessing.declared import Preprocessing
from models.registry import Registry
from models.schema import Feature, InputSchema
from streams.limits import Limits
from streams.modelling import publish_estimator
from streams.pipeline import Pipeline
from tests.unit.backfill.building import lines, publish, rows, write

FORMATS = ("csv", "jsonl", "parquet")


@pytest.mark.parametrize("form", FORMATS)
def test_answers_are_those_of_the_model_in_every_format(
    form: str, folder: Path, weir: Callable[..., Any], small_pieces: None
) -> None:
    given = rows(3000)
    result = weir(write(folder / f"in.{form}", given), "out.parquet", "--json")
    assert result.exit_code == 0, result.stderr
    events = [json.dumps({"id": str(n), "features": row}).encode() for n, row in enumerate(given, 1)]
    outcomes = Pipeline(Registry(folder / "registry").load("m"), Limits()).run(events, [0] * len(events))
    told = pyarrow.parquet.read_table(folder / "out.parquet").to_pydict()
    assert told["id"] == outcomes.event_ids
    assert told["prediction"] == outcomes.predictions.values
    assert told["score"] == pytest.approx(outcomes.predictions.scores, abs=1e-12)
    assert [each["yes"] for each in told["scores"]] == told["score"]
    assert set(told["served_by"]) == {"model"} and set(told["version"]) == {"1"} and not any(told["degraded"])
    summary = json.loads(result.stdout)
    rejected = lines(folder / "out.parquet.rejected.jsonl")
    assert len(rejected) == len(outcomes.rejections) > 0
    assert summary["rejected"] == {"feature_range": len(rejected)}
    assert summary["rows"] == 3000 == summary["answered"] + len(rejected)
    assert not (folder / "out.parquet.unfinished").exists()


def test_every_output_format_says_the_same(folder: Path, weir: Callable[..., Any]) -> None:
    write(folder / "in.csv", rows(500))
    for form in FORMATS:
        assert weir("in.csv", f"out.{form}").exit_code == 0
    columns = pyarrow.parquet.read_table(folder / "out.parquet").to_pylist()
    assert [{k: v for k, v in row.items() if v is not None} for row in columns] == lines(folder / "out.jsonl")
    texts = pyarrow.csv.read_csv(folder / "out.csv").to_pylist()
    assert [float(row["score"]) for row in texts] == [row["score"] for row in columns]
    assert [json.loads(row["scores"]) for row in texts] == [row["scores"] for row in columns]


@pytest.mark.parametrize("form", FORMATS)
def test_several_processes_write_the_same_bytes(
    form: str, folder: Path, weir: Callable[..., Any], small_pieces: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[3]))
    write(folder / f"in.{form}", rows(3000))
    assert weir(f"in.{form}", f"one.{form}").exit_code == 0
    result = weir(f"in.{form}", f"two.{form}", "--processes", "2")
    assert result.exit_code == 0, result.stderr
    assert (folder / f"one.{form}").read_bytes() == (folder / f"two.{form}").read_bytes()
    rejected = [(folder / f"{name}.{form}.rejected.jsonl").read_bytes() for name in ("one", "two")]
    assert rejected[0] == rejected[1] != b""


def test_stdin_to_stdout(folder: Path, weir: Callable[..., Any]) -> None:
    given = write(folder / "in.csv", rows(300))
    assert weir("in.csv", "out.csv").exit_code == 0
    words = ("-", "-", "--input-format", "csv", "--format", "csv", "--rejected", "rejected.jsonl")
    result = weir(*words, stdin=given.read_bytes())
    assert result.exit_code == 0, result.stderr
    assert result.stdout_bytes == (folder / "out.csv").read_bytes()
    assert (folder / "rejected.jsonl").exists()


def test_what_is_there_is_replaced_only_where_that_is_said(folder: Path, weir: Callable[..., Any]) -> None:
    write(folder / "in.jsonl", rows(10))
    (folder / "out.csv").write_text("precious")
    result = weir("in.jsonl", "out.csv")
    assert result.exit_code == 1 and "--overwrite" in result.stderr
    assert (folder / "out.csv").read_text() == "precious" and not (folder / "out.csv.unfinished").exists()
    assert weir("in.jsonl", "out.csv", "--overwrite").exit_code == 0
    assert (folder / "out.csv").read_text() != "precious"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("in.jsonl", "in.jsonl"), "it is IN"),
        (("in.jsonl", "-"), "--rejected"),
        (("in.jsonl", "-", "--json", "--rejected", "r"), "stdout is for the answers"),
        (("in.jsonl", "out.xlsx"), ".parquet"),
        (("in.jsonl", "out.csv", "--format", "csv"), "says the format"),
        (("in.jsonl", "nowhere/out.csv"), "no folder"),
        (("in.jsonl", "out.csv", "--rejected", "out.csv"), "it is IN or OUT"),
    ],
)
def test_wrong_arguments(words: tuple[str, ...], says: str, folder: Path, weir: Callable[..., Any]) -> None:
    write(folder / "in.jsonl", rows(3))
    result = weir(*words)
    assert result.exit_code == 2 and says in " ".join(result.stderr.replace("│", " ").split())


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_column_that_is_missing_is_said_before_any_row(form: str, folder: Path, weir: Callable[..., Any]) -> None:
    write(folder / f"in.{form}", [{"size %": 1.0, "plan": "pro"}])
    result = weir(f"in.{form}", "out.csv")
    assert result.exit_code == 1 and "no column 'member'" in result.stderr
    assert sorted(path.name for path in folder.iterdir()) == [f"in.{form}", "registry"]


@pytest.mark.parametrize("form", FORMATS)
def test_no_rows_are_no_mistake(form: str, folder: Path, weir: Callable[..., Any]) -> None:
    (folder / "in.csv").write_text("size %,plan,member\n")
    result = weir("in.csv", f"out.{form}")
    assert result.exit_code == 0, result.stderr
    if form == "parquet":
        assert pyarrow.parquet.read_table(folder / "out.parquet").num_rows == 0
    assert (folder / "out.jsonl").read_bytes() == b"" if form == "jsonl" else True


def test_what_the_model_does_not_answer_goes_down_its_ladder(folder: Path, weir: Callable[..., Any]) -> None:
    publish(folder / "other", fallback=Fallback(default="no"), nullable=True)
    write(folder / "in.jsonl", [{"size %": None, "plan": "pro", "member": True}, *rows(3)])
    for form in ("jsonl", "csv", "parquet"):
        assert weir("in.jsonl", f"out.{form}", "--registry", "other").exit_code == 0
    first, *others = lines(folder / "out.jsonl")
    degraded = {"prediction": "no", "served_by": "default", "degraded": True, "reason": "model_error"}
    assert first == {"id": "1", **degraded, "model": "m", "version": "1"}
    assert [other["served_by"] for other in others] == ["model"] * 3 and all("score" in other for other in others)
    row = pyarrow.parquet.read_table(folder / "out.parquet").to_pylist()[0]
    assert (row["score"], row["scores"], row["reason"]) == (None, None, "model_error")
    assert '"1","no",,,"default",true,"model_error"' in (folder / "out.csv").read_text()


def test_a_model_with_keyed_features_is_refused(folder: Path, weir: Callable[..., Any]) -> None:
    """Its answers depend on what came before under a key, which a piece by itself does not know."""
    steps = Preprocessing(keyed=KeyedFeatures((KeyedFeature("count", "count"),)))
    schema, coded = InputSchema((Feature("size"),)), np.random.default_rng(1).normal(size=(200, 1))
    past: dict[str, Any] = {"times_ms": np.arange(200) * 1000, "keys": [b"k"] * 200}
    prepared = prepare_training(steps, schema, coded, where="training rows", **past)
    estimator = LogisticRegression().fit(prepared.matrix, coded[:, 0] > 0)
    publish_estimator(folder / "other", "keyed", estimator, schema, coded, preprocessing=steps, **past)
    write(folder / "in.jsonl", [{"size": 1.0}])
    result = weir("in.jsonl", "out.csv", "--registry", "other")
    assert result.exit_code == 1 and "keyed features" in result.stderr
    assert not list(folder.glob("out*"))


def test_a_row_of_many_megabytes_is_refused_and_does_not_get_into_memory(
    folder: Path, weir: Callable[..., Any], small_pieces: None
) -> None:
    (folder / "pipeline.toml").write_text("[limits]\nvalue_bytes = 2000\n")
    good = json.dumps(rows(1)[0])
    (folder / "in.jsonl").write_text(f'{good}\n{{"x": "{"y" * 300_000}"}}\n{good}\n')
    result = weir("in.jsonl", "out.jsonl", "--config", "pipeline.toml")
    assert result.exit_code == 0, result.stderr
    assert [row["id"] for row in lines(folder / "out.jsonl")] == ["1", "3"]
    (rejected,) = lines(folder / "out.jsonl.rejected.jsonl")
    assert (rejected["row"], rejected["reason"]) == (2, "too_large") and "event" not in rejected


@pytest.mark.parametrize("form", FORMATS)
def test_columns_are_carried_over_to_every_format(
    form: str, folder: Path, weir: Callable[..., Any], small_pieces: None
) -> None:
    """Beside the answer to their row, whatever rows are rejected or in pieces before it."""
    given = [
        {**row, "customer": f'c "{number}", ü', "visits": number, "note": None if number % 3 else "x"}
        for number, row in enumerate(rows(1500))
    ]
    write(folder / f"in.{form}", given)
    keep = [word for name in ("visits", "note", "customer", "plan") for word in ("--keep", name)]
    for out in FORMATS:
        result = weir(
            f"in.{form}", f"out.{out}", "--id", "customer", *keep, "--processes", "2" if out == "csv" else "1"
        )
        assert result.exit_code == 0, result.stderr
    told = pyarrow.parquet.read_table(folder / "out.parquet").to_pylist()
    assert 0 < len(told) < 1500
    assert list(told[0])[-4:] == ["visits", "note", "customer", "plan"]
    for row in told:
        number = int(row["visits"])
        assert (row["customer"], row["note"], row["plan"]) == (
            row["id"],
            None if number % 3 else "x",
            given[number]["plan"],
        )
        assert row["customer"] == given[number]["customer"]
    as_json = lines(folder / "out.jsonl")
    assert [each["customer"] for each in as_json] == [each["customer"] for each in told]
    # A number stays one where the file says that it is.
    assert [each["visits"] for each in as_json] == [
        str(int(each["visits"])) if form == "csv" else int(each["visits"]) for each in told
    ]
    texts = pyarrow.csv.read_csv(folder / "out.csv").to_pylist()
    assert [(each["visits"], each["customer"]) for each in texts] == [
        (int(each["visits"]), each["customer"]) for each in told
    ]


def test_points_in_time_are_carried_over_to_json_as_rfc_3339(folder: Path, weir: Callable[..., Any]) -> None:
    at = datetime(2026, 11, 27, 6, 45, 26, 250_000)  # noqa: DTZ001  # one without a zone is a column, too
    given = [{**row, "at": at.replace(tzinfo=UTC), "local": at, "day": at.date()} for row in rows(5)]
    write(folder / "in.parquet", given)
    assert weir("in.parquet", "out.jsonl", "--keep", "at", "--keep", "local", "--keep", "day").exit_code == 0
    for row in lines(folder / "out.jsonl"):
        assert datetime.fromisoformat(row["at"]) == at.replace(tzinfo=UTC)
        assert ("T" in row["at"], row["local"][:19], row["day"]) == (True, "2026-11-27T06:45:26", "2026-11-27")


def test_what_cannot_be_carried_over_ends_the_command_before_any_row(folder: Path, weir: Callable[..., Any]) -> None:
    given = [{**row, "prediction": "x", "tags": ["a"], "when": {"a": 1}} for row in rows(10)]
    write(folder / "in.parquet", given)
    for name, why in (
        ("prediction", "column of that name"),
        ("tags", "not carried over"),
        ("nothing", "no column 'nothing'"),
    ):
        refused = weir("in.parquet", "out.csv", "--keep", name)
        assert (refused.exit_code, why in refused.stderr) == (1, True), refused.stderr
    twice = weir("in.parquet", "out.csv", "--keep", "plan", "--keep", "plan")
    assert (twice.exit_code, "named twice" in twice.stderr) == (1, True)


def test_kept_columns_are_no_unknown_features_and_a_broken_line_has_none(
    folder: Path, weir: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEIR_MODEL__UNKNOWN_FEATURES", "reject")
    given = [{**row, "size %": 0.5, "customer": number} for number, row in enumerate(rows(6))]
    for form in ("csv", "jsonl"):
        write(folder / f"in.{form}", given)
        text = (folder / f"in.{form}").read_text().splitlines(keepends=True)
        text.insert(3, '"broken\n' if form == "csv" else "{broken\n")
        (folder / f"in.{form}").write_text("".join(text))
        result = weir(f"in.{form}", f"{form}.jsonl", "--keep", "customer")
        assert result.exit_code == 0, result.stderr
        told = [int(each["customer"]) for each in lines(folder / f"{form}.jsonl")]
        assert told == list(range(6)), form
        assert len(lines(folder / f"{form}.jsonl.rejected.jsonl")) == 1
