"""`weir contracts export` and `diff` from the outside: files, words and exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from streams.cli.main import app
from tests.faults.workload import FEATURES, MODEL, publish_model


def weir(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["contracts", *map(str, arguments)])


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    done = weir("export", "--out", tmp_path / "old")
    assert done.exit_code == 0, done.stderr
    return tmp_path / "old"


def edited(folder: Path, to: Path, file: str, **changes: Any) -> Path:
    """A copy, with the properties of one schema changed; None takes a property away."""
    to.mkdir()
    for path in folder.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    schema = json.loads((to / file).read_text())
    schema["properties"] = {name: own for name, own in {**schema["properties"], **changes}.items() if own is not None}
    (to / file).write_text(json.dumps(schema))
    return to


def test_what_is_written_is_told_and_comes_again(exported: Path, tmp_path: Path) -> None:
    done = weir("export", "--out", tmp_path / "again", "--json")
    written = [Path(path) for path in json.loads(done.stdout)]
    assert {path.name for path in written} == {path.name for path in exported.iterdir()}
    assert all((exported / path.name).read_bytes() == path.read_bytes() for path in written)


def test_events_of_a_model_have_its_features(tmp_path: Path) -> None:
    publish_model(tmp_path / "registry")
    done = weir("export", "--out", tmp_path / "out", "--model", MODEL, "--registry", tmp_path / "registry")
    assert done.exit_code == 0, done.stderr
    features = json.loads((tmp_path / "out/event.schema.json").read_text())["$defs"]["Features"]
    assert list(features["properties"]) == features["required"] == list(FEATURES)
    assert weir("export", "--model", "nobody", "--registry", tmp_path / "registry").exit_code == 1
    assert not (tmp_path / "contracts").exists()


def test_the_same_is_no_finding(exported: Path) -> None:
    done = weir("diff", exported, exported)
    assert (done.exit_code, done.stdout) == (0, "")
    assert json.loads(weir("diff", exported, exported, "--json").stdout) == []


def test_a_breaking_change_is_exit_4_and_named(exported: Path, tmp_path: Path) -> None:
    new = edited(exported, tmp_path / "new", "prediction.schema.json", score=None, cost={"type": "integer"})
    done = weir("diff", exported, new)
    assert done.exit_code == 4
    assert done.stdout.splitlines() == [
        "breaking  prediction.schema.json: score removed",
        "fine      prediction.schema.json: cost added",
    ]
    told = json.loads(weir("diff", exported, new, "--json").stdout)
    assert [(each["field"], each["breaking"]) for each in told] == [("score", True), ("cost", False)]
    file = "prediction.schema.json"
    assert weir("diff", exported / file, new / file).exit_code == 4


def test_a_new_field_is_fine(exported: Path, tmp_path: Path) -> None:
    new = edited(exported, tmp_path / "new", "label.schema.json", certainty={"type": "number"})
    assert weir("diff", exported, new).exit_code == 0


def test_what_holds_no_contract_is_exit_2_with_a_fix(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("no json")
    for new in (tmp_path / "empty", tmp_path / "missing", tmp_path / "text"):
        done = weir("diff", exported, new)
        assert done.exit_code == 2, new
        assert str(new) in done.stderr or str(exported) in done.stderr
    assert "weir contracts export" in weir("diff", exported, tmp_path / "empty").stderr
    done = weir("diff", exported / "asyncapi.json", exported / "openapi.json")
    assert done.exit_code == 2
    assert "AsyncAPI" in done.stderr
