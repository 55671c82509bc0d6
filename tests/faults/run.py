"""One run: events, workers that answer them, a verifier that looks on, and faults in between."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Self

import msgspec

from streams.kafka.client import BrokerUnreachable, client_config
from streams.kafka.groups import group_progress
from streams.kafka.topic_plan import default_plan
from streams.kafka.topics import create_topics
from streams.settings import load_settings
from tests.faults.answers import Violation
from tests.faults.feed import Feed
from tests.faults.fleet import Fleet
from tests.faults.keyed_workload import publish_keyed_model
from tests.faults.live import Live
from tests.faults.model_verifier import ModelVerifier
from tests.faults.stage import Stage
from tests.faults.verifier import TORN, Findings, Verifier
from tests.faults.worker import Order, WorkerSetup
from tests.faults.workload import PARTITIONS, publish_model

TICK_S = 0.05
TORN_SNAPSHOT = b"entries do not match their checksums"


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What a run begins with. Sessions are short, so that faults are: a user's default is 10 s."""

    slots: tuple[str, ...] = ("a", "b")
    rate: int = 1000
    shift_after: int = 10_000
    session_s: float = 3.0
    through_proxies: bool = False
    worker: WorkerSetup = field(default_factory=lambda: WorkerSetup(idle_marks=False))
    settings: Mapping[str, str] = field(default_factory=dict)
    feed_s: float = 12.0
    """The least time for which events flow."""
    keyed: bool = False
    """Whether the model has keyed features: then its answers are held against an offline computation as well."""
    model_fault: str = ""
    """How the model misbehaves (`tests.faults.misbehaviour`), once `Run.misbehave` was called."""
    mortal: frozenset[int] = frozenset()
    """Exit codes that this may end a worker with."""
    settle_s: float = 30.0
    """How long a state may take to become what it must be."""


def environment(stage: Stage, folder: Path, scene: Scene) -> dict[str, str]:
    """Settings of the workers, as variables: topics and group of this run's own."""
    prefix = f"run{random.getrandbits(32):08x}"  # a name, not a secret
    return {
        "WEIR_KAFKA__BOOTSTRAP_SERVERS": (
            stage.proxies.bootstrap_servers if scene.through_proxies else stage.kafka.bootstrap_servers
        ),
        "WEIR_KAFKA__GROUP": prefix,
        "WEIR_KAFKA__SESSION_TIMEOUT_MS": str(int(scene.session_s * 1000)),
        "WEIR_TOPICS__PREFIX": f"{prefix}.",
        "WEIR_MODEL__REGISTRY": str(folder / "registry"),
        "WEIR_MODEL__NAME": "crash",
        "WEIR_WORKER__STATE_DIR": str(folder / "state"),
        "WEIR_WORKER__SNAPSHOT_INTERVAL_MS": "500",
        "WEIR_WORKER__MAX_BATCH_RECORDS": "500",
        # What a fault holds up is not late, however long it takes.
        "WEIR_DRIFT__ALLOWED_LATENESS_MS": "15000",
        "WEIR_DRIFT__MAX_HOLD_MS": "3600000",
        "WEIR_ADMIN__PORT": "0",
        **scene.settings,
    }


class Run:
    """A context manager: events flow and workers answer inside. `journal` is written as JSON lines.

    Every wait looks after the workers and raises what the live verifier found, at once.
    """

    def __init__(self, stage: Stage, folder: Path, scene: Scene, seed: int) -> None:
        self.stage, self.folder, self.scene = stage, folder, scene
        folder.mkdir(parents=True, exist_ok=True)
        (publish_keyed_model if scene.keyed else publish_model)(folder / "registry")
        environ = environment(stage, folder, scene)
        self.settings = load_settings(environ=environ)
        # What observes the workers does not share their network.
        observing = load_settings(environ={**environ, "WEIR_KAFKA__BOOTSTRAP_SERVERS": stage.kafka.bootstrap_servers})
        self._config = client_config(observing.kafka)
        create_topics(self._config, default_plan(observing.topics, partitions=PARTITIONS, replication=stage.size))
        self.live = Live(observing, folder / "registry", PARTITIONS, foresees=not scene.model_fault)
        make_verifier = ModelVerifier if scene.model_fault else Verifier
        self._verifier = make_verifier(observing, folder / "registry", PARTITIONS, scene.settle_s)
        self.feed = Feed(observing, seed=seed, rate=scene.rate, shift_after=scene.shift_after)
        self._model = folder / "model"
        self._model.mkdir()
        self.misbehave(False)
        worker = msgspec.structs.replace(
            scene.worker, model_fault=scene.model_fault, model_folder=str(self._model.resolve())
        )
        self.fleet = Fleet(environ, folder, worker, mortal=scene.mortal)
        self.bits: Counter[str] = Counter()
        self.recoveries: list[float] = []
        self._journal = (folder / "journal.jsonl").open("w")
        self._stack = ExitStack()
        self._rested = False

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._stack.enter_context(self.fleet)
        self.live.start()
        for slot in self.scene.slots:
            self.fleet.start(slot)
        self.wait(self.fleet.is_up, "every worker has its partitions", 60)
        self.feed.start()
        self.answered(time.time(), 60)
        self._began = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self.stage.proxies.clear()
        self._stack.close()
        self.feed.abandon()
        self.live.stop()
        self._journal.close()

    def note(self, what: str, **more: object) -> None:
        """A line of the journal."""
        self._journal.write(json.dumps({"at": round(time.time(), 3), "what": what, **more}) + "\n")
        self._journal.flush()

    def bit(self, what: str, times: int = 1) -> None:
        """Count a proof that a fault did something."""
        self.bits[what] += times

    def misbehave(self, on: bool) -> None:
        """Let the model misbehave as the scene says, or behave again."""
        off = self._model / "off"
        if on:
            off.unlink()
        else:
            off.touch()

    def bitten(self) -> int:
        """Calls of the model that its fault has bitten so far."""
        bitten = self._model / "bitten"
        return bitten.stat().st_size if bitten.exists() else 0

    def look(self) -> None:
        """Look after the workers; raise what is wrong already."""
        self.fleet.look_after()
        self.live.check()
        self.feed.check()

    def wait(self, condition: Callable[[], bool], what: str, deadline_s: float) -> None:
        """Wait for a condition, with a deadline."""
        deadline = time.monotonic() + deadline_s
        while True:
            self.look()
            if condition():
                return
            assert time.monotonic() < deadline, f"not within {deadline_s:g} s: {what}"
            time.sleep(TICK_S)

    def pause(self, seconds: float) -> None:
        """Let a fault last: look on for a while."""
        until = time.monotonic() + seconds
        self.wait(lambda: time.monotonic() >= until, "time goes by", seconds + 60)

    def answered(self, moment: float, deadline_s: float) -> float:
        """Wait until every partition has an answer that was made after a moment; how long after it."""
        self.wait(lambda: self.live.recovery(moment) is not None, "every partition is answered again", deadline_s)
        took = self.live.recovery(moment)
        assert took is not None
        return took

    def recovered(self, moment: float, deadline_s: float) -> None:
        """Wait for the answers after a fault that ended at `moment`, and note how long they took."""
        took = self.answered(moment, deadline_s)
        self.recoveries.append(took)
        self.note("recovered", seconds=round(took, 3))

    def finish(self) -> Findings:
        """No more events: wait until all are answered, let the workers come to rest, check, and stop them."""
        self.pause(max(0.0, self.scene.feed_s - (time.monotonic() - self._began)))
        self.stage.proxies.clear()
        self.feed.finish()
        self.wait(self._all_committed, "all is committed", 120)
        self.wait(lambda: self.live.missing() == 0, "all is answered", 30)
        for name in self.fleet.members:
            self.fleet.order(name, Order(do="rest"))
        if self.fleet.count(TORN_SNAPSHOT):
            raise Violation(f"{TORN}: its entries do not match their checksums")
        found = self._verifier.check()
        self.look()
        self.bits.update(self.fleet.bits())
        self.bit("aborted records", found.aborted)
        if self.scene.keyed:
            self.bit("answers as computed offline", found.offline)
        for event in ("assigned", "revoked"):
            self.bit(event, self.fleet.count(f'"event": "{event}"'.encode()))
        codes = self.fleet.stop()
        assert set(codes) == {0}, f"workers ended with {codes}"
        return found

    def _all_committed(self) -> bool:
        kafka, topics = self.settings.kafka, self.settings.topics
        try:
            predict = group_progress(self._config, f"{kafka.group}-predict", topics.name("events"))
            drift = group_progress(self._config, f"{kafka.group}-drift", topics.name("observations"))
        except BrokerUnreachable:
            return False  # an offset under an open transaction is not told
        return predict.lag == drift.lag == 0


def spread(seconds: list[float]) -> tuple[float, float, float] | None:
    """Median, 95th percentile and longest."""
    if not seconds:
        return None
    ranked = sorted(seconds)
    return median(ranked), ranked[min(len(ranked) - 1, int(0.95 * len(ranked)))], ranked[-1]
