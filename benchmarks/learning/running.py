"""The parts that answer, join, learn, watch and freeze, as workers have them, one after the other, without a broker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from benchmarks.learning.parts import NAME, Lane, Watches
from benchmarks.learning.world import COLUMNS, World
from models.loaded import LoadedModel
from models.registry import Registry
from models.schema import Feature, InputSchema
from streams.base_version import read_base
from streams.decide.answering import AnswerWriter
from streams.decide.examples import FeatureWriter, LabelWriter
from streams.decide.label_intake import LabelIntakeDecider
from streams.decide.labels import LabelsDecider
from streams.decide.learner import LearnerDecider
from streams.decide.outcome_writer import OutcomeWriter
from streams.freezing import freeze
from streams.joining.label_events import LabelDecoder
from streams.learner_snapshot import Learnt
from streams.learning.base import LearnerBase
from streams.learning.report import LearnerReport
from streams.learning.state import LearnerState
from streams.limits import Limits
from streams.modelling import add_model, publish_estimator
from streams.pipeline import Pipeline
from streams.records import OutboxRecord
from streams.settings import LearningSettings, ModelSettings, Settings

CHAMPION, BASE = "1", "2"
BATCH = 100
LIMITS = Limits(value_bytes=1 << 20, depth=32, id_length=256, max_ahead_s=300, strict_json=False)


@dataclass
class Story:
    """What came of a run, by the number of the event that was answered then. Shares of right answers, a batch each:
    `served`, `first` (the first version, had it gone on), and `learner` (answers from before it learnt the label)."""

    at: list[int] = field(default_factory=list)
    served: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    learner: list[float] = field(default_factory=list)
    pages: list[int] = field(default_factory=list)
    promoted: list[tuple[int, str, str]] = field(default_factory=list)
    """When, which version, and what was found of the learner."""


def publish(world: World, folder: Path) -> Registry:
    """The version that answers, and an online one, both trained on the same rows."""
    rows, labels = world.training()
    schema = InputSchema(tuple(Feature(name) for name in COLUMNS))
    root = folder / "registry"
    publish_estimator(root, NAME, LogisticRegression().fit(rows, labels), schema, rows, target=labels)
    lines = [
        ",".join((*COLUMNS, "label")),
        *(f"{','.join(map(str, row))},{of}" for row, of in zip(rows.tolist(), labels, strict=True)),
    ]
    (folder / "train.csv").write_text("\n".join(lines) + "\n")
    (folder / "online.toml").write_text('model = "logistic_regression"\nlearning_rate = 0.05\n')
    add_model(root, folder / "online.toml", NAME, folder / "train.csv", version=BASE, target="label")
    return Registry(root)


def run(world: World, folder: Path) -> Story:
    """Answer, join, learn and promote, in event time."""
    registry = publish(world, folder)
    model_settings = ModelSettings(registry=registry.root, name=NAME)
    base = read_base(Settings(model=model_settings, learning=LearningSettings(version=BASE)))
    outcome_writer = OutcomeWriter("joins", "observations")
    watches = Watches(registry, outcome_writer)
    intake = Lane(LabelIntakeDecider(decoder=LabelDecoder(1 << 20, 256), joins_topic="joins", partitions=1), "labels")
    joins = Lane(
        LabelsDecider(
            writer=outcome_writer, window_ms=86_400_000, most=100_000, label_writer=LabelWriter(NAME, "examples")
        ),
        "joins",
    )
    learner = Lane(LearnerDecider(base, most=100_000), "examples")
    first = registry.load(NAME, CHAMPION)
    model, story = first, Story()
    watches.learn(CHAMPION)
    rows = world.rows()
    truth = np.array(world.truth(rows))
    for begin in range(0, world.events, BATCH):
        own = slice(begin, begin + BATCH)
        now_ms = world.time_ms(begin + BATCH - 1)
        answers, served = _answered(model, base, world, rows, begin)
        labels = list(_labels_due(world, truth, begin))
        told = intake.take(labels, [now_ms] * len(labels))
        met = _of("joins", [*answers, *told.outbox])
        joined = joins.take(met, [now_ms] * len(met))
        examples = _of("examples", [*answers, *joined.outbox])
        report = learner.take(examples, [now_ms] * len(examples)).report
        assert isinstance(report, LearnerReport)
        if watches.pages(_of("observations", joined.outbox)):
            story.pages.append(begin + BATCH)
        story.at.append(begin + BATCH)
        story.served.append(_share(served, truth[own]))
        story.first.append(_share(np.array(first.predict(rows[own]).values), truth[own]))
        story.learner.append(_learners_share(report))
        compared = report.comparisons.get(model.version)
        if compared is not None and compared.verdict == "better":
            model = _frozen(registry, learner)
            watches.learn(model.version)
            window = compared.window
            found = f"alone right about {window.better} of {window.total} pairs, alone wrong about {window.worse}"
            story.promoted.append((begin + BATCH, model.version, found))
    return story


def _answered(
    model: LoadedModel, base: LearnerBase, world: World, rows: NDArray[np.float64], begin: int
) -> tuple[list[OutboxRecord], NDArray[np.str_]]:
    numbers = range(begin, begin + BATCH)
    pipeline = Pipeline(model, LIMITS)
    outcomes = pipeline.run([world.event(n, rows[n]) for n in numbers], [world.time_ms(n) for n in numbers])
    features = FeatureWriter(base, "examples")
    writer = AnswerWriter(model, joins_topic="joins", partitions=1, feature_writer=features)
    return writer.answers(outcomes, {}), np.array(outcomes.predictions.values)


def _labels_due(world: World, truth: NDArray[np.str_], begin: int) -> Iterator[bytes]:
    late = world.delay_s * world.rate
    for number in range(max(0, begin - late), max(0, begin + BATCH - late)):
        yield msgspec.json.encode({"event_id": f"e{number}", "label": str(truth[number])})


def _frozen(registry: Registry, learner: Lane) -> LoadedModel:
    state = learner.state
    assert isinstance(state, LearnerState)
    frozen = freeze(registry, Learnt(state.knowledge, state.dump(), 0), None)
    return registry.load(NAME, frozen.manifest.version)


def _of(topic: str, records: Sequence[OutboxRecord]) -> list[bytes | None]:
    return [record.value for record in records if record.topic == topic]


def _share(answers: NDArray[np.str_], truth: NDArray[np.str_]) -> float:
    return float((answers == truth).mean())


def _learners_share(report: LearnerReport) -> float:
    """NaN before the first label."""
    right = sum(count for (_, _, learner_right), count in report.pairs.items() if learner_right)
    return right / report.pairs.total() if report.pairs else float("nan")
