"""The import rules hold, and each of them can be broken: a rule that cannot fail protects nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]

BREACHES = [
    ("layers", "models/schema.py", "import streams.records"),
    ("layers", "drift/profile.py", "import models.schema"),
    ("kafka-edge", "streams/worker.py", "import confluent_kafka"),
    ("faust-edge", "streams/kafka/lane.py", "import faust"),
    ("web-edge", "streams/worker.py", "import aiohttp"),
    ("pure", "streams/pipeline.py", "import time"),
    ("pure", "streams/trial/scoring.py", "import time"),
    ("pure", "models/preprocessing/preparation.py", "import time"),
    ("pure", "models/keyed/steps.py", "import time"),
    ("pure", "streams/keyed/state.py", "import time"),
    ("pure", "streams/decide/predict.py", "import models.registry"),  # which opens files
]


def lint(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for package in CONFIG["root_packages"]:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_every_rule_holds() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


def test_every_rule_is_proved_below() -> None:
    assert {contract["id"] for contract in CONFIG["contracts"]} == {rule for rule, _, _ in BREACHES}


@pytest.mark.parametrize(("rule", "file", "line"), BREACHES)
def test_a_breach_is_found(rule: str, file: str, line: str, copy: Path) -> None:
    with (copy / file).open("a") as module:
        module.write(f"\n{line}\n")
    done = lint(copy, "--contract", rule)
    assert done.returncode == 1, done.stdout + done.stderr
    broken = file.removesuffix(".py").replace("/", ".")
    assert f"{broken} -> {line.removeprefix('import ')}" in done.stdout


@pytest.mark.parametrize("package", CONFIG["root_packages"])
def test_decoders_are_made_when_a_module_is_imported(package: str) -> None:
    """msgspec looks at a Struct's types when it first decodes one. Two threads that do so at the same time crash the
    process (0.22.0: a null pointer in json_decode_struct_map), and each lane loads its role on a thread of its own."""
    late = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for line in path.read_text().splitlines()
        if re.search(r"json\.decode\(.*type=|msgpack\.decode\(", line)
    ]
    assert late == []
