"""`weir model freeze`, `learner` and `remove` beside a learner: what answers is what workers answer with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest
from typer.testing import CliRunner

from models.online.parameters import LogisticRegression
from models.registry import Registry
from streams.cli.model_serving import model_app
from streams.learner_snapshot import Learnt, learnt_of
from streams.learning.comparison import LearnerComparison
from tests.unit.learning.test_freezing import NAME, registry, taught, topic_of

__all__ = ["registry"]


class NothingAccepted:
    """The topic `control` before anybody promoted."""

    def __init__(self, *_of: Any) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None: ...

    def accepted(self, _setting: str) -> None:
        return None


@pytest.fixture(autouse=True)
def _control(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.cli.learner_work.Proposals", NothingAccepted)
    monkeypatch.setattr("streams.kafka.proposals.Proposals", NothingAccepted)


def learnt(registry: Registry, better_than: str) -> Learnt:
    found = learnt_of(NAME, topic_of(taught(registry, 10)), "state")
    versions = {better_than: LearnerComparison(decided="better")}
    return replace(found, knowledge=msgspec.structs.replace(found.knowledge, versions=versions))


def weir(registry: Registry, *arguments: str, **settings: str) -> Any:
    env = {"WEIR_MODEL__REGISTRY": str(registry.root), "WEIR_LEARNING__VERSION": "2"} | settings
    return CliRunner().invoke(model_app, [*arguments], env=env)


@pytest.mark.parametrize(
    ("better_than", "pinned", "code"), [("2", None, 0), ("7", None, 1), ("7", "7", 0), ("2", "7", 1)]
)
def test_the_version_that_answers_is_the_pinned_one_where_one_is(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, better_than: str, pinned: str | None, code: int
) -> None:
    known = learnt(registry, better_than)
    monkeypatch.setattr("streams.cli.learner_work._read", lambda _name, _settings: known)
    pin = {} if pinned is None else {"WEIR_MODEL__VERSION": pinned, "WEIR_MODEL__NAME": NAME}
    found = weir(registry, "freeze", NAME, "--if-better", **pin)
    assert found.exit_code == code, found.stderr
    assert ("3" in registry.versions(NAME)) == (code == 0)


def test_the_pin_is_of_the_model_that_the_settings_name(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    known = learnt(registry, "2")
    monkeypatch.setattr("streams.cli.learner_work._read", lambda _name, _settings: known)
    others = {"WEIR_MODEL__VERSION": "7", "WEIR_MODEL__NAME": "another"}
    assert weir(registry, "freeze", NAME, "--if-better", **others).exit_code == 0


def test_the_version_that_a_learner_began_as_stays(registry: Registry) -> None:
    refused = weir(registry, "remove", NAME, "2")
    assert refused.exit_code == 1
    assert "learning.version" in refused.stderr
    assert registry.versions(NAME) == ["2"]


@pytest.mark.parametrize("settings", [{"WEIR_LEARNING__VERSION": "1"}, {"WEIR_MODEL__NAME": "another"}])
def test_one_that_no_learner_began_as_may_go(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]
) -> None:
    known = learnt(registry, "2")
    monkeypatch.setattr("streams.cli.learner_work._read", lambda _name, _settings: known)
    assert weir(registry, "freeze", NAME).exit_code == 0
    assert weir(registry, "promote", NAME, "3", "--offline").exit_code == 0
    found = weir(registry, "remove", NAME, "2", **settings)
    assert found.exit_code == 0, found.stderr
    assert registry.versions(NAME) == ["3"]


def test_one_that_diverged_is_told(registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    known = learnt(registry, "2")
    grown = LogisticRegression(1.0, 1.0, 3.0, 0.0, [1e200, 0.0, 0.0, 0.0])
    parameters = msgspec.structs.replace(known.knowledge.parameters, model=grown)
    found = replace(known, knowledge=msgspec.structs.replace(known.knowledge, parameters=parameters))
    monkeypatch.setattr("streams.cli.learner_work._read", lambda _name, _settings: found)
    assert json.loads(weir(registry, "learner", NAME, "--json").stdout)["diverged"] is True
    assert "diverged" in weir(registry, "learner", NAME).stdout
    assert weir(registry, "freeze", NAME).exit_code == 1
    assert registry.versions(NAME) == ["2"]
