"""Whatever a challenger does, the version that answers is not held up beyond the budget, and not changed at all."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from drift.challenge import Challenge
from drift.conduct import Conduct, Conducted, why_out_of_band
from drift.profile import ProfileError
from models.errors import ModelError
from models.loaded import LoadedModel
from models.prediction import FloatMatrix, Model, ModelProcessDied, Predictions
from models.registry import Registry
from streams.challenger_thread import LOAD_AGAIN_S, ChallengerThread, LoadedChallenger
from streams.challenging import Challenging
from streams.decide.contest import Challenger
from streams.ladder.breaker import FAILURES, PROBE_ROWS, Breaker, State
from streams.model_call import Answers
from streams.modelling import publish_estimator
from streams.serving_commands import ServedVersions
from streams.settings import Settings
from streams.version_loading import VersionLoading
from tests.unit.models.building import number_schema, rows
from tests.unit.pipeline.fakes import ToyModel
from tests.unit.pipeline.test_predict_decider import TOPICS, serving
from tests.waiting import DEADLINE_S, until

ROWS = np.arange(200.0).reshape(40, 5)
SHORT_S = 0.01
EDGES = np.array([0.5])


class Bench:
    """Challengers, and what was told of them."""

    def __init__(self) -> None:
        self.threads: list[ChallengerThread] = []
        self.states: list[State] = []
        self.failures: list[str] = []
        self.closed: list[str] = []
        self.now = 0.0
        self.load_again_s = LOAD_AGAIN_S
        self.release = threading.Event()

    def start(
        self, model: Callable[[], Model] = ToyModel, budget_s: float = DEADLINE_S, version: str = "8"
    ) -> ChallengerThread:
        thread = ChallengerThread(
            version,
            lambda: LoadedChallenger(model(), EDGES, lambda: self.closed.append(version)),
            budget_s=budget_s,
            breaker=Breaker(lambda state, _why: self.states.append(state)),
            on_failure=self.failures.append,
            clock=lambda: self.now,
            load_again_s=self.load_again_s,
        )
        self.threads.append(thread)
        return thread

    def ready(self, *arguments: Any, **more: Any) -> ChallengerThread:
        thread = self.start(*arguments, **more)
        until(lambda: thread.loaded is not None, "it is loaded")
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


def missed(answers: Answers | None) -> int:
    assert answers is not None
    assert not answers.rows
    return len(answers.blamed)


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
    assert missed(challenger.ask(ROWS)) == 40
    assert challenger.ask(ROWS) is None
    asked = []
    for bench.now in range(1, 60):
        answers = challenger.ask(ROWS)
        asked += [bench.now] if answers else []
        assert answers is None or missed(answers) == 40
    assert asked == [5, 10, 15, 25, 45], "it is late again when it would be tried again, so a band ends it in a while"
    assert len(model.calls) == 1
    assert bench.states[0] is bench.states[-1] is State.OPEN


class LateCalls:
    """A model that is late for some of its calls. The real thread and breaker, on a clock of batches: 20 a second, and
    each of 100 rows."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.is_late = bench, False
        self.may_go_on = threading.Event()
        self.challenger = bench.ready(lambda: ToyModel(before=self._wait))

    def _wait(self, _matrix: FloatMatrix) -> None:
        if self.is_late:
            assert self.may_go_on.wait(DEADLINE_S)

    def batch(self, *, late: bool) -> Conduct | None:
        self.bench.now += 0.05
        self.is_late, self.challenger._budget_s = late, SHORT_S if late else DEADLINE_S
        answers = self.challenger.ask(np.ones((100, 5)))
        behind = self.challenger._left_behind
        if late and behind is not None:
            self.may_go_on.set()
            until(behind.done.is_set, "it came back")
            self.may_go_on.clear()
        return None if answers is None else Conduct("1", len(answers.rows), len(answers.blamed))


@pytest.mark.parametrize(("late_of_1000", "batches", "stopped"), [(1, 3000, False), (5, 3000, False), (50, 1500, True)])
def test_with_a_band_of_one_in_a_hundred_it_is_stopped_where_more_calls_than_that_are_late(
    bench: Bench, late_of_1000: int, batches: int, stopped: bool
) -> None:
    slow, rng, challenge = LateCalls(bench), np.random.default_rng(late_of_1000), Challenge("2", 1, failures=0.01)
    conducted, out = Conducted(), None
    for _ in range(batches):
        conduct = slow.batch(late=bool(rng.random() < late_of_1000 / 1000))
        conducted = conducted.plus(conduct) if conduct else conducted
        out = out or why_out_of_band(conducted, challenge)
    assert (out is not None) is stopped, out
    assert conducted.batches > batches * 0.9, "it is not left alone for a late call"
    assert State.OPEN not in bench.states


def test_calls_that_are_late_one_after_the_other_open_its_circuit(bench: Bench) -> None:
    slow = LateCalls(bench)
    for _ in range(FAILURES):
        conduct = slow.batch(late=True)
        assert conduct is not None
        assert (conduct.answered, conduct.missed > 0) == (0, True)
    assert bench.states == [State.OPEN]
    assert slow.batch(late=True) is None


def test_one_that_was_too_slow_is_asked_about_fewer_rows_spread_over_the_batch(bench: Bench) -> None:
    slow, held = ToyModel(), threading.Event()

    def holds_many(matrix: FloatMatrix) -> None:
        if len(matrix) > 20 and not held.is_set():
            assert bench.release.wait(DEADLINE_S)

    slow._before = holds_many
    challenger = bench.ready(lambda: slow, budget_s=SHORT_S)
    assert missed(challenger.ask(ROWS)) == 40
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
    assert asked == [20, 25, 31]


def test_until_it_is_loaded_it_is_none_and_what_cannot_be_loaded_is_told_once(bench: Bench) -> None:
    tries: list[int] = []
    bench.load_again_s = 0.001

    def fails() -> Model:
        tries.append(1)
        what = "damaged" if len(tries) <= 3 else "gone"
        if len(tries) <= 6:
            raise ModelError(what, where="8", cause="a disk", fix="another")
        return ToyModel()

    thread = bench.start(fails)
    until(lambda: thread.loaded is not None, "it is loaded")
    assert len(tries) == 7
    assert [why.partition(" ")[0].strip(":") for why in bench.failures] == ["damaged", "gone"]


def test_to_close_it_does_not_wait_for_what_hangs(bench: Bench) -> None:
    loading = bench.start(lambda: (bench.release.wait(DEADLINE_S), ToyModel())[1])  # type: ignore[func-returns-value]
    loading.close()
    hanging = bench.ready(lambda: ToyModel(before=bench.hangs), budget_s=SHORT_S, version="9")
    assert missed(hanging.ask(ROWS)) == 40
    hanging.close()
    assert bench.closed == ["9"]
    assert hanging.ask(ROWS) is None
    bench.release.set()
    until(lambda: bench.closed == ["9", "8"], "what was loaded too late is closed too")


class World:
    """What is accepted, and which challenger the batches of a version get."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.changes = bench, list[str | None]()
        self.challenging = Challenging(self.start, lambda model: serving(model).encoder, self.changes.append)

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
    world.accepted("1", Challenge("2", 1, share=0.1))
    found = world.of("1")
    assert found is not None
    assert (found.champion, found.model.version, found.share) == ("1", "2", 0.1)
    assert world.of("3") is None, "a batch that began before the workers changed over"
    assert world.of("1") is found


def test_another_share_holds_at_once_and_loads_nothing_again(world: World) -> None:
    world.accepted("1", Challenge("2", 1))
    world.accepted("1", Challenge("2", 1, share=0.5))
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


@pytest.mark.parametrize("answers", [True, False])
def test_one_that_is_closed_while_it_answers_says_nothing_of_its_breaker(bench: Bench, answers: bool) -> None:
    """What ends its process makes it fail, after `on_change` told that nobody challenges."""
    inside = threading.Event()

    def dies(_matrix: FloatMatrix) -> None:
        inside.set()
        assert bench.release.wait(DEADLINE_S)
        if answers:
            raise ModelProcessDied("killed", hopeless=True)

    challenger = bench.ready(lambda: ToyModel(before=dies), DEADLINE_S if answers else 0.5)
    told: list[Answers | None] = []
    asking = threading.Thread(target=lambda: told.append(challenger.ask(ROWS)))
    asking.start()
    assert inside.wait(DEADLINE_S)
    challenger.close()
    if answers:
        bench.release.set()
    asking.join(DEADLINE_S)
    assert (told, bench.states) == ([None], [])


def test_of_a_challenge_that_ended_nothing_stays_in_memory(world: World) -> None:
    world.accepted("1", Challenge("2", 1))
    found = world.of("1")
    assert found is not None
    model = weakref.ref(found.model)
    del found
    world.accepted("1", None)
    assert world.of("1") is None
    while world.bench.threads:
        world.bench.threads.pop()._thread.join(DEADLINE_S)
    gc.collect()
    assert model() is None


def test_after_the_end_of_the_worker_none_is_started(world: World) -> None:
    world.challenging.close()
    world.accepted("1", Challenge("2", 1))
    assert (world.of("1"), world.bench.threads, world.changes) == (None, [], [])


@pytest.mark.parametrize(("more", "edges"), [({}, None), ({"shift": 0.1}, EDGES), ({"policy": "promote"}, EDGES)])
def test_outputs_are_counted_where_a_band_is_declared(world: World, more: dict[str, Any], edges: Any) -> None:
    world.accepted("1", Challenge("2", 1, **more))
    found = world.of("1")
    assert found is not None
    assert found.edges is edges


def test_a_reference_that_cannot_be_read_is_found_as_it_is_loaded(tmp_path: Path) -> None:
    """Not by the thread that answers, where each event would become a dead letter."""
    matrix, closed = rows(200, 3), list[str]()
    labels = (matrix[:, 0] > 0).astype(int)
    for _ in range(2):
        publish_estimator(
            tmp_path, "toy", LogisticRegression().fit(matrix, labels), number_schema(3), matrix, target=labels.tolist()
        )
    champion, good = (Registry(tmp_path).load("toy", version) for version in "12")
    damaged = LoadedModel(good.manifest, good.predict_raw, b'{"format": 99}')

    class Source:
        def __init__(self, model: LoadedModel) -> None:
            self.model = model

        def load(self, version: str, on_loss: object) -> tuple[LoadedModel, Callable[[], None]]:
            assert on_loss
            return self.model, lambda: closed.append(version)

    def loading(model: LoadedModel) -> VersionLoading:
        return VersionLoading(Settings(), Source(model), TOPICS, lambda _state, _why: None, "joins", 1)  # type: ignore[arg-type]

    loaded = loading(good).challenger("2", champion)
    assert (loaded.model, closed) == (good, [])
    assert len(loaded.edges) > 0
    with pytest.raises(ProfileError):
        loading(damaged).challenger("2", champion)
    assert closed == ["2"], "it leaves no process behind"
