"""What the tests of both deployments ask about a container."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path

from typer.testing import CliRunner

from streams.cli.main import app
from streams.settings.loading import CONFIG_VARIABLE, VARIABLES

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
IMAGE = f"weir:{PROJECT['version']}"


def is_command(command: Sequence[str]) -> bool:
    """Whether `weir` has this command and takes these options; nothing is run."""
    program, *arguments = command
    return program == "weir" and CliRunner().invoke(app, [*arguments, "--help"]).exit_code == 0


def unknown_variables(names: Sequence[str]) -> list[str]:
    """WEIR_ variables that no setting reads."""
    return [name for name in names if name.startswith("WEIR_") and name not in {*VARIABLES, CONFIG_VARIABLE}]
