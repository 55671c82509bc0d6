"""What a learner knows becomes a version: found in the state topic, checked, published beside the others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from drift.profile import decode_profile
from models.errors import ModelError
from models.fallback import Fallback
from models.online.parameters import LogisticRegression, encode_parameters
from models.registry import Registry
from models.signing import TrustedKeys
from streams.base_version import read_base
from streams.decide.learner import LearnerDecider
from streams.freezing import LEAST_REFERENCE_ROWS, REFERENCE_ROWS, freeze
from streams.kafka.snapshots import snapshot_records
from streams.learner_snapshot import Learnt, learnt_of
from streams.learning.state import LearnerState
from streams.modelling import add_model, check_reference
from streams.settings import LearningSettings, ModelSettings, Settings
from tests.unit.learning.lessons import answered, labelled, told, truth

NAME = "m"


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(300, 2))
    lines = [f"{x},{y},{'pro' if n % 2 else 'free'},{'yes' if x > 0 else 'no'}" for n, (x, y) in enumerate(rows)]
    lines[7] = "0.1,,free,yes"
    (tmp_path / "train.csv").write_text("\n".join(["x,y,plan,label", *lines]) + "\n")
    (tmp_path / "model.toml").write_text('model = "gaussian_nb"\n')
    root = tmp_path / "registry"
    fallback = Fallback(default="no")
    add_model(
        root, tmp_path / "model.toml", NAME, tmp_path / "train.csv", target="label", version="2", fallback=fallback
    )
    return Registry(root, TrustedKeys())


def settings_of(registry: Registry, version: str = "2") -> Settings:
    return Settings(model=ModelSettings(registry=registry.root), learning=LearningSettings(version=version))


def taught(registry: Registry, events: int) -> LearnerState:
    of = LearnerDecider(read_base(settings_of(registry)), most=100_000)
    state = of.load(0, {})
    numbers = [*range(events)]
    told(of, state, answered(numbers))
    told(of, state, labelled(numbers, [truth(n) for n in numbers]))
    return state


def topic_of(state: LearnerState, offset: int = 9, partition: int = 0) -> list[tuple[bytes, bytes | None]]:
    records, _ = snapshot_records("state", 3, "learner", partition, offset, state.dump(), {})
    others: list[tuple[bytes, bytes | None]] = [(b"predict/0/ids-1", b"of another role")]
    return [*others, *((record.key or b"", record.value) for record in records)]


def test_what_was_learnt_is_published_with_all_that_its_base_declares(registry: Registry) -> None:
    state = taught(registry, LEAST_REFERENCE_ROWS)
    learnt = learnt_of(NAME, topic_of(state), "state")
    assert (learnt.offset, learnt.knowledge) == (9, state.knowledge)
    frozen = freeze(registry, learnt, None)
    assert (frozen.manifest.version, frozen.reference_rows) == ("3", LEAST_REFERENCE_ROWS)
    model = registry.load(NAME, "3")
    check_reference(model)
    artifact = registry.artifact(NAME, "3")
    assert artifact.files["estimator.json"] == encode_parameters(state.knowledge.parameters)
    base = registry.artifact(NAME, "2").manifest
    own = artifact.manifest
    assert (own.schema, own.output, own.fallback, own.runtime) == (base.schema, base.output, base.fallback, "river")
    assert decode_profile(model.reference).id != decode_profile(registry.load(NAME, "2").reference).id
    assert registry.active(NAME) == "2"


def test_of_few_events_no_reference_is_made(registry: Registry) -> None:
    frozen = freeze(registry, learnt_of(NAME, topic_of(taught(registry, 50)), "state"), "quick")
    assert (frozen.manifest.version, frozen.reference_rows) == ("quick", 0)
    assert registry.reference(NAME, "quick") == registry.reference(NAME, "2")
    registry.load(NAME, "quick")


def test_the_reference_is_of_the_latest_events(registry: Registry) -> None:
    state = taught(registry, 1500)
    rows = learnt_of(NAME, topic_of(state), "state").rows(3, REFERENCE_ROWS)
    np.testing.assert_array_equal(rows, state.waiting.latest(REFERENCE_ROWS))
    assert len(rows) == 1500


def test_another_registry_than_the_learners_is_refused(registry: Registry, tmp_path: Path) -> None:
    learnt = learnt_of(NAME, topic_of(taught(registry, 10)), "state")
    (tmp_path / "model.toml").write_text('model = "gaussian_nb"\nscaler = "none"\n')
    other = tmp_path / "other"
    add_model(other, tmp_path / "model.toml", NAME, tmp_path / "train.csv", target="label", version="2")
    with pytest.raises(ModelError, match="not the one that the learner began as"):
        freeze(Registry(other), learnt, None)


def damaged(records: list[Any]) -> list[Any]:
    return [(key, value[:-1] if key == b"learner/0/learner" else value) for key, value in records]


def test_a_damaged_snapshot_is_refused(registry: Registry) -> None:
    records = topic_of(taught(registry, 10))
    with pytest.raises(ModelError, match="cannot be read"):
        learnt_of(NAME, damaged(records), "state")


def test_nothing_learnt_is_said_so(registry: Registry) -> None:
    for name, records in ((NAME, []), ("other", topic_of(taught(registry, 10)))):
        with pytest.raises(ModelError, match="nothing was learnt") as refused:
            learnt_of(name, records, "state")
        assert "learning.version" in refused.value.fix


def test_a_version_that_cannot_learn_is_refused(registry: Registry, tmp_path: Path) -> None:
    from sklearn.linear_model import LogisticRegression as Fitted

    from models.schema import Feature, InputSchema
    from streams.modelling import publish_estimator

    rows = np.random.default_rng(1).normal(size=(200, 1))
    fitted = Fitted().fit(rows, rows[:, 0] > 0)
    publish_estimator(registry.root, NAME, fitted, InputSchema((Feature("x"),)), rows, version="fitted")
    with pytest.raises(ModelError, match="cannot learn: its runtime is sklearn"):
        read_base(settings_of(registry, "fitted"))
    with pytest.raises(ModelError, match="no version 9"):
        read_base(settings_of(registry, "9"))


def test_a_model_whose_knowledge_would_not_fit_into_a_record_is_refused(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """tests/unit/learning/test_size.py holds the bound to what producers take."""
    read_base(settings_of(registry))
    monkeypatch.setattr("streams.base_version.MAX_MESSAGE_BYTES", 20_000)
    with pytest.raises(ModelError, match="4 columns, 2 classes, 3 features"):
        read_base(settings_of(registry))


def test_a_learner_that_diverged_is_not_published(registry: Registry) -> None:
    learnt = learnt_of(NAME, topic_of(taught(registry, 10)), "state")
    grown = LogisticRegression(1.0, 1.0, 3.0, 0.0, [-9.6e299, 0.0, 0.0, 0.0])
    parameters = msgspec.structs.replace(learnt.knowledge.parameters, model=grown)
    knowledge = msgspec.structs.replace(learnt.knowledge, parameters=parameters)
    with pytest.raises(ModelError, match="diverged") as refused:
        freeze(registry, replace(learnt, knowledge=knowledge), None)
    assert "below 1" in refused.value.fix


@pytest.mark.parametrize("key", [b"learner/x", b"learner/", b"learner/x/learner"])
def test_a_record_that_something_else_wrote_is_said_so(registry: Registry, key: bytes) -> None:
    records = [*topic_of(taught(registry, 10)), (key, b"{}")]
    with pytest.raises(ModelError, match="cannot be read"):
        learnt_of(NAME, records, "state")


def test_of_learners_in_two_partitions_none_is_taken_for_the_other(registry: Registry) -> None:
    """`examples` was given more partitions: what is learnt from then on is learnt in another one."""
    fresh = LearnerDecider(read_base(settings_of(registry)), most=9).load(0, {})
    old, new = taught(registry, 20), taught(registry, 10)
    with pytest.raises(ModelError, match="partitions 0, 2 of examples") as refused:
        learnt_of(NAME, [*topic_of(old), *topic_of(new, partition=2)], "state")
    assert "learning.version" in refused.value.fix
    one = learnt_of(NAME, [*topic_of(fresh), *topic_of(new, partition=2)], "state")
    assert one.knowledge == new.knowledge


def test_learnt_reads_what_the_worker_wrote_last(registry: Registry) -> None:
    """A compacted topic may still hold earlier snapshots before the last one."""
    first, second = taught(registry, 10), taught(registry, 20)
    learnt: Learnt = learnt_of(NAME, [*topic_of(first, 1), *topic_of(second, 2)], "state")
    assert (learnt.offset, learnt.knowledge.parameters.learned) == (2, 300 + 20)
