"""Whatever a challenger does, the version that answers is not held up beyond the budget, and not changed at all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from drift.challenge import Challenge
from models.errors import ModelError
from models.prediction import FloatMatrix, Model, Predictions
from streams.challenger_thread import ChallengerThread
from streams.challenging import Challenging
from streams.decide.contest import Challenger
from streams.ladder.breaker import FAILURES, PROBE_ROWS, Breaker, State
from streams.serving_commands import ServedVersions
from tests.unit.pipeline.fakes import ToyModel
from tests.unit.pipeline.test_predict_decider import serving
from tests.waiting import DEADLINE_S, until

ROWS = np.arange(200.0).reshape(40, 5)
SHORT_S = 0.01


class Bench:
    """Challengers, and what was told of them."""

    def __init__(self) -> None:
        self.threads: list[ChallengerThread] = []
        self.states: list[State] = []
        self.failures: list[str] = []
        self.closed: list[str] = []
        self.now = 0.0
        self.release = threading.Event()

    def start(
        self, model: Callable[[], Model] = ToyModel, budget_s: float = DEADLINE_S, version: str = "8"
    ) -> ChallengerThread:
        thread = ChallengerThread(
            version,
            lambda: (model(), lambda: self.closed.append(version)),
            budget_s=budget_s,
            breaker=Breaker(lambda state, _why: self.states.append(state)),
            on_failure=self.failures.append,
            clock=lambda: self.now,
        )
        self.threads.append(thread)
        return thread

    def ready(self, *arguments: Any, **more: Any) -> ChallengerThread:
        thread = self.start(*arguments, **more)
        until(lambda: thread.model is not None, "it is loaded")
        return thread

    def hangs(self, _matrix: FloatMatrix) -> None:
        assert self.release.wait(DEADLINE_S)


@pytest.fixture
def bench() -> Iterator[Bench]:
    own = Bench()
    yield own
    own.release.set()
    for thread in own.threads:
        thread.close()
        thread._thread.join(DEADLINE_S)
        assert not thread._thread.is_alive()


def spoilt(_matrix: FloatMatrix, answer: Predictions) -> Predictions:
    return Predictions(answer.values, answer.scores, answer.class_scores, answer.outputs * np.nan)


def raises(_matrix: FloatMatrix) -> None:
    raise ValueError("bad")


def test_it_answers_as_the_model_does(bench: Bench) -> None:
    answers = bench.ready().ask(ROWS)
    assert answers is not None
    assert answers.rows == [*range(40)]
    assert answers.predictions.scores == ToyModel().predict(ROWS).scores


@pytest.mark.parametrize("broken", [lambda: ToyModel(before=raises), lambda: ToyModel(after=spoilt)])
def test_one_that_fails_on_everything_is_spared_after_a_few_batches_and_tried_again(
    bench: Bench, broken: Callable[[], ToyModel]
) -> None:
    models: list[ToyModel] = []

    def make() -> ToyModel:
        models.append(broken())
        return models[0]

    challenger = bench.ready(make)
    for _ in range(FAILURES):
        answers = challenger.ask(ROWS)
        assert answers is not None
        assert (answers.rows, len(answers.blamed)) == ([], 40)
    calls = len(models[0].calls)
    assert challenger.ask(ROWS) is None
    assert (bench.states, len(models[0].calls)) == ([State.OPEN], calls)
    bench.now = 100.0
    answers = challenger.ask(ROWS)
    assert answers is not None
    assert len(answers.blamed) == PROBE_ROWS
    assert bench.states == [State.OPEN, State.HALF_OPEN, State.OPEN]


def test_one_that_hangs_costs_the_budget_once(bench: Bench) -> None:
    model = ToyModel(before=bench.hangs)
    challenger = bench.ready(lambda: model, budget_s=SHORT_S)
    assert challenger.ask(ROWS) is None
    for bench.now in (0.0, 100.0, 10_000.0):
        assert challenger.ask(ROWS) is None
    assert len(model.calls) == 1
    assert bench.states == [State.OPEN]


def test_one_that_was_too_slow_is_asked_about_fewer_rows_spread_over_the_batch(bench: Bench) -> None:
    slow, held = ToyModel(), threading.Event()

    def holds_many(matrix: FloatMatrix) -> None:
        if len(matrix) > 20 and not held.is_set():
            assert bench.release.wait(DEADLINE_S)

    slow._before = holds_many
    challenger = bench.ready(lambda: slow, budget_s=SHORT_S)
    assert challenger.ask(ROWS) is None
    bench.release.set()
    until(lambda: challenger._left_behind is not None and challenger._left_behind.done.is_set(), "it came back")
    held.set()
    challenger._budget_s = DEADLINE_S
    bench.now = 100.0
    asked = []
    for _ in range(3):
        answers = challenger.ask(ROWS)
        assert answers is not None
        asked.append(len(answers.rows))
        expected = ToyModel().predict(ROWS[answers.rows]).scores
        assert answers.predictions.scores == expected, "each answer is that of its row"
        assert (answers.rows[0], answers.rows[-1]) == (0, 39)
    assert asked == [PROBE_ROWS, 25, 31]


def test_until_it_is_loaded_it_is_none_and_what_cannot_be_loaded_is_told_once(bench: Bench) -> None:
    tries: list[int] = []

    def fails() -> Model:
        tries.append(1)
        raise ModelError("damaged", where="8", cause="a disk", fix="another")

    thread = bench.start(fails)
    until(lambda: bool(bench.failures), "it is told")
    assert thread.model is None
    assert len(bench.failures) == 1
    assert "damaged" in bench.failures[0]


def test_to_close_it_does_not_wait_for_what_hangs(bench: Bench) -> None:
    loading = bench.start(lambda: (bench.release.wait(DEADLINE_S), ToyModel())[1])  # type: ignore[func-returns-value]
    loading.close()
    hanging = bench.ready(lambda: ToyModel(before=bench.hangs), budget_s=SHORT_S, version="9")
    assert hanging.ask(ROWS) is None
    hanging.close()
    assert bench.closed == ["9"]
    assert hanging.ask(ROWS) is None
    bench.release.set()
    until(lambda: bench.closed == ["9", "8"], "what was loaded too late is closed too")


class World:
    """What is accepted, and which challenger the batches of a version get."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.changes = bench, list[str | None]()
        self.challenging = Challenging(
            self.start, lambda model: serving(model).encoder, lambda _model: np.array([0.5]), self.changes.append
        )

    def start(self, version: str, champion: Model) -> ChallengerThread:
        def make() -> ToyModel:
            model = ToyModel()
            model.version = version  # type: ignore[misc]
            return model

        assert champion.version != version
        return self.bench.ready(make, version=version)

    def accepted(self, champion: str, challenge: Challenge | None, answers: str | None = None) -> None:
        model = ToyModel()
        model.version = answers or champion  # type: ignore[misc]
        self.challenging.follow(ServedVersions(champion, None, challenge), model)

    def of(self, version: str) -> Challenger | None:
        model = ToyModel()
        model.version = version  # type: ignore[misc]
        return self.challenging.of(serving(model))


@pytest.fixture
def world(bench: Bench) -> World:
    return World(bench)


def test_a_challenger_stands_against_the_version_that_it_was_accepted_against(world: World) -> None:
    world.accepted("1", Challenge("2", 1, 0.1))
    found = world.of("1")
    assert found is not None
    assert (found.champion, found.model.version, found.share) == ("1", "2", 0.1)
    assert world.of("3") is None, "a batch that began before the workers changed over"
    assert world.of("1") is found


def test_another_share_holds_at_once_and_loads_nothing_again(world: World) -> None:
    world.accepted("1", Challenge("2", 1))
    world.accepted("1", Challenge("2", 1, 0.5))
    found = world.of("1")
    assert found is not None
    assert found.share == 0.5
    assert (len(world.bench.threads), world.bench.closed, world.changes) == (1, [], ["2"])


def test_a_promotion_an_end_and_another_challenger_end_it(world: World) -> None:
    world.accepted("1", Challenge("2", 1))
    world.accepted("2", None)
    assert (world.of("1"), world.of("2"), world.bench.closed) == (None, None, ["2"])
    world.accepted("2", Challenge("3", 2))
    world.accepted("2", Challenge("4", 3))
    found = world.of("2")
    assert found is not None
    assert (found.model.version, world.bench.closed) == ("4", ["2", "3"])
    world.challenging.close()
    assert (world.of("2"), world.bench.closed) == (None, ["2", "3", "4"])
    assert world.changes == ["2", None, "3", "4", None]


def test_where_what_was_promoted_cannot_be_loaded_nobody_is_compared_with_it(world: World) -> None:
    world.accepted("2", Challenge("3", 1), answers="1")
    assert (world.of("1"), world.of("2"), world.bench.threads) == (None, None, [])
