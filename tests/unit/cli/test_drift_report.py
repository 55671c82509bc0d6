"""`weir drift report`, as a user runs it: rows and answers of a file against a model's reference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from typer.testing import CliRunner

from models.schema import Feature, InputSchema, Kind
from streams.cli.main import app
from streams.modelling import publish_estimator
from tests.unit.backfill.building import write

ROWS = 6_000
SCHEMA = InputSchema((Feature("size"), Feature("weight"), Feature("pro", Kind.BOOLEAN, nullable=True)))


def coded(count: int, seed: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Size and weight go together."""
    rng = np.random.default_rng(seed)
    size = rng.normal(size=count)
    weight = 0.8 * size + 0.6 * rng.normal(size=count)
    return np.column_stack((size, weight, rng.choice(2, count, p=[0.7, 0.3]))).astype(np.float64)


def as_rows(matrix: Any) -> list[dict[str, Any]]:
    return [
        {"size": size, "weight": weight, "pro": bool(pro), "id": f"r{number}", "at": 1_700_000_000_000 + number}
        for number, (size, weight, pro) in enumerate(matrix.tolist())
    ]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier `m`, a regression `r`, both trained on rows like those of quiet.parquet."""
    folder = tmp_path_factory.mktemp("models")
    rows = coded(ROWS, 1)
    target = (rows[:, 0] + np.random.default_rng(2).normal(size=ROWS) > 0.5).astype(int)
    publish_estimator(
        folder,
        "m",
        HistGradientBoostingClassifier(max_iter=20, random_state=0).fit(rows, target),
        SCHEMA,
        rows,
        target=target.tolist(),
        labels={"0": "no", "1": "yes"},
    )
    numbers = InputSchema(SCHEMA.features[:2])
    publish_estimator(folder, "r", LinearRegression().fit(rows[:, :2], rows[:, 0]), numbers, rows[:, :2])
    return folder


@pytest.fixture(autouse=True)
def folder(registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WEIR_CONFIG", raising=False)
    monkeypatch.setenv("WEIR_MODEL__REGISTRY", str(registry))
    write(tmp_path / "quiet.parquet", as_rows(coded(ROWS, 3)))
    return tmp_path


def weir(*arguments: str) -> Any:
    return CliRunner().invoke(app, [*arguments])


def report(file: str, *arguments: str, model: str = "m") -> dict[str, Any]:
    """The object of --json; exit 4 exactly where something is found."""
    result = weir("drift", "report", file, "--model", model, "--json", *arguments)
    assert result.stdout, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == (4 if found["findings"] else 0), result.stderr
    return found


def test_rows_as_in_training_are_exit_0_whatever_the_format(folder: Path) -> None:
    for file in ("quiet.parquet", "quiet.csv", "quiet.jsonl"):
        if not (folder / file).exists():
            write(folder / file, as_rows(coded(ROWS, 3)))
        found = report(file, "--time", "at")
        assert (found["rows"], found["findings"], found["answers_only"]) == (ROWS, [], False)
        names = {each["signal"] for each in found["signals"]}
        assert names == {"size", "weight", "pro", "metric/joint", "metric/score", "metric/class"}
        assert found["from_time"].startswith("2023-11-14")
    assert all(effect["ratio"] < 1 for each in found["signals"] for effect in each["effects"])


def test_what_moved_is_found_by_effect_and_what_did_not_is_not(folder: Path) -> None:
    matrix = coded(ROWS, 3)
    matrix[:, 0] += 0.5
    write(folder / "moved.parquet", as_rows(matrix))

    found = report("moved.parquet")

    signals = {each["signal"]: each for each in found["signals"]}
    assert set(found["findings"]) == {"size", "metric/score", "metric/class"}
    assert (signals["weight"]["verdict"], signals["pro"]["verdict"]) == ("same", "same")
    assert signals["metric/joint"]["verdict"] == "follows"
    top = signals["size"]["effects"][0]
    assert top["statistic"] == "mean"
    assert top["size"] == pytest.approx(0.5, abs=0.05)
    assert top["interval"][0] < 0.5 < top["interval"][1]
    assert "shift of its level" in signals["size"]["likely"]
    ratios = [each["effects"][0]["ratio"] for each in found["signals"] if each["verdict"] == "drifted"]
    assert ratios == sorted(ratios, reverse=True)


def test_nulls_are_a_matter_of_quality_and_a_lost_dependence_is_seen(folder: Path) -> None:
    matrix = coded(ROWS, 3)
    matrix[:, 1] = np.random.default_rng(9).permutation(matrix[:, 1])
    rows = as_rows(matrix)
    for number, row in enumerate(rows):
        row["pro"] = None if number % 10 == 0 else row["pro"]
    write(folder / "broken.jsonl", rows)
    found = report("broken.jsonl")
    verdicts = {each["signal"]: each["verdict"] for each in found["signals"]}
    assert (verdicts["pro"], verdicts["size"], verdicts["metric/joint"]) == ("quality", "same", "drifted")


def test_the_result_of_predict_is_held_against_the_answers_in_training(folder: Path) -> None:
    matrix = coded(ROWS, 3)
    matrix[:, 0] += 0.7
    write(folder / "moved.parquet", as_rows(matrix))
    for model, signals in (("m", {"metric/score", "metric/class"}), ("r", {"metric/prediction"})):
        for rows, is_found in (("quiet.parquet", False), ("moved.parquet", True)):
            for form in ("csv", "jsonl", "parquet"):
                out = f"{model}-{rows}.{form}"
                assert weir("predict", rows, out, "--model", model).exit_code == 0
                found = report(out, model=model)
                assert (found["answers_only"], found["rows"]) == (True, ROWS)
                assert {each["signal"] for each in found["signals"]} == signals
                assert set(found["findings"]) == (signals if is_found else set()), out


def test_answers_that_the_model_does_not_give_are_refused(folder: Path) -> None:
    write(folder / "foreign.jsonl", [{"prediction": "maybe", "score": 0.5}] * 40)
    write(folder / "other.jsonl", [{"colour": "red"}] * 40)
    for file, why in (
        ("foreign.jsonl", "'maybe', which the model does not give"),
        ("other.jsonl", "size, weight, pro"),
    ):
        refused = weir("drift", "report", file, "--model", "m")
        assert (refused.exit_code, why in refused.stderr) == (1, True), refused.stderr
    few = weir("drift", "report", str(write(folder / "few.jsonl", as_rows(coded(12, 3)))), "--model", "m")
    assert (few.exit_code, "too few" in few.stdout) == (0, True), few.stdout + few.stderr


@pytest.fixture(scope="module")
def labelled(registry: Path) -> Path:
    """Classifiers whose labels look like something else: texts `t`, numbers `n`."""
    rows = coded(ROWS, 1)
    target = np.digitize(rows[:, 0], [-0.5, 0.5])
    estimator = LogisticRegression().fit(rows[:, :2], target)
    numbers = InputSchema(SCHEMA.features[:2])
    for name, labels in (("t", {"0": "0", "1": "01", "2": "true"}), ("n", None)):
        options = {} if labels is None else {"labels": labels}
        publish_estimator(registry, name, estimator, numbers, rows[:, :2], target=target.tolist(), **options)
    return registry


@pytest.mark.parametrize("model", ["t", "n"])
@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_labels_that_look_like_numbers_come_back_from_each_format(model: str, form: str, labelled: Path) -> None:
    assert weir("predict", "quiet.parquet", f"out.{form}", "--model", model).exit_code == 0
    found = report(f"out.{form}", model=model)
    assert (found["answers_only"], found["rows"], found["findings"]) == (True, ROWS, [])
    assert (found["other_versions"], found["duplicates"]) == ({}, 0)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_answers_of_others_are_refused_or_told_and_repeats_are_left_out(form: str, folder: Path) -> None:
    def answers(count: int, **more: Any) -> list[dict[str, Any]]:
        return [{"prediction": "no", "score": 0.2, "model": "m", "version": "1", "duplicate_of": None} | more] * count

    rows = [*answers(300, score=None), *answers(200, version="7"), *answers(50, version="7", duplicate_of="e/0/1/m")]
    found = report(write(folder / f"mixed.{form}", rows).name)
    assert (found["rows"], found["other_versions"], found["duplicates"]) == (500, {"7": 200}, 50)
    told = weir("drift", "report", f"mixed.{form}", "--model", "m").stdout
    assert "200 by 7" in told and "not measured: 50" in told
    write(folder / f"foreign.{form}", [*rows, *answers(1, model="other")])
    refused = weir("drift", "report", f"foreign.{form}", "--model", "m")
    assert (refused.exit_code, "'other'" in refused.stderr) == (1, True), refused.stderr


def test_a_column_that_the_first_line_of_json_leaves_out_is_there(folder: Path) -> None:
    rows = as_rows(coded(ROWS, 3))
    del rows[0]["pro"]
    (folder / "late.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = report("late.jsonl")
    assert (found["rows"], found["answers_only"]) == (ROWS, False)


def test_a_page_that_cannot_be_written_is_told_before_the_work(folder: Path) -> None:
    refused = weir("drift", "report", "quiet.parquet", "--model", "m", "--out", "nowhere/x.html")
    assert (refused.exit_code, "nowhere" in refused.stderr) == (2, True)


def test_the_page_holds_everything_and_fetches_nothing(folder: Path) -> None:
    matrix = coded(ROWS, 3)
    matrix[:, 0] += 0.5
    write(folder / "<moved>.parquet", as_rows(matrix))
    result = weir("drift", "report", "<moved>.parquet", "--model", "m", "--out", "report.html")
    assert result.exit_code == 4, result.stderr
    page = (folder / "report.html").read_text("utf-8")
    assert "http" not in page and "<script" not in page and "<moved>" not in page
    assert "&lt;moved&gt;.parquet against m 1" in page
    for signal in ("size", "weight", "pro", "metric/joint", "metric/score"):
        assert f"<b>{signal}</b>" in page
    assert page.count("<details") == 6
    told = [line.split()[:2] for line in result.stdout.splitlines()[3:9]]
    assert ["drifted", "size"] in told[:3]
    assert ["same", "weight"] in told[3:]
