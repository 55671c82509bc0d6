"""A registry with the model, and `weir predict` in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from streams.cli.main import app
from tests.unit.backfill.building import publish


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("WEIR_CONFIG", "WEIR_MODEL__REGISTRY"):
        monkeypatch.delenv(name, raising=False)
    publish(tmp_path / "registry")
    return tmp_path


@pytest.fixture
def weir(folder: Path) -> Callable[..., Any]:
    def run(*arguments: object, stdin: bytes | None = None) -> Any:
        return CliRunner().invoke(app, ["predict", *map(str, arguments)], input=stdin)

    assert folder.is_dir()
    return run


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of some hundred rows, so that small files have many."""
    monkeypatch.setenv("WEIR_LIMITS__VALUE_BYTES", "5000")  # no piece is smaller than a row may be
    monkeypatch.setattr("streams.backfill.text_pieces.PIECE_BYTES", 16_384)
    monkeypatch.setattr("streams.backfill.parquet_pieces.PIECE_ROWS", 300)
