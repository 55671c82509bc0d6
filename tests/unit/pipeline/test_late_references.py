"""Model versions that are published while the roles run that watch them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
from prometheus_client import CollectorRegistry

from drift.command import Acknowledge
from drift.profile import ReferenceProfile, decode_profile
from drift.settings import DriftSettings
from models.registry import Registry
from streams.control_records import Proposal, encode_proposal, proposal_key, setting_of
from streams.control_role import control_role
from streams.decide.control import ControlDecider, ControlReport
from streams.decide.drift import DriftDecider, DriftReport
from streams.decide.drift_runs import WatchKey
from streams.decide.drift_state import DriftChange
from streams.decide.labels import LabelsDecider
from streams.joining.records import Answers, JoinRecord, Labels, encode_join
from streams.joining.state import ModelVersion
from streams.labels_role import labels_role
from streams.late_references import LOOK_AGAIN_S, MOST_AT_ONCE, LateReferences
from streams.records import RecordBatch
from streams.roles import drift_role
from streams.settings import ModelSettings, Settings
from streams.telemetry.metrics import Metrics
from streams.telemetry.progress import Progress
from tests.faults.workload import FEATURES, MODEL, publish_model
from tests.unit.drift.streaming import evenly, observation
from tests.unit.pipeline.fakes import NOW

LATE = ModelVersion(MODEL, "1")

PROGRESS = Progress((), needs_model=False, deadline_s=1.0, now=0.0)


class Looks:
    """Looks for references in a registry, and at a clock that stands still unless it is set."""

    def __init__(self, root: Path) -> None:
        self.now = 0.0
        self.found: dict[ModelVersion, ReferenceProfile] = {}
        self.late = LateReferences(Registry(root), self.found.__setitem__, lambda: self.now)

    def after(self, seconds: float, *names: ModelVersion) -> set[ModelVersion]:
        self.now += seconds
        self.late.look_for(names)
        return set(self.found)


def test_a_version_is_found_once_it_is_there_and_the_registry_is_not_asked_all_the_time(tmp_path: Path) -> None:
    looks = Looks(tmp_path)
    assert looks.after(0, LATE) == set()
    publish_model(tmp_path)
    assert looks.after(LOOK_AGAIN_S - 1, LATE) == set()
    assert looks.after(1, LATE) == {LATE}
    assert looks.found[LATE] == decode_profile(Registry(tmp_path).reference(*LATE))


def test_versions_that_are_not_there_keep_no_other_from_being_found(tmp_path: Path) -> None:
    looks = Looks(tmp_path)
    strange = [ModelVersion("../etc", str(number)) for number in range(MOST_AT_ONCE)]
    publish_model(tmp_path)
    assert looks.after(0, *strange, LATE) == set()
    assert looks.after(LOOK_AGAIN_S, *strange, LATE) == {LATE}


def test_each_has_its_turn_however_many_are_missing(tmp_path: Path) -> None:
    """The last by name, published after it was looked for in vain."""
    looks = Looks(tmp_path)
    strange = [ModelVersion("../etc", str(number)) for number in range(2 * MOST_AT_ONCE)]
    for _ in range(3):
        assert looks.after(LOOK_AGAIN_S, *strange, LATE) == set()
    publish_model(tmp_path)
    assert any(looks.after(LOOK_AGAIN_S, *strange, LATE) == {LATE} for _ in range(3))


def test_a_version_that_comes_for_the_first_time_is_looked_for_at_once(tmp_path: Path) -> None:
    looks, strange = Looks(tmp_path), ModelVersion("../etc", "1")
    publish_model(tmp_path)
    looks.after(0, strange)
    assert looks.after(1, LATE) == {LATE}


def test_a_version_is_looked_for_again_though_it_was_not_in_the_last_batch(tmp_path: Path) -> None:
    looks, strange = Looks(tmp_path), ModelVersion("../etc", "1")
    looks.after(0, LATE)
    publish_model(tmp_path)
    assert looks.after(LOOK_AGAIN_S, strange) == {LATE}


def test_a_reference_that_cannot_be_read_is_looked_at_again(tmp_path: Path) -> None:
    looks = Looks(tmp_path)
    publish_model(tmp_path)
    [reference] = (tmp_path / MODEL / "1").glob("reference*")
    whole = reference.read_bytes()
    reference.write_bytes(b"{}")
    assert looks.after(0, LATE) == set()
    reference.write_bytes(whole)
    assert looks.after(LOOK_AGAIN_S, LATE) == {LATE}


def test_drift_is_told_of_a_version_that_was_published_while_the_role_runs(tmp_path: Path) -> None:
    settings = Settings(model=ModelSettings(registry=tmp_path))
    role = labels_role(settings, Metrics(CollectorRegistry()), PROGRESS)
    decider = role.make_decider({"joins": 1})
    assert isinstance(decider, LabelsDecider)
    state = decider.load(0, {})

    def told(offset: int, record: JoinRecord) -> int:
        batch = RecordBatch("joins", [0], [offset], [None], [encode_join(record)], [NOW], [None])
        decision = decider.decide({0: state}, batch, decider.prepare(batch))
        state.apply(decision.changes[0])
        role.on_committed(batch, decision)
        return len(decision.outbox)

    publish_model(tmp_path)
    assert told(0, Answers(MODEL, "1", ["a", "b"], [NOW, NOW], [1, 0])) == 0
    assert told(1, Labels(["a", "b"], [1, 1])) == 1


def test_a_version_that_was_published_while_drift_runs_is_watched_from_its_first_answer(
    tmp_path: Path,
) -> None:
    settings = Settings(model=ModelSettings(registry=tmp_path))

    def make() -> DriftDecider:
        role = drift_role(settings, Metrics(CollectorRegistry()), PROGRESS)
        decider = role.make_decider({settings.topics.name("events"): 1})
        assert isinstance(decider, DriftDecider)
        return decider

    def observed(decider: DriftDecider) -> tuple[dict[WatchKey, int], dict[str, bytes]]:
        state = decider.load(0, {})
        batch = RecordBatch("observations", [0], [0], [None], [msgspec.json.encode(first)], [NOW], [None])
        decision = decider.decide({0: state}, batch, decider.prepare(batch))
        state.apply(decision.changes.get(0, DriftChange()))
        assert isinstance(decision.report, DriftReport)
        return decision.report.unknown, state.dump()

    publish_model(tmp_path / "elsewhere")
    profile = decode_profile(Registry(tmp_path / "elsewhere").reference(*LATE))
    rows = np.zeros((500, len(profile.signals)))
    told = observation(profile, DriftSettings(), 0, np.arange(500), evenly(500), rows)
    first = msgspec.structs.replace(told, model=LATE.model, version=LATE.version)

    early = make()
    assert observed(make()) == ({WatchKey(*LATE): 1}, {})
    publish_model(tmp_path)
    unknown, state = observed(early)
    assert (unknown, state) == observed(make())
    assert (unknown, state != {}) == ({}, True)


def test_signals_of_a_version_that_was_published_while_control_runs_can_be_commanded(tmp_path: Path) -> None:
    role = control_role(
        Settings(model=ModelSettings(registry=tmp_path)),
        Metrics(CollectorRegistry()),
        PROGRESS,
    )
    decider = role.make_decider({})
    assert isinstance(decider, ControlDecider)
    state = decider.load(0, {})

    def answered(number: int, signal: str) -> str:
        command = Acknowledge("ann", signal)
        key, value = proposal_key(setting_of(MODEL, command), f"p{number}"), encode_proposal(Proposal(MODEL), command)
        batch = RecordBatch("control", [0], [number], [key], [value], [NOW], [None])
        report = decider.decide({0: state}, batch, None).report
        assert isinstance(report, ControlReport)
        return report.answers[f"p{number}"].outcome

    assert answered(0, FEATURES[0]) == "refused"
    publish_model(tmp_path)
    assert answered(1, FEATURES[0]) == "accepted"
    assert answered(2, "strange") == "refused"
