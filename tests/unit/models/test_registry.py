"""Versions are published at once or not at all, never change, and one is active."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression

from models.adding import Candidate, make_candidate
from models.errors import ModelError
from models.registry import Registry
from models.trusted import save_estimator
from tests.unit.models.building import REFERENCE, number_schema, rows

MATRIX = rows(100, 2)


@pytest.fixture(scope="module")
def candidate() -> Candidate:
    estimator = LogisticRegression().fit(MATRIX, MATRIX[:, 0] > 0)
    return make_candidate(
        save_estimator(estimator), number_schema(2), MATRIX, name="churn", created="2026-01-01T00:00:00Z", where="test"
    )


def publish(registry: Registry, candidate: Candidate, version: str | None = None) -> str:
    return registry.publish(candidate.manifest, candidate.files(REFERENCE), version).version


def test_versions_count_up_and_the_first_is_active(registry_root: Path, candidate: Candidate) -> None:
    registry = Registry(registry_root)
    assert [publish(registry, candidate) for _ in range(11)] == [str(n) for n in range(1, 12)]
    assert registry.versions("churn") == [str(n) for n in range(1, 12)]
    assert publish(registry, candidate, "beta") == "beta"
    assert registry.active("churn") == "1"
    assert registry.load("churn").version == "1"
    assert registry.load("churn", "beta").version == "beta"
    registry.activate("churn", "10")
    assert registry.load("churn").version == "10"
    assert [entry.version for entry in registry.entries() if entry.active] == ["10"]


def test_a_version_never_changes(registry_root: Path, candidate: Candidate) -> None:
    registry = Registry(registry_root)
    publish(registry, candidate, "7")
    before = {path.name: path.read_bytes() for path in (registry_root / "churn" / "7").iterdir()}
    with pytest.raises(ModelError, match="version 7 of churn exists"):
        registry.publish(candidate.manifest, candidate.files(b"other"), "7")
    assert {path.name: path.read_bytes() for path in (registry_root / "churn" / "7").iterdir()} == before
    assert sorted(path.name for path in (registry_root / "churn").iterdir()) == [".active", "7"]


def test_a_removed_version_is_gone_whole_and_the_active_one_stays(registry_root: Path, candidate: Candidate) -> None:
    registry = Registry(registry_root)
    for _ in range(2):
        publish(registry, candidate)
    with pytest.raises(ModelError, match="is the registry's active one"):
        registry.remove("churn", "1")
    with pytest.raises(ModelError, match="no version 3"):
        registry.remove("churn", "3")
    registry.remove("churn", "2")
    assert registry.versions("churn") == ["1"]
    assert sorted(path.name for path in (registry_root / "churn").iterdir()) == [".active", ".removed", "1"]


def test_the_name_of_a_removed_version_is_not_given_again(registry_root: Path, candidate: Candidate) -> None:
    registry = Registry(registry_root)
    for _ in range(2):
        publish(registry, candidate)
    registry.remove("churn", "2")
    with pytest.raises(ModelError, match="version 2 of churn exists, or did"):
        publish(registry, candidate, "2")
    assert publish(registry, candidate) == "3"


@pytest.mark.parametrize("fails_at", range(1, 8))
def test_a_failed_write_leaves_nothing_to_see(
    registry_root: Path, candidate: Candidate, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    """4 files, their directory, its parent; the 7th is the pointer to the active version."""
    calls = 0

    def fsync(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == fails_at:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    registry = Registry(registry_root)
    with pytest.raises(OSError, match="No space left"):
        publish(registry, candidate)
    monkeypatch.undo()

    assert calls == fails_at
    written = fails_at >= 6  # renamed: complete, and loadable by its number
    assert registry.versions("churn") == (["1"] if written else [])
    assert [path for path in (registry_root / "churn").iterdir() if path.name.startswith(".draft")] == []
    publish(registry, candidate)
    assert registry.load("churn").version == ("2" if written else "1")


def test_publishers_at_the_same_time_get_versions_of_their_own(registry_root: Path, candidate: Candidate) -> None:
    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(lambda _: publish(Registry(registry_root), candidate), range(24)))
    assert sorted(map(int, versions)) == list(range(1, 25))
    registry = Registry(registry_root)
    assert registry.load("churn").version == registry.active("churn")
    assert all(registry.load("churn", version).manifest.version == version for version in versions)


def test_a_draft_of_a_killed_process_is_no_version(registry_root: Path, candidate: Candidate) -> None:
    registry = Registry(registry_root)
    publish(registry, candidate)
    (registry_root / "churn" / ".draft-killed").mkdir()
    (registry_root / ".draft-killed").mkdir()
    assert [(entry.name, entry.version) for entry in registry.entries()] == [("churn", "1")]


@pytest.mark.parametrize("bad", ["..", ".", "", "../churn", "a/b", "/etc", ".active", "-x", "a\x00b", "x" * 65, "ä"])
def test_names_and_versions_stay_inside_the_registry(registry_root: Path, candidate: Candidate, bad: str) -> None:
    registry = Registry(registry_root)
    publish(registry, candidate)
    for call in (
        lambda: registry.load(bad),
        lambda: registry.load("churn", bad),
        lambda: registry.activate("churn", bad),
        lambda: registry.require_free(bad, None),
        lambda: registry.require_free("churn", bad),
        lambda: registry.publish(candidate.manifest, candidate.files(REFERENCE), bad or "../1"),
    ):
        with pytest.raises(ModelError, match="is not allowed"):
            call()


def test_what_is_not_there_is_said_with_what_is(registry_root: Path, candidate: Candidate) -> None:
    registry = Registry(registry_root)
    with pytest.raises(ModelError, match="holds no model"):
        registry.load("churn")
    publish(registry, candidate)
    with pytest.raises(ModelError, match=r"did you mean churn\?"):
        registry.load("chrun")
    with pytest.raises(ModelError, match=r"no version 3 of model churn.*churn has 1"):
        registry.load("churn", "3")
    with pytest.raises(ModelError, match="no version 3"):
        registry.activate("churn", "3")


@pytest.mark.parametrize("pointer", [b"../../etc\n", b"\xff\xfe", b""])
def test_a_damaged_pointer_is_an_error_not_a_path(registry_root: Path, candidate: Candidate, pointer: bytes) -> None:
    registry = Registry(registry_root)
    publish(registry, candidate)
    (registry_root / "churn" / ".active").write_bytes(pointer)
    with pytest.raises(ModelError, match="active version of churn cannot be read"):
        registry.load("churn")
    assert registry.entries()[0].problem


def test_a_damaged_version_does_not_hide_the_others(registry_root: Path, candidate: Candidate) -> None:
    registry = Registry(registry_root)
    publish(registry, candidate)
    publish(registry, candidate)
    (registry_root / "churn" / "1" / "manifest.json").unlink()
    first, second = registry.entries()
    assert first.manifest is None
    assert "manifest.json" in (first.problem or "")
    assert second.manifest is not None
    assert second.problem is None
