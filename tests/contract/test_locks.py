"""The lock files: exact, hashed, free of any index, and in step with pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT, GROUPS = PYPROJECT["project"], PYPROJECT["dependency-groups"]
LOCKS = {
    "base.txt": PROJECT["dependencies"],
    "dev.txt": [*PROJECT["dependencies"], *GROUPS["dev"], *PROJECT["optional-dependencies"]["convert"]],
    "build.txt": PYPROJECT["build-system"]["requires"],
    "demo.txt": PROJECT["optional-dependencies"]["demo"],
}
PYTHONS = ["3.11", "3.12", "3.13"]

per_lock = pytest.mark.parametrize("name", LOCKS)


def entries(name: str) -> list[str]:
    """The lock's logical lines: a requirement with its hashes."""
    text = (ROOT / "requirements" / name).read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def pins(name: str) -> list[Requirement]:
    return [Requirement(line.split(" --hash")[0].strip()) for line in entries(name)]


def applies(marker: Marker | None, python: str) -> bool:
    environment = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
    return marker is None or marker.evaluate(environment)


@per_lock
def test_every_requirement_is_exact_and_hashed(name: str) -> None:
    for line in entries(name):
        assert re.match(r"[a-z0-9._-]+==\S+ ", line), line[:80]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", line), line[:80]


@per_lock
def test_no_index_and_no_host_is_named(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    assert "://" not in text
    assert "index" not in text.replace("importlib", "")
    assert "@" not in text


@per_lock
@pytest.mark.parametrize("python", PYTHONS)
def test_what_pyproject_asks_for_is_locked_for_each_python(name: str, python: str) -> None:
    locked = {canonicalize_name(pin.name): pin for pin in pins(name) if applies(pin.marker, python)}
    for wanted in map(Requirement, LOCKS[name]):
        pin = locked[canonicalize_name(wanted.name)]
        (version,) = pin.specifier
        assert version.version in wanted.specifier, f"{pin} for {wanted}: run `make lock`"


@pytest.mark.parametrize("name", ["base.txt", "build.txt"])
def test_what_runs_in_production_is_what_was_tested(name: str) -> None:
    assert {str(pin) for pin in pins(name)} <= {str(pin) for pin in pins("dev.txt")}


def test_every_python_that_the_project_names_is_locked() -> None:
    supported = Requirement(f"python{PROJECT['requires-python']}").specifier
    assert [python for python in ("3.10", *PYTHONS, "3.14") if python in supported] == PYTHONS
