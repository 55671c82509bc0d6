"""`weir model prepare` and `add` with keyed features: the estimator is served on what it was fitted on, to the bit."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import RandomForestClassifier
from typer.testing import CliRunner

from models.manifest import decode_manifest
from models.registry import Registry
from streams.cli.main import app
from streams.cli.model_serving import model_app
from tests.unit.keyed.test_decider import decider_of
from tests.unit.pipeline.fakes import NOW, batch_of

DECLARED = """
[keyed]
ttl_s = 3600

[[keyed.features]]
name = "orders_10m"
statistic = "count"
window_s = 600

[[keyed.features]]
name = "usual_amount"
statistic = "ewma"
of = "amount"
half_life_s = 300

[[keyed.features]]
name = "since_last"
statistic = "time_since_last"

[[steps]]
step = "impute"
columns = ["usual_amount", "since_last"]
strategy = "constant"
value = -1
"""
START = NOW - 10_000_000


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WEIR_MODEL__REGISTRY", raising=False)
    Path("keyed.toml").write_text(DECLARED)
    rng = np.random.default_rng(5)
    lines, at = ["amount,customer,at,fraud"], START
    for _ in range(500):
        at += int(rng.integers(1, 20_000))
        lines.append(f"{float(rng.lognormal(3, 1))!r},{rng.integers(0, 25)},{at},{rng.choice(['yes', 'no'])}")
    Path("train.csv").write_text("\n".join(lines) + "\n")
    Path("all.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


NAMED = ("--target", "fraud", "--time", "at", "--key", "customer", "--preprocess", "keyed.toml")


def weir(*arguments: str) -> Any:
    return CliRunner().invoke(model_app, list(arguments))


def rows_of(name: str) -> list[dict[str, str]]:
    with Path(name).open(newline="") as file:
        return list(csv.DictReader(file))


def add(*more: str) -> Any:
    """Fit on what `prepare` writes, and add."""
    assert weir("prepare", "train.csv", "prepared.csv", *NAMED).exit_code == 0
    read = rows_of("prepared.csv")
    matrix = np.array([[float(row[name]) for name in row if name not in ("fraud", "at")] for row in read])
    estimator = RandomForestClassifier(n_estimators=15, random_state=1).fit(matrix, [row["fraud"] for row in read])
    skops.io.dump(estimator, "model.skops")
    return weir("add", "model.skops", "--name", "fraud", "--data", "train.csv", *NAMED, *more)


def test_answers_over_the_stream_are_the_estimators_own_on_the_prepared_rows(folder: Path) -> None:
    assert add("--runtime", "sklearn").exit_code == 0
    prepared = rows_of("prepared.csv")
    assert list(prepared[0]) == ["amount", "orders_10m", "usual_amount", "since_last", "fraud", "at"]
    model = Registry(folder / "registry").load("fraud")
    raw = rows_of("train.csv")
    values = [
        json.dumps({"id": f"e{n}", "time": int(row["at"]), "features": {"amount": float(row["amount"])}}).encode()
        for n, row in enumerate(raw)
    ]
    decider = decider_of(model)
    state, found = decider.load(0, {}), []
    for begin in range(0, len(values), 70):
        part = slice(begin, begin + 70)
        keys = [row["customer"].encode() for row in raw[part]]
        batch = batch_of(values[part], keys=keys, first_offset=begin)
        decision = decider.decide({0: state}, batch, decider.prepare(batch))
        found += [json.loads(record.value or b"")["score"] for record in decision.outbox if record.topic == "p"]
        state.apply(decision.changes[0])
    matrix = np.array(
        [[float(row[name]) for name in ("amount", "orders_10m", "usual_amount", "since_last")] for row in prepared]
    )
    estimator = skops.io.load("model.skops", trusted=["sklearn.tree._tree.Tree"])
    assert found == estimator.predict_proba(matrix)[:, 1].tolist()


def test_rows_held_apart_have_the_training_rows_as_their_past(folder: Path) -> None:
    header, *lines = Path("all.csv").read_text().splitlines()
    Path("train.csv").write_text("\n".join([header, *lines[:400]]) + "\n")
    Path("held.csv").write_text("\n".join([header, *lines[400:]]) + "\n")
    assert weir("prepare", "train.csv", "held-prepared.csv", *NAMED, "--rows", "held.csv").exit_code == 0
    assert weir("prepare", "all.csv", "all-prepared.csv", *NAMED).exit_code == 0
    assert rows_of("held-prepared.csv") == rows_of("all-prepared.csv")[400:]


@pytest.mark.parametrize("left_out", ["--time", "--key"])
def test_rows_without_time_or_key_are_refused(folder: Path, left_out: str) -> None:
    named = list(NAMED)
    at = named.index(left_out)
    del named[at : at + 2]
    told = weir("prepare", "train.csv", "out.csv", *named)
    assert told.exit_code == 1
    assert f"name it with {left_out}" in told.stderr
    assert not Path("out.csv").exists()


@pytest.mark.parametrize(
    ("instead", "word"),
    [
        ('statistic = "ewma"\nof = "price"', "no feature 'price' for `of`; there are amount"),
        ('statistic = "mode"', "Invalid enum value 'mode'"),
        ('statistic = "count"\nwindow = 5', "unknown field `window`"),
        ('statistic = "rate"', "needs `window_s`"),
    ],
)
def test_a_declaration_that_does_not_hold_is_refused(folder: Path, instead: str, word: str) -> None:
    declared = DECLARED.replace('statistic = "ewma"\nof = "amount"', instead)
    Path("keyed.toml").write_text(declared)
    told = weir("prepare", "train.csv", "out.csv", *NAMED)
    assert told.exit_code == 1
    assert word in told.stderr.replace("\n", " ")


def test_show_tells_the_keyed_features_and_the_manifest_keeps_them(folder: Path) -> None:
    assert add().exit_code == 0
    shown = CliRunner().invoke(app, ["model", "show", "fraud", "--registry", "registry"]).stdout
    assert "keyed orders_10m: count over 600 s, by key, kept 3600 s" in shown
    assert "keyed usual_amount: ewma of amount, half-life 300 s, by key" in shown
    data = (folder / "registry/fraud/1/manifest.json").read_bytes()
    manifest = decode_manifest(data, "here")
    assert manifest.keyed is not None
    assert [feature.name for feature in manifest.keyed.keyed.features] == ["orders_10m", "usual_amount", "since_last"]


def test_a_model_with_keyed_features_is_not_tried_on_rows(folder: Path) -> None:
    assert add().exit_code == 0
    told = CliRunner().invoke(
        app, ["drift", "try", "--data", "train.csv", "--model", "fraud", "--registry", "registry"]
    )
    assert told.exit_code == 1
    assert "keyed features cannot be tried on rows" in told.output + str(told.exception)
