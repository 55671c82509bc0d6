"""`weir model add`, `check` and `list`, as a user runs them."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from typer.testing import CliRunner

from drift.profile import decode_profile
from models.fallback import Fallback
from models.registry import Registry
from models.schema import Feature, InputSchema, Kind
from streams.cli.model_serving import model_app
from streams.modelling import publish_estimator
from tests.unit.models.building import replace_file

HEADER = "age,plan,at,churned\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Training rows in train.csv, the estimator fitted on them in model.skops and model.joblib."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WEIR_MODEL__REGISTRY", raising=False)
    rng = np.random.default_rng(3)
    age, plan = rng.normal(40, 9, 300), rng.choice(["free", "pro"], 300)
    churned = np.where((age > 40) ^ (plan == "pro"), "yes", "no")
    lines = (f"{a},{p},{1704067200000 + i},{c}\n" for i, (a, p, c) in enumerate(zip(age, plan, churned, strict=True)))
    (tmp_path / "train.csv").write_text(HEADER + "".join(lines))
    matrix = np.empty((300, 2), object)
    matrix[:, 0], matrix[:, 1] = age, plan
    encode = ColumnTransformer([("a", StandardScaler(), [0]), ("p", OneHotEncoder(), [1])])
    estimator = make_pipeline(encode, LogisticRegression()).fit(matrix, churned)
    skops.io.dump(estimator, tmp_path / "model.skops")
    joblib.dump(estimator, tmp_path / "model.joblib")
    return tmp_path


def weir(*arguments: str) -> Any:
    return CliRunner().invoke(model_app, list(arguments))


def add(*more: str, file: str = "model.skops") -> Any:
    return weir("add", file, "--name", "churn", "--data", "train.csv", "--target", "churned", "--time", "at", *more)


def printed(result: Any) -> Any:
    return json.loads(result.stdout)


def test_add_publishes_a_model_that_answers(folder: Path) -> None:
    result = add("--json")
    assert result.exit_code == 0, result.stderr
    added = printed(result)
    assert (added["name"], added["version"], added["active"], added["task"]) == ("churn", "1", True, "binary")
    assert added["classes"] == ["no", "yes"]
    assert [feature["name"] for feature in added["features"]] == ["age", "plan"]
    assert added["tiled_rows_per_s"] > 0
    assert added["memory_mb"] is None or 0 <= added["memory_mb"] < 50
    assert "300 training rows" in result.stderr

    model = Registry(folder / "registry").load("churn")
    assert model.predict(np.array([[60.0, 0.0], [60.0, 1.0]])).values == ["yes", "no"]
    reference = decode_profile(model.reference)
    assert [(signal.role, signal.name) for signal in reference.signals] == [
        ("feature", "age"),
        ("feature", "plan"),
        ("output", "score"),
        ("output", "class"),
    ]
    assert (reference.rows, reference.first_ms) == (300, 1704067200000)


def test_add_again_is_a_new_version_and_not_active(folder: Path) -> None:
    assert add().exit_code == 0
    second = add("--registry", str(folder / "registry"))
    assert second.exit_code == 0
    assert second.stdout.startswith("churn 2 ")
    assert "published, not active" in second.stderr
    taken = add("--version", "2")
    assert taken.exit_code == 1
    assert taken.stdout == ""
    assert "version 2 of churn exists" in taken.stderr


def test_add_with_a_fallback_writes_it_into_the_manifest(folder: Path) -> None:
    (folder / "fallback.toml").write_text("cache = true\nrule = \"'yes' if age > 40 else 'no'\"\ndefault = \"no\"\n")
    assert add("--fallback", "fallback.toml").exit_code == 0
    fallback = Registry(folder / "registry").load("churn").manifest.fallback
    assert fallback == Fallback(cache=True, rule="'yes' if age > 40 else 'no'", default="no")
    shown = printed(weir("show", "churn", "--json"))["fallback"]
    assert shown == {"cache": True, "rule": fallback.rule, "default": "no"}
    assert "fallback: default 'no'" in weir("show", "churn").stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rule = \"'perhaps'\"", "none of the labels"),
        ("default = 3", "none of the labels"),
        ("rules = 1", "unknown field"),
        ("= =", "cannot be read"),
    ],
)
def test_add_with_a_fallback_that_does_not_hold_publishes_nothing(folder: Path, text: str, said: str) -> None:
    (folder / "fallback.toml").write_text(text)
    refused = add("--fallback", "fallback.toml")
    assert (refused.exit_code, said in refused.stderr) == (1, True)
    assert Registry(folder / "registry").versions("churn") == []


def test_check_tries_a_fallback_as_add_does(folder: Path) -> None:
    data = ("--data", "train.csv", "--target", "churned", "--time", "at")
    (folder / "fallback.toml").write_text('default = "no"')
    assert weir("check", "model.skops", *data, "--fallback", "fallback.toml").exit_code == 0
    assert "--fallback was given without --data" in weir("check", "model.skops", "--fallback", "fallback.toml").stderr
    (folder / "fallback.toml").write_text("default = 3")
    refused = weir("check", "model.skops", *data, "--fallback", "fallback.toml")
    assert (refused.exit_code, "none of the labels" in refused.stderr) == (4, True)
    assert not (folder / "registry").exists()


def test_list_tells_versions_and_the_active_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(weir("list", "--json")) == []
    monkeypatch.setenv("WEIR_MODEL__REGISTRY", str(folder / "elsewhere"))
    add()
    add("--version", "summer")
    listed = printed(weir("list", "--json"))
    assert [(one["name"], one["version"], one["active"]) for one in listed] == [
        ("churn", "1", True),
        ("churn", "summer", False),
    ]
    assert [line.split()[:2] for line in weir("list").stdout.splitlines()] == [["*", "churn"], ["churn", "summer"]]
    (folder / "elsewhere/churn/1/manifest.json").unlink()
    damaged = weir("list", "--json")
    assert damaged.exit_code == 0
    assert "manifest.json" in printed(damaged)[0]["problem"]


def test_show_tells_what_a_version_takes_and_gives(folder: Path) -> None:
    add("--runtime", "sklearn")
    told = printed(weir("show", "churn", "--json"))
    assert (told["version"], told["active"], told["task"], told["classes"]) == ("1", True, "binary", ["no", "yes"])
    assert [feature["name"] for feature in told["features"]] == ["age", "plan"]
    assert set(told["files"]) == {"estimator.skops", "reference.json"}
    words = weir("show", "churn/1")
    assert "plan  category one of free, pro" in words.stdout
    assert weir("show", "churn/2").exit_code == 1


def test_the_default_is_changed_without_a_broker_by_what_can_be_served(folder: Path) -> None:
    for _ in range(2):
        add("--runtime", "sklearn")
    assert weir("promote", "churn", "2", "--offline").exit_code == 0
    assert printed(weir("show", "churn", "--json"))["version"] == "2"
    replace_file(folder / "registry" / "churn" / "1" / "estimator.skops", b"damaged")
    refused = weir("promote", "churn", "1", "--offline")
    assert (refused.exit_code, "sha256" in refused.stderr) == (1, True)
    assert printed(weir("show", "churn", "--json"))["version"] == "2"


def test_a_pickle_needs_trust_and_is_stored_as_skops(folder: Path) -> None:
    refused = add(file="model.joblib")
    assert refused.exit_code == 1
    assert "--trust" in refused.stderr
    assert add("--trust", "--runtime", "sklearn", file="model.joblib").exit_code == 0
    saved = (folder / "registry/churn/1/estimator.skops").read_bytes()
    assert saved.startswith(b"PK")


def test_a_pickle_that_does_not_open_is_said_in_one_line(folder: Path) -> None:
    (folder / "model.pkl").write_bytes(pickle.dumps("no estimator")[:-3])
    broken = add("--trust", file="model.pkl")
    assert broken.exit_code == 1
    assert "cannot be saved as skops" in broken.stderr
    assert "Traceback" not in broken.stderr


def test_check_before_add_says_what_would_fail(folder: Path) -> None:
    good = weir("check", "model.skops", "--data", "train.csv", "--target", "churned", "--time", "at", "--json")
    assert good.exit_code == 0, good.stderr
    assert printed(good)[0]["ok"]
    assert not (folder / "registry").exists()

    bad = weir("check", "model.skops", "model.joblib", "nowhere.skops", "--data", "train.csv", "--json")
    assert bad.exit_code == 4
    assert [(one["ok"], one["error"]["what"]) for one in printed(bad)] == [
        (False, "the estimator was fitted on 2 columns, the training data has 4 (age, plan, at, churned)"),
        (False, "a pickle runs the code it holds when it is opened"),
        (False, "cannot be read: No such file or directory"),
    ]


def test_check_of_what_is_published_finds_damage(folder: Path) -> None:
    add()
    assert weir("check", "churn", "churn/1", "registry/churn/1").exit_code == 0
    (estimator,) = (folder / "registry/churn/1").glob("estimator.*")
    data = estimator.read_bytes()
    estimator.unlink()
    estimator.write_bytes(data + b" ")
    damaged = weir("check", "churn", "model.skops")
    assert damaged.exit_code == 4
    assert damaged.stdout.splitlines() == ["FAILS  churn", "ok  model.skops"]
    assert "sha256" in damaged.stderr
    assert weir("check", "chrun").exit_code == 4


def test_a_reference_profile_that_drift_cannot_read_is_found(folder: Path) -> None:
    from tests.unit.models.building import reseal

    add()
    reseal(folder / "registry/churn/1", {"reference.json": b"{}"})
    result = weir("check", "churn")
    assert result.exit_code == 4
    assert "reference profile does not fit" in result.stderr


def test_the_runtime_is_chosen_and_said_by_add_and_by_check(folder: Path) -> None:
    arguments = ("--data", "train.csv", "--target", "churned", "--time", "at")
    added = add("--json")
    checked = weir("check", "model.skops", *arguments)
    assert printed(added)["runtime"] == "onnx"
    (told,) = (line for line in added.stderr.splitlines() if line.startswith("served by ONNX Runtime: in float"))
    assert told in checked.stderr.splitlines()
    kept = add("--json", "--runtime", "sklearn")
    assert printed(kept)["runtime"] == "sklearn"
    assert "served by scikit-learn\n" in kept.stderr
    versions = [Registry(folder / "registry").load("churn", version) for version in ("1", "2")]
    rows = np.array([[31.0, 0.0], [60.0, 1.0], [45.0, 1.0]])
    assert versions[0].predict(rows).values == versions[1].predict(rows).values
    assert weir("add", "model.skops", "--name", "x", "--data", "train.csv", "--runtime", "gpu").exit_code == 2


def test_a_ready_onnx_file_is_added_and_checked(folder: Path) -> None:
    from tests.unit.models.onnx_building import exported

    matrix = np.random.default_rng(1).normal(size=(200, 2))
    lines = [f"{a},{b},{'up' if a > b else 'down'}" for a, b in matrix.tolist()]
    (folder / "two.csv").write_text("\n".join(["a,b,way", *lines]))
    words = np.where(matrix[:, 0] > matrix[:, 1], "up", "down")
    (folder / "two.onnx").write_bytes(exported(LogisticRegression().fit(matrix, words), 2))
    arguments = ("two.onnx", "--data", "two.csv", "--target", "way")
    assert weir("check", "two.onnx").exit_code == 0
    assert weir("check", *arguments).exit_code == 0
    result = weir("add", *arguments, "--name", "two", "--json")
    assert result.exit_code == 0, result.stderr
    assert (printed(result)["classes"], printed(result)["runtime"]) == (["down", "up"], "onnx")
    assert weir("check", "two").exit_code == 0
    wide = weir("check", "two.onnx", "--data", "two.csv")
    assert wide.exit_code == 4
    assert "has 2 columns, the training data has 3 (a, b, way)" in wide.stderr
    refused = weir("add", *arguments, "--name", "two", "--runtime", "sklearn")
    assert (refused.exit_code, refused.stdout) == (1, "")
    (folder / "link.onnx").symlink_to(folder / "two.onnx")
    assert "a link" in weir("add", "link.onnx", "--data", "two.csv", "--name", "two").stderr


def test_wrong_usage_exits_2(folder: Path) -> None:
    assert weir("add", "model.skops", "--data", "train.csv").exit_code == 2
    assert weir("check").exit_code == 2
    assert weir("remove-everything").exit_code == 2


def test_an_estimator_in_memory_is_published_as_well(tmp_path: Path) -> None:
    matrix = np.column_stack([np.linspace(-1, 1, 200), np.tile([0.0, 1.0], 100)])
    estimator = LogisticRegression().fit(matrix, matrix[:, 0] > 0)
    schema = InputSchema((Feature("x"), Feature("on", Kind.BOOLEAN)))
    assert publish_estimator(tmp_path, "demo", estimator, schema, matrix, class_scores=True) == "1"
    assert publish_estimator(tmp_path, "demo", estimator, schema, matrix) == "2"
    found = Registry(tmp_path).load("demo").predict(matrix)
    assert found.values == (matrix[:, 0] > 0).tolist()
    assert found.class_scores is not None


def test_add_trains_a_declared_online_model(folder: Path) -> None:
    (folder / "online.toml").write_text('model = "logistic_regression"\nlearning_rate = 0.1\n')
    checked = weir("check", "online.toml")
    assert checked.exit_code == 0 and "logistic_regression" in checked.stderr
    result = add("--json", file="online.toml")
    assert result.exit_code == 0, result.stderr
    added = printed(result)
    assert (added["runtime"], added["task"], added["classes"]) == ("river", "binary", ["no", "yes"])
    assert 0 <= added["prequential_accuracy"] <= 1
    assert f"{added['prequential_accuracy']:.1%} were answered right before they were learnt" in result.stderr
    Registry(folder / "registry").load("churn")
    refused = add("--runtime", "onnx", file="online.toml")
    assert refused.exit_code == 1 and "--runtime onnx" in refused.stderr


def test_an_online_model_needs_its_target(folder: Path) -> None:
    (folder / "online.toml").write_text('model = "gaussian_nb"\n')
    result = weir("add", "online.toml", "--name", "churn", "--data", "train.csv", "--time", "at")
    assert result.exit_code == 1
    assert "--target" in result.stderr
