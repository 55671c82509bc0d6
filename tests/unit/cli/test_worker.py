"""`weir worker` before it starts: what cannot work is said at once, in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from streams.cli.main import app
from tests.faults.workload import publish_model


@pytest.mark.parametrize("role", ["predict", "http", "predict,drift"])
def test_without_a_model_it_says_where_it_looked_and_how_to_add_one(
    role: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["worker", "--role", role])
    assert (result.exit_code, result.stdout) == (2, "")
    what, where, why, fix = result.stderr.splitlines()
    assert what == "error: 1 bad setting:"
    assert f'model.registry = "{tmp_path / "registry"}"' in where
    assert "holds a model to serve; there is none" in why
    assert "fix: `weir model add FILE --name NAME --data TRAIN`" in fix


def test_with_several_models_it_asks_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    publish_model(tmp_path / "registry")
    (tmp_path / "registry" / "crash").rename(tmp_path / "registry" / "churn")
    publish_model(tmp_path / "registry")
    result = CliRunner().invoke(app, ["worker"])
    assert result.exit_code == 2
    assert "names one of the registry's models (churn, crash in registry)" in result.stderr
    assert "fix: set model.name" in result.stderr
