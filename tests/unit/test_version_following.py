"""A promoted version is loaded beside the one that answers, and takes over between two batches."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import msgspec
import pytest

from models.errors import ModelError
from models.prediction import Model
from streams.decide.serving import Serving
from streams.serving_commands import ServedVersions
from streams.switch import LoadedVersion, Switch
from streams.version_following import TRY_AGAIN_S, VersionFollowing
from tests.unit.pipeline.fakes import ToyModel
from tests.unit.pipeline.test_predict_decider import serving
from tests.waiting import until


class World:
    """A registry with some versions broken, and what was loaded and closed."""

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self.wanting: set[str] = set()
        self.tried: list[str] = []
        self.closed: list[str] = []
        self.switched: list[str] = []
        self.failures: list[str] = []
        self.now = 0.0
        self.records: list[bytes | None] = [None]
        self.followed: list[str] = []
        self.loading: Callable[[], object] = lambda: None
        self.switch = Switch(self.load("1"), self.switched_to)
        self.following = VersionFollowing(
            self.switch,
            load=self.load,
            accepted=self.accepted,
            on_failure=self.failures.append,
            challenging=self,  # type: ignore[arg-type]
            clock=lambda: self.now,
        )
        self.tried.clear()

    def load(self, version: str, previous: str | None = None) -> LoadedVersion:
        self.tried.append(version)
        self.loading()
        if version in self.broken:
            raise ModelError("damaged", where=version, cause="a disk", fix="another")
        model = ToyModel()
        model.version = version  # type: ignore[misc]
        return LoadedVersion(serving(model), lambda: self.closed.append(version), previous, version in self.wanting)

    def accepted(self, stop: threading.Event) -> Iterator[bytes | None]:
        while not stop.wait(0.01):
            yield self.records[-1]

    def switched_to(self, model: Model) -> None:
        self.switched.append(model.version)

    def promoted(self, active: str, previous: str | None = None) -> None:
        self.following.consider(msgspec.json.encode(ServedVersions(active, previous)))

    def follow(self, served: ServedVersions, champion: Model | None) -> None:
        assert champion is not None
        self.followed.append(f"{served.active} by {champion.version}")

    def close(self) -> None:
        self.followed.append("closed")

    def answers(self) -> str:
        """The version that a batch which begins now is answered by."""
        return self.switch.current().model.version


@pytest.fixture
def world() -> World:
    return World()


def test_a_batch_keeps_the_version_that_it_began_with(world: World) -> None:
    before: Serving = world.switch.current()
    world.promoted("2", "1")
    assert (before.model.version, world.switched, world.closed) == ("1", [], [])
    assert (world.answers(), world.switched) == ("2", ["2"])
    assert world.closed == [], "it may still be asked about a duplicate"
    world.promoted("2", "1")
    assert (world.closed, world.tried) == (["1"], ["2"])


def test_a_version_that_no_batch_came_to_is_closed_as_well(world: World) -> None:
    world.promoted("2", "1")
    world.promoted("3", "2")
    assert world.answers() == "3"
    world.promoted("3", "2")
    assert (world.switched, sorted(world.closed)) == (["3"], ["1", "2"])


def test_without_a_decision_the_default_goes_on(world: World) -> None:
    world.following.consider(None)
    world.following.consider(b"{}")
    assert (world.answers(), world.tried) == ("1", [])


def test_what_is_broken_changes_nothing_is_told_once_and_tried_again(world: World) -> None:
    world.broken = {"2"}
    for _ in range(3):
        world.promoted("2", "1")
    assert (world.answers(), world.tried, world.failures) == ("1", ["2"], ["2"])
    world.now += TRY_AGAIN_S
    world.promoted("2", "1")
    assert (world.tried, world.failures) == (["2", "2"], ["2"])
    world.broken = set()
    world.now += TRY_AGAIN_S
    world.promoted("2", "1")
    assert world.answers() == "2"


def test_whatever_a_version_raises_the_next_one_is_followed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(_version: str, _previous: str | None) -> LoadedVersion:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(world.following, "_load", no_memory)
        world.promoted("2", "1")
    assert (world.answers(), world.failures) == ("1", ["2"])
    world.promoted("3", "1")
    assert world.answers() == "3"


def test_a_default_that_cannot_be_loaded_is_no_matter_where_another_was_promoted(world: World) -> None:
    switch = Switch(None, world.switched_to)
    assert switch.is_empty
    switch.stage(world.load("2"))
    assert (switch.is_empty, switch.current().model.version, world.switched) == (False, "2", ["2"])
    switch.close()
    assert world.closed == ["2"]


def test_where_the_promoted_version_is_broken_the_one_before_answers_from_the_start(world: World) -> None:
    world.broken = {"3"}
    world.promoted("3", "2")
    assert world.answers() == "2"


def test_a_version_that_is_promoted_again_is_tried_at_once(world: World) -> None:
    world.broken = {"2"}
    world.promoted("2", "1")
    world.promoted("1")
    world.broken = set()
    world.promoted("2", "1")
    assert world.answers() == "2"


def test_it_follows_on_a_thread_of_its_own_and_closes_everything(world: World) -> None:
    world.following.start()
    assert world.following.wait_until_known(10)
    world.records.append(msgspec.json.encode(ServedVersions("2", "1")))
    until(lambda: world.switch.serves("2", None), "it is loaded", 10)
    world.answers()
    world.following.close()
    assert sorted(world.closed) == ["1", "2"]


def test_a_version_that_wants_the_one_before_beside_it_is_loaded_anew_to_have_it(world: World) -> None:
    world.promoted("1", "0")
    assert world.tried == [], "it declares no such thing"
    world.wanting.add("2")
    world.promoted("2")
    world.promoted("2", "1")
    world.promoted("2", "1")
    assert world.tried == ["2", "2"]
    world.promoted("2")
    assert world.tried == ["2", "2"], "what stands beside it does no harm"
    assert world.answers() == "2"


def test_who_challenges_is_followed_until_the_end_and_not_after_a_load_that_outlasts_it(world: World) -> None:
    world.promoted("2", "1")
    assert world.followed == ["2 by 2"]
    world.loading = world.following._stop.set
    world.promoted("3", "2")
    assert world.followed == ["2 by 2"]
