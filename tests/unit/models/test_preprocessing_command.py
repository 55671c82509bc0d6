"""`weir model prepare`, and `add`, `check` and `show` with preprocessing: an estimator is served on what it was fitted
on, to the bit."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow.parquet
import pytest
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from typer.testing import CliRunner

from drift.profile import decode_profile
from models.errors import ModelError
from models.loaded import LoadedModel
from models.manifest import Manifest
from models.preprocessing.declared import Preprocessing
from models.preprocessing.scale import Scale
from models.registry import Registry
from models.serve_version import load
from models.training_data import read_training
from streams.cli.model_serving import model_app
from streams.limits import Limits
from streams.pipeline import Pipeline
from tests.unit.models.building import reseal
from tests.unit.models.onnx_building import exported

STEPS = """
[[steps]]
step = "impute"
columns = ["income"]
strategy = "median"

[[steps]]
step = "derive"
formula = "log1p"
of = ["income"]
into = "log_income"

[[steps]]
step = "scale"
columns = ["age", "log_income"]
method = "standard"

[[steps]]
step = "one_hot"
columns = ["plan"]
unseen = "zeros"

[[steps]]
step = "time_part"
part = "hour"
of = "@time"
into = "hour_sine"
form = "sine"
"""
PREPARED = ["income", "plan_free", "plan_pro", "age", "log_income", "hour_sine"]
HOUR = 3_600_000
START = 1_767_225_600_000  # 2026-01-01T00:00:00Z


def write_rows(path: Path, n: int, seed: int) -> list[dict[str, str]]:
    rng = np.random.default_rng(seed)
    lines = ["income,plan,age,at,churned"]
    for number in range(n):
        age, plan = float(rng.normal(40, 9)), str(rng.choice(["free", "pro"]))
        income = "" if rng.random() < 0.1 else repr(float(rng.lognormal(8, 1)))
        churned = "yes" if (age > 40) ^ (plan == "pro") else "no"
        lines.append(f"{income},{plan},{age!r},{START + number * HOUR + number},{churned}")
    path.write_text("\n".join(lines) + "\n")
    return read_csv(path)


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def numbers(rows: list[dict[str, str]], columns: list[str] = PREPARED) -> np.ndarray:
    return np.array([[float(row[column]) for column in columns] for row in rows])


def events(rows: list[dict[str, str]]) -> list[bytes]:
    """As a producer of the raw rows would write them."""
    return [
        json.dumps(
            {
                "id": f"e{number}",
                "time": int(row["at"]),
                "features": {
                    "age": float(row["age"]),
                    "income": float(row["income"]) if row["income"] else None,
                    "plan": row["plan"],
                },
            }
        ).encode()
        for number, row in enumerate(rows)
    ]


def weir(*arguments: str) -> Any:
    return CliRunner().invoke(model_app, list(arguments))


def prepare(*more: str, out: str = "prepared.csv") -> Any:
    return weir("prepare", "train.csv", out, "--preprocess", "steps.toml", "--target", "churned", "--time", "at", *more)


def add(*more: str) -> Any:
    arguments = ["--name", "churn", "--data", "train.csv", "--target", "churned", "--time", "at"]
    return weir("add", "model.skops", *arguments, "--preprocess", "steps.toml", *more)


def fit_on(rows: list[dict[str, str]], columns: list[str] = PREPARED) -> RandomForestClassifier:
    forest = RandomForestClassifier(20, random_state=0, max_depth=6)
    return forest.fit(numbers(rows, columns), [row["churned"] for row in rows])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Training rows in train.csv, others in live.csv, and steps.toml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WEIR_MODEL__REGISTRY", raising=False)
    write_rows(tmp_path / "train.csv", 300, 3)
    write_rows(tmp_path / "live.csv", 200, 4)
    (tmp_path / "steps.toml").write_text(STEPS)
    return tmp_path


@pytest.fixture
def forest(folder: Path) -> RandomForestClassifier:
    """Fitted on what `prepare` wrote, in model.skops."""
    assert prepare().exit_code == 0
    estimator = fit_on(read_csv(folder / "prepared.csv"))
    skops.io.dump(estimator, folder / "model.skops")
    return estimator


def answers(model: LoadedModel, rows: list[dict[str, str]]) -> np.ndarray:
    outcomes = Pipeline(model, Limits()).run(events(rows), [-1] * len(rows))
    assert not outcomes.rejections, outcomes.rejections
    return np.array(outcomes.predictions.scores)


@pytest.mark.parametrize("runtime", ["sklearn", "auto"])
def test_events_are_answered_as_the_estimator_answers_prepared_rows(
    folder: Path, forest: RandomForestClassifier, runtime: str
) -> None:
    result = add("--runtime", runtime)
    assert result.exit_code == 0, result.stderr
    model = Registry(folder / "registry").load("churn")
    assert prepare("--rows", "live.csv", out="live_prepared.csv").exit_code == 0
    live, ready = read_csv(folder / "live.csv"), read_csv(folder / "live_prepared.csv")
    assert [row["churned"] for row in ready] == [row["churned"] for row in live]
    due = forest.predict_proba(numbers(ready))[:, 1]
    if runtime == "sklearn":
        assert answers(model, live).tolist() == due.tolist()
        assert answers(model, live[5:6]).tolist() == due[5:6].tolist()
    else:
        assert answers(model, live) == pytest.approx(due, abs=1e-5)
        assert "served by ONNX Runtime" in result.stderr


def test_categories_and_booleans_may_be_left_to_the_estimator(folder: Path) -> None:
    (folder / "steps.toml").write_text('[[steps]]\nstep = "impute"\ncolumns = ["income"]\nstrategy = "mean"\n')
    assert prepare(out="prepared.csv").exit_code == 0
    assert prepare("--rows", "live.csv", out="live_prepared.csv").exit_code == 0
    ready = [[float(r["income"]), r["plan"], float(r["age"])] for r in read_csv(folder / "live_prepared.csv")]
    fitting = [[float(r["income"]), r["plan"], float(r["age"])] for r in read_csv(folder / "prepared.csv")]
    encode = ColumnTransformer([("plan", OneHotEncoder(), [1])], remainder="passthrough")
    labels = [row["churned"] for row in read_csv(folder / "train.csv")]
    own = make_pipeline(encode, RandomForestClassifier(10, random_state=0, max_depth=4))
    own.fit(np.array(fitting, dtype=object), labels)
    skops.io.dump(own, folder / "model.skops")
    assert add("--runtime", "sklearn").exit_code == 0
    model = Registry(folder / "registry").load("churn")
    due = own.predict_proba(np.array(ready, dtype=object))[:, 1]
    assert answers(model, read_csv(folder / "live.csv")).tolist() == due.tolist()


def test_an_onnx_file_is_given_prepared_rows(folder: Path, forest: RandomForestClassifier) -> None:
    (folder / "model.onnx").write_bytes(exported(forest, len(PREPARED)))
    arguments = ["--name", "churn", "--data", "train.csv", "--target", "churned", "--time", "at"]
    result = weir("add", "model.onnx", *arguments, "--preprocess", "steps.toml")
    assert result.exit_code == 0, result.stderr
    assert prepare("--rows", "live.csv", out="live_prepared.csv").exit_code == 0
    due = forest.predict_proba(numbers(read_csv(folder / "live_prepared.csv")))[:, 1]
    found = answers(Registry(folder / "registry").load("churn"), read_csv(folder / "live.csv"))
    assert np.mean(np.abs(found - due) < 1e-5) > 0.97, "but where float32 is on the other side of a threshold"


def test_the_model_takes_the_features_of_events_and_drift_watches_these(
    folder: Path, forest: RandomForestClassifier
) -> None:
    assert add().exit_code == 0
    model = Registry(folder / "registry").load("churn")
    assert model.schema.names == ("income", "plan", "age")
    assert model.preparation.outputs.names == ("income", "plan_free", "plan_pro", "age", "log_income", "hour_sine")
    named = decode_profile(model.reference).signals
    assert [signal.name for signal in named] == ["income", "plan", "age", "score", "class"]
    assert all(len(row) == 4 for row in model.manifest.parity_sample.rows), "features, and the event's time"


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_every_format_holds_the_same_rows(folder: Path, ending: str) -> None:
    assert prepare().exit_code == 0
    assert prepare(out=f"prepared.{ending}").exit_code == 0
    path = folder / f"prepared.{ending}"
    rows = pyarrow.parquet.read_table(path).to_pylist() if ending == "parquet" else None
    rows = rows or [json.loads(line) for line in path.read_text().splitlines()]
    due = read_csv(folder / "prepared.csv")
    assert [[row[name] for name in PREPARED] for row in rows] == numbers(due).tolist()
    assert [row["at"] for row in rows] == [int(row["at"]) for row in due]


def test_columns_that_the_estimator_knows_by_name_are_the_prepared_ones(folder: Path) -> None:
    assert prepare().exit_code == 0
    chosen = ["hour_sine", "age", "plan_pro"]
    estimator = fit_on(read_csv(folder / "prepared.csv"), chosen)
    estimator.feature_names_in_ = np.array(chosen, dtype=object)
    skops.io.dump(estimator, folder / "model.skops")
    assert add().exit_code == 0
    model = Registry(folder / "registry").load("churn")
    assert model.preparation.outputs.names == tuple(chosen)
    estimator.feature_names_in_ = np.array(["hour", "age", "plan_pro"], dtype=object)
    skops.io.dump(estimator, folder / "model.skops")
    refused = add()
    assert refused.exit_code == 1
    assert "columns: no column 'hour'; there are income, plan_free" in refused.stderr


def test_the_files_features_can_be_named(folder: Path) -> None:
    steps = 'features = ["age", "income"]\n[[steps]]\nstep = "clip"\ncolumns = ["age"]\nlow = 30\n'
    (folder / "steps.toml").write_text(steps)
    result = prepare("--json")
    assert json.loads(result.stdout)["columns"] == ["age", "income"]
    assert min(float(row["age"]) for row in read_csv(folder / "prepared.csv")) == 30.0


def test_show_and_check_tell_the_steps_with_what_they_learnt(folder: Path, forest: RandomForestClassifier) -> None:
    checked = weir("check", "model.skops", "--data", "train.csv", "--target", "churned", "--time", "at",
                   "--preprocess", "steps.toml")  # fmt: skip
    assert checked.exit_code == 0, checked.stderr
    assert not (folder / "registry").exists()
    assert add().exit_code == 0
    shown = weir("show", "churn").stdout
    ages = [float(row["age"]) for row in read_csv(folder / "train.csv")]
    for told in (checked.stderr, shown):
        assert f"step 3 (scale): columns age, log_income; method standard; centers {np.mean(ages):.6g}, " in told
        assert "the estimator takes income, plan_free, plan_pro, age, log_income, hour_sine" in told
    assert "\n  income  number or null\n  plan  category one of free, pro or an unseen one\n" in shown
    steps = json.loads(weir("show", "churn", "--json").stdout)["preprocessing"]["steps"]
    assert steps[2]["centers"][0] == pytest.approx(np.mean(ages), rel=1e-12)


def changed_scale(manifest: Manifest) -> Preprocessing:
    declared = manifest.preprocessing
    assert declared
    steps = [
        msgspec.structs.replace(step, scales=tuple(scale * 4 for scale in step.scales))
        if isinstance(step, Scale)
        else step
        for step in declared.steps
    ]
    return msgspec.structs.replace(declared, steps=tuple(steps))


def test_the_sample_of_answers_holds_preprocessing_too(folder: Path, forest: RandomForestClassifier) -> None:
    assert add("--runtime", "sklearn").exit_code == 0
    registry = Registry(folder / "registry")
    manifest = registry.load("churn").manifest
    reseal(folder / "registry" / "churn" / "1", preprocessing=changed_scale(manifest))
    with pytest.raises(ModelError, match="parity rows have another answer"):
        registry.load("churn")


def test_tiles_are_filled_up_with_a_prepared_row(folder: Path, forest: RandomForestClassifier) -> None:
    assert add("--runtime", "sklearn").exit_code == 0
    registry, live = Registry(folder / "registry"), read_csv(folder / "live.csv")
    due = answers(registry.load("churn"), live)
    reseal(folder / "registry" / "churn" / "1", tile_rows=64)
    assert answers(registry.load("churn"), live).tolist() == due.tolist()


def test_a_model_in_a_process_of_its_own_is_given_prepared_rows(folder: Path, forest: RandomForestClassifier) -> None:
    assert add("--runtime", "sklearn").exit_code == 0
    model = Registry(folder / "registry").load("churn")
    childs = load(str(folder / "registry"), "churn", "1", model.manifest.digest)
    rows = numbers(read_csv(folder / "prepared.csv"), list(model.preparation.outputs.names))
    assert childs(rows).tolist() == model.predict_raw(rows).tolist()


def test_calibration_is_fitted_on_prepared_rows(folder: Path, forest: RandomForestClassifier) -> None:
    (folder / "output.toml").write_text('calibration = "sigmoid"\ncalibration_data = "live.csv"\n')
    result = add("--output", "output.toml")
    assert result.exit_code == 0, result.stderr
    assert "calibration fitted on 200 held-out rows" in result.stderr


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "required field `step`"),
        ('step = "scael"\ncolumns = ["age"]', "Invalid value 'scael'"),
        ('step = "scale"\ncolumns = ["age"]\nmethod = "stand"', "Invalid enum value 'stand'"),
        ('step = "clip"\ncolumns = ["age"]\nlo = 1', "unknown field `lo`"),
        ('step = "clip"\ncolumns = ["age"]', "low and a higher high"),
        ('step = "scale"\ncolumns = ["ages"]\nmethod = "standard"', "step 1 (scale): no column 'ages'"),
        ('step = "one_hot"\ncolumns = ["age"]', "step 1 (one_hot): column 'age' is a number, a category is due"),
        (
            'step = "derive"\nformula = "log"\nof = ["age"]\ninto = "plan"',
            "step 1 (derive): there would be two columns",
        ),
    ],
)
def test_what_is_wrong_with_a_step_is_told(folder: Path, text: str, says: str) -> None:
    (folder / "steps.toml").write_text(f"[[steps]]\n{text}\n")
    result = prepare()
    assert result.exit_code == 1
    assert says in result.stderr
    assert "steps.toml" in result.stderr
    assert not (folder / "prepared.csv").exists()


def test_a_step_that_reads_the_events_time_needs_times(folder: Path) -> None:
    result = weir("prepare", "train.csv", "out.csv", "--preprocess", "steps.toml", "--target", "churned")
    assert result.exit_code == 1
    assert "name the column with the times with --time" in result.stderr


@pytest.mark.parametrize(
    ("out", "says"),
    [
        ("train.csv", "this file is read, and would be written over"),
        ("./live.csv", "this file is read, and would be written over"),
        ("prepared.xlsx", "prepared rows are not written as '.xlsx'"),
        ("nowhere/prepared.csv", "cannot be written"),
    ],
)
def test_a_file_that_must_not_be_written_is_not(folder: Path, out: str, says: str) -> None:
    before = (folder / "train.csv").read_bytes(), (folder / "live.csv").read_bytes()
    result = prepare("--rows", "live.csv", out=out)
    assert (result.exit_code, says in result.stderr) == (1, True)
    assert ((folder / "train.csv").read_bytes(), (folder / "live.csv").read_bytes()) == before


def test_a_prepared_column_may_not_be_named_as_target_or_time(folder: Path) -> None:
    step = '[[steps]]\nstep = "clip"\ncolumns = ["age"]\nlow = 1\ninto = ["churned"]\n'
    (folder / "steps.toml").write_text(step)
    assert "a prepared column is named as target or time: churned" in prepare().stderr


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_nulls_booleans_and_categories_come_back(folder: Path, ending: str) -> None:
    (folder / "train.csv").write_text("a,on,plan\n1.5,true,pro\n,false,\n-2.0,,free\n")
    (folder / "steps.toml").write_text('[[steps]]\nstep = "clip"\ncolumns = ["a"]\nlow = -1\n')
    out = f"prepared.{ending}"
    assert weir("prepare", "train.csv", out, "--preprocess", "steps.toml").exit_code == 0
    read = read_training(folder / out)
    assert read.schema == read_training(folder / "train.csv").schema
    assert np.array_equal(read.matrix, [[1.5, 1, 1], [math.nan, 0, math.nan], [-1, math.nan, 0]], equal_nan=True)


def test_rows_that_events_could_not_bring_are_left_out_and_counted(folder: Path) -> None:
    (folder / "steps.toml").write_text('[[steps]]\nstep = "derive"\nformula = "log"\nof = ["age"]\ninto = "log_age"\n')
    lines = (folder / "live.csv").read_text().splitlines()
    odd = [f"1.0,gold,44.0,{START},no", f"1.0,free,-1.0,{START},no"]
    (folder / "live.csv").write_text("\n".join([*lines[:4], *odd]) + "\n")
    result = prepare("--rows", "live.csv", "--json")
    assert {name: json.loads(result.stdout)[name] for name in ("rows", "refused", "failed")} == {
        "rows": 3,
        "refused": 1,
        "failed": 1,
    }


def test_rows_to_prepare_may_have_no_target_yet_and_a_column_without_any_value(folder: Path) -> None:
    assert prepare().exit_code == 0
    (folder / "one.csv").write_text(f"plan,age,income,at\nfree,40.0,,{START}\n")
    result = prepare("--rows", "one.csv", out="one_prepared.csv")
    assert result.exit_code == 0, result.stderr
    (row,) = read_csv(folder / "one_prepared.csv")
    assert list(row) == [*PREPARED, "at"]
    known = sorted(float(each["income"]) for each in read_csv(folder / "train.csv") if each["income"])
    assert float(row["income"]) == pytest.approx(np.median(known), rel=1e-12)
    (folder / "one.jsonl").write_text(f'{{"plan": null, "age": 40.0, "income": 1.0, "at": {START}}}\n')
    result = prepare("--rows", "one.jsonl", "--json", out="one_prepared.csv")
    assert json.loads(result.stdout)["refused"] == 1, "a null plan is not let in"
    (folder / "one.csv").write_text("plan,age,income\nfree,40.0,2.0\n")
    assert "no column 'at'" in prepare("--rows", "one.csv").stderr, "a step reads it"
    (folder / "steps.toml").write_text('[[steps]]\nstep = "clip"\ncolumns = ["age"]\nlow = 1\n')
    assert prepare("--rows", "one.csv").exit_code == 0


def test_rows_keep_their_target_and_time_where_others_before_them_are_left_out(folder: Path) -> None:
    steps = 'features = ["age"]\n[[steps]]\nstep = "derive"\nformula = "log"\nof = ["age"]\ninto = "log_age"\n'
    (folder / "steps.toml").write_text(steps)
    ages, labels = [-1.0, 1.0, 0.0, 3.0], ["no", "yes", "no", "yes"]
    lines = [f"{age},{START + at},{label}" for at, (age, label) in enumerate(zip(ages, labels, strict=True))]
    (folder / "few.csv").write_text("\n".join(["age,at,churned", *lines]) + "\n")
    assert prepare("--rows", "few.csv").exit_code == 0
    found = [(row["age"], row["churned"], int(row["at"])) for row in read_csv(folder / "prepared.csv")]
    assert found == [("1", "yes", START + 1), ("3", "yes", START + 3)]


def test_rows_with_a_category_that_is_let_in_are_prepared(folder: Path) -> None:
    lines = (folder / "live.csv").read_text().splitlines()
    (folder / "live.csv").write_text("\n".join([lines[0], f"1.0,gold,44.0,{START},no", *lines[1:3]]) + "\n")
    result = prepare("--rows", "live.csv", "--json")
    assert {name: json.loads(result.stdout)[name] for name in ("rows", "refused")} == {"rows": 3, "refused": 0}
    first = read_csv(folder / "prepared.csv")[0]
    assert (first["plan_free"], first["plan_pro"]) == ("0", "0")


def test_a_link_to_what_is_read_is_not_written_over(folder: Path) -> None:
    before = (folder / "train.csv").read_bytes()
    (folder / "hard.csv").hardlink_to(folder / "train.csv")
    (folder / "soft.csv").symlink_to("train.csv")
    for name in ("hard.csv", "soft.csv"):
        assert "this file is read, and would be written over" in prepare(out=name).stderr
    assert (folder / "train.csv").read_bytes() == before


def test_a_file_is_written_as_a_whole_or_left_as_it_was(folder: Path) -> None:
    (folder / "lists.jsonl").write_text('{"age": 1.5, "y": [1]}\n{"age": 2.5, "y": [2]}\n')
    (folder / "steps.toml").write_text('[[steps]]\nstep = "clip"\ncolumns = ["age"]\nlow = 1\n')
    (folder / "kept.csv").write_text("precious\n")
    before = sorted(folder.iterdir())
    result = weir("prepare", "lists.jsonl", "kept.csv", "--preprocess", "steps.toml", "--target", "y")
    assert result.exit_code == 1
    assert "cannot be written as .csv" in result.stderr
    assert "of a type that this format does not hold" in result.stderr
    assert (folder / "kept.csv").read_text() == "precious\n"
    assert sorted(folder.iterdir()) == before
    assert weir("prepare", "train.csv", "kept.csv", "--preprocess", "steps.toml").exit_code == 0
    assert len(read_csv(folder / "kept.csv")) == 300
    assert {path.name for path in folder.iterdir()} == {path.name for path in before}


@pytest.mark.parametrize("other", ["churned", "at"])
def test_neither_target_nor_time_is_a_feature(folder: Path, forest: RandomForestClassifier, other: str) -> None:
    (folder / "steps.toml").write_text(f'features = ["age", "{other}"]\ncolumns = ["age", "{other}"]\n')
    for result in (prepare(out="leak.csv"), add()):
        assert result.exit_code == 1
        assert f"the declared features have '{other}', which is target or time" in result.stderr
    assert not (folder / "leak.csv").exists()


def test_columns_in_another_order_than_the_estimators_are_told_as_the_files(
    folder: Path, forest: RandomForestClassifier
) -> None:
    forest.feature_names_in_ = np.array(PREPARED, dtype=object)
    skops.io.dump(forest, folder / "model.skops")
    (folder / "steps.toml").write_text(f"columns = {json.dumps(PREPARED[::-1])}\n{STEPS}")
    result = add()
    assert result.exit_code == 1
    assert (
        f"`columns` are {', '.join(PREPARED[::-1])}; the estimator was fitted on {', '.join(PREPARED)}" in result.stderr
    )
    assert "steps.toml" in result.stderr
    (folder / "steps.toml").write_text(f"columns = {json.dumps(PREPARED)}\n{STEPS}")
    assert add().exit_code == 0


def test_options_are_not_taken_for_tried_with_a_published_version(folder: Path, forest: RandomForestClassifier) -> None:
    assert add().exit_code == 0
    (folder / "output.toml").write_text("decimals = 2\n")
    for subject in ("churn", "registry/churn/1"):
        assert weir("check", subject).exit_code == 0
        for option in (["--preprocess", "steps.toml"], ["--output", "output.toml"]):
            result = weir("check", subject, *option)
            assert result.exit_code == 4
            assert f"{option[0]} cannot be tried with a version that is published" in result.stderr


@pytest.mark.parametrize("option", ["--preprocess", "--output", "--fallback"])
def test_a_file_nested_without_end_is_refused(folder: Path, forest: RandomForestClassifier, option: str) -> None:
    (folder / "deep.toml").write_text("x = " + "[" * 5000 + "]" * 5000 + "\n")
    arguments = ["--name", "churn", "--data", "train.csv", "--target", "churned", "--time", "at"]
    result = weir("add", "model.skops", *arguments, option, "deep.toml")
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code == 1
    assert "deep.toml" in result.stderr


def test_held_out_rows_need_a_time_only_where_a_step_reads_it(folder: Path, forest: RandomForestClassifier) -> None:
    (folder / "output.toml").write_text('calibration = "sigmoid"\ncalibration_data = "held.csv"\n')
    lines = [line.split(",") for line in (folder / "live.csv").read_text().splitlines()]
    (folder / "held.csv").write_text("\n".join(",".join([*row[:3], row[4]]) for row in lines) + "\n")
    assert "no column 'at'" in add("--output", "output.toml").stderr
    untimed = STEPS[: STEPS.rindex("[[steps]]")]
    (folder / "steps.toml").write_text(untimed)
    assert prepare().exit_code == 0
    skops.io.dump(fit_on(read_csv(folder / "prepared.csv"), PREPARED[:-1]), folder / "model.skops")
    result = add("--output", "output.toml")
    assert result.exit_code == 0, result.stderr
    assert "calibration fitted on 200 held-out rows" in result.stderr


def test_a_sample_that_preprocessing_has_no_answer_for_is_refused(folder: Path, forest: RandomForestClassifier) -> None:
    assert add("--runtime", "sklearn").exit_code == 0
    registry = Registry(folder / "registry")
    sample = registry.load("churn").manifest.parity_sample
    rows = [[-5.0, *sample.rows[0][1:]], *sample.rows[1:]]
    reseal(folder / "registry" / "churn" / "1", parity_sample=msgspec.structs.replace(sample, rows=rows))
    with pytest.raises(ModelError, match="preprocessing fails on its own parity sample: step 2"):
        registry.load("churn")


def test_gradient_boosting_with_categories_is_refused_for_what_it_holds(folder: Path) -> None:
    rows, labels = np.array([[0.0], [1.0]] * 40), ["yes", "no"] * 40
    skops.io.dump(HistGradientBoostingClassifier(categorical_features=[0]).fit(rows, labels), folder / "model.skops")
    result = weir("check", "model.skops")
    assert result.exit_code == 4
    assert "functools.partial" in result.stderr
    assert "HistGradientBoosting without categorical_features is taken" in result.stderr
    skops.io.dump(HistGradientBoostingClassifier().fit(rows, labels), folder / "model.skops")
    assert weir("check", "model.skops").exit_code == 0
