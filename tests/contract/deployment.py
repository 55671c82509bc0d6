"""What the tests of both deployments ask about a container."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path

from typer.testing import CliRunner

from streams.cli.main import app
from streams.settings.loading import CONFIG_VARIABLE, VARIABLES
from streams.worker import EXIT_DEADLINE_S

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
IMAGE = f"weir:{PROJECT['version']}"
USER = 65534
LEAVES_WITHIN_S = EXIT_DEADLINE_S + 1
"""From SIGTERM to the exit of a worker, one whose interpreter hangs included (streams.worker.leave_in_time)."""


def is_command(command: Sequence[str]) -> bool:
    """Whether `weir` has this command and takes these options; nothing is run."""
    program, *arguments = command
    return program == "weir" and CliRunner().invoke(app, [*arguments, "--help"]).exit_code == 0


def unknown_variables(names: Sequence[str]) -> list[str]:
    """WEIR_ variables that no setting reads."""
    return [name for name in names if name.startswith("WEIR_") and name not in {*VARIABLES, CONFIG_VARIABLE}]
