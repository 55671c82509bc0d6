"""The sides that are measured: what each runs, what it reads, where its answers are."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from confluent_kafka.admin import AdminClient

from benchmarks.workload import PARTITIONS
from streams.kafka.topic_plan import default_plan
from streams.kafka.topics import create_topics
from streams.settings import TopicRole, TopicSettings

STOP_S = 15.0
OWN: tuple[TopicRole, ...] = ("predictions", "dead_letters", "observations", "state", "joins", "control")
"""The topics that a run has for itself; the full topic of events is shared."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What all runs share: a broker, a folder, a registry with the model; and the script of a peer."""

    servers: str
    folder: Path
    registry: Path
    peer: Path | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one side over `events` records of the topic `source`. `name` is its own: topics and group carry it.
    With `prompt` a loop takes small batches and waits for no full ones, as one does for a short way through. Topics are
    made with `keep`, but for the state and what people decide."""

    bench: Bench
    name: str
    source: str
    events: int
    prompt: bool = False
    keep: Mapping[str, str] = field(default_factory=dict)

    @property
    def topics(self) -> TopicSettings:
        return TopicSettings(events=self.source, **{role: f"{self.name}.{role}" for role in OWN})


@dataclass(frozen=True, slots=True)
class Side:
    """`command` of a run; `output` names the topic of its answers."""

    command: Callable[[Run], list[str]]
    output: Callable[[Run], str]
    environment: Mapping[str, str]
    source: str = "events"


def _loop(module: str) -> Side:
    def command(run: Run) -> list[str]:
        batch = ["200", "0.01"] if run.prompt else []
        topics = [run.source, run.topics.name("predictions")]
        return [sys.executable, "-m", f"benchmarks.{module}", run.bench.servers, *topics, run.name, *batch]

    return Side(command, lambda run: run.topics.name("predictions"), {})


def _worker(delivery: str, *, drift: bool = True, labels: bool = False) -> Side:
    command = ["-c", "from streams.cli import main; main()"] if drift else ["-m", "benchmarks.without_drift"]
    return Side(
        lambda _run: [sys.executable, *command, "worker", "--role", "predict"],
        lambda run: run.topics.name("predictions"),
        {"WEIR_KAFKA__DELIVERY": delivery, "WEIR_LABELS__ENABLED": str(labels).lower()},
    )


def _peer(run: Run) -> list[str]:
    return [sys.executable, str(run.bench.peer), run.bench.servers, run.source, str(run.events), "list", "1000"]


BASELINE = "hand_written"
PEER = "peer"
SIDES: Mapping[str, Side] = {
    "exactly_once": _worker("exactly_once"),
    "at_least_once": _worker("at_least_once"),
    "without_drift": _worker("exactly_once", drift=False),
    "with_labels": _worker("exactly_once", labels=True),
    BASELINE: _loop("hand_written"),
    "bare": _loop("bare"),
    PEER: Side(_peer, lambda run: f"{run.source}.out", {}, source="peer"),
}


def last_words(run: Run) -> str:
    """The last lines that the side said, for a message about its end."""
    said = (run.bench.folder / f"{run.name}.log").read_text("utf-8", "replace").splitlines()
    return "\n".join(said[-30:])


def make_topics(run: Run, *roles: TopicRole) -> None:
    """Create a run's topics of these roles."""
    plan = default_plan(run.topics, partitions=PARTITIONS, replication=1)
    wanted = [
        replace(each, config={**each.config, **run.keep}) if each.role not in {"state", "control"} else each
        for each in plan
        if each.role in roles
    ]
    create_topics({"bootstrap.servers": run.bench.servers}, wanted)


@contextmanager
def own_topics(run: Run) -> Iterator[None]:
    """The topics that only this run writes to; they go with it, so that the disk stays small."""
    make_topics(run, *OWN)
    try:
        yield
    finally:
        admin = AdminClient({"bootstrap.servers": run.bench.servers, "log_level": 2})
        for gone in admin.delete_topics([run.topics.name(role) for role in OWN]).values():
            gone.result(30)


@contextmanager
def running(side: Side, run: Run) -> Iterator[subprocess.Popen[bytes]]:
    """The side's process. What it says is in a file of the bench's folder."""
    topics, bench = run.topics, run.bench
    roles: tuple[TopicRole, ...] = ("events", *OWN)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("WEIR_")},
        **{f"WEIR_TOPICS__{role.upper()}": topics.name(role) for role in roles},
        "WEIR_KAFKA__BOOTSTRAP_SERVERS": bench.servers,
        "WEIR_KAFKA__GROUP": run.name,
        "WEIR_MODEL__REGISTRY": str(bench.registry),
        "WEIR_WORKER__STATE_DIR": str(bench.folder / "state"),
        "WEIR_ADMIN__PORT": "0",
        **side.environment,
    }
    with (bench.folder / f"{run.name}.log").open("wb") as log:
        process = subprocess.Popen(side.command(run), env=environment, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
