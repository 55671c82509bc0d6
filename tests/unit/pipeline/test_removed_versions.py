"""Which versions are gone from the registry, and which only cannot be seen for now."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from models.registry import Registry
from streams import removed_versions
from streams.joining.state import ModelVersion
from streams.late_references import LOOK_AGAIN_S
from streams.records import RecordBatch
from streams.removed_versions import RemovedVersions
from streams.roles import drift_role
from streams.settings import ModelSettings, Settings
from streams.telemetry.metrics import Metrics
from tests.faults.workload import MODEL, publish_model

FIRST, SECOND = ModelVersion(MODEL, "1"), ModelVersion(MODEL, "2")


class Looks:
    """Looks at a registry of two versions, and at a clock that stands still unless it is set."""

    def __init__(self, root: Path) -> None:
        self.root, self.now = root, 0.0
        publish_model(root)
        shutil.copytree(root / MODEL / "1", root / MODEL / "2")
        self.removed = RemovedVersions(Registry(root), lambda: self.now)

    def after(self, seconds: float) -> list[ModelVersion]:
        self.now += seconds
        return self.removed.among([FIRST, SECOND])


def test_a_version_is_gone_once_two_looks_say_so_and_is_told_again(tmp_path: Path) -> None:
    looks = Looks(tmp_path)
    assert looks.after(0) == []
    shutil.rmtree(tmp_path / MODEL / "1")
    assert looks.after(LOOK_AGAIN_S) == [], "one look is not enough"
    assert looks.after(LOOK_AGAIN_S - 1) == []
    assert looks.after(1) == [FIRST]
    assert looks.after(1) == []
    assert looks.after(LOOK_AGAIN_S) == [FIRST]


def test_a_version_that_was_there_in_between_is_not_gone(tmp_path: Path) -> None:
    looks = Looks(tmp_path)
    for there in (False, True, False):
        (tmp_path / MODEL / "1").rename(tmp_path / "aside") if not there else (tmp_path / "aside").rename(
            tmp_path / MODEL / "1"
        )
        assert looks.after(LOOK_AGAIN_S) == []
    assert looks.after(LOOK_AGAIN_S) == [FIRST]


def test_the_last_version_of_a_model_and_a_model_that_is_gone_as_a_whole(tmp_path: Path) -> None:
    looks = Looks(tmp_path)
    shutil.rmtree(tmp_path / MODEL / "1")
    shutil.rmtree(tmp_path / MODEL / "2")
    looks.after(0)
    assert looks.after(LOOK_AGAIN_S) == [FIRST, SECOND], "the pointer to the active one is still there"
    shutil.rmtree(tmp_path / MODEL)
    assert looks.after(LOOK_AGAIN_S) == [], "an empty registry may be one that is not mounted"
    publish_model(tmp_path)
    (tmp_path / MODEL).rename(tmp_path / "another")
    looks.after(LOOK_AGAIN_S)
    assert looks.after(LOOK_AGAIN_S) == [FIRST, SECOND]


@pytest.mark.parametrize("hidden", [MODEL, "."])
def test_a_volume_that_is_not_mounted_tells_nothing(tmp_path: Path, hidden: str) -> None:
    """Neither the model's nor that of all: its place is there and empty."""
    looks, root = Looks(tmp_path / "models"), tmp_path / "models"
    (root / hidden).resolve().rename(tmp_path / "aside")
    (root / hidden).mkdir()
    for _ in range(3):
        assert looks.after(LOOK_AGAIN_S) == []
    root.rename(tmp_path / "root") if hidden == MODEL else root.rmdir()
    assert looks.after(LOOK_AGAIN_S) == looks.after(LOOK_AGAIN_S) == []


def test_an_error_is_no_absence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(tmp_path)

    def stale(_path: Path) -> None:
        raise OSError(116, "Stale file handle")

    monkeypatch.setattr(Path, "lstat", stale)
    assert looks.after(0) == looks.after(LOOK_AGAIN_S) == []


def test_a_reference_that_is_damaged_is_there(tmp_path: Path) -> None:
    looks = Looks(tmp_path)
    [reference] = (tmp_path / MODEL / "1").glob("reference*")
    reference.write_bytes(b"{}")
    assert looks.after(0) == looks.after(LOOK_AGAIN_S) == []


def test_a_drift_worker_says_so_in_the_log_of_observations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removed_versions, "LOOK_AGAIN_S", 0.0)
    Looks(tmp_path)
    shutil.rmtree(tmp_path / MODEL / "1")
    settings = Settings(model=ModelSettings(registry=tmp_path))
    role = drift_role(settings, Metrics(CollectorRegistry()), lambda: None)
    decider = role.make_decider({settings.topics.name("events"): 1})
    state = decider.load(0, {f"{MODEL}/1/progress": b"{}"})
    idle = RecordBatch("observations", [], [], [], [], [], [], idle={0: 1000})
    told = [decider.decide({0: state}, idle, decider.prepare(idle)).outbox for _ in range(2)]
    assert [[(record.topic, record.key) for record in outbox] for outbox in told] == [
        [],
        [(settings.topics.name("observations"), MODEL.encode())],
    ]
    assert "Write" in role.rights[settings.topics.name("observations")]
