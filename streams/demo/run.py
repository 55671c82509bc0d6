"""The demo from start to end: broker, topics, model, worker, events, drift, and the account of it."""

from __future__ import annotations

import secrets
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from streams.demo.display import Display
from streams.demo.feed import Feed
from streams.demo.injection import Injection, choose_injection
from streams.demo.interrupts import Interrupts
from streams.demo.replay import Replay
from streams.demo.sandbox import BrokerChoice, Sandbox, local_broker, make_sandbox, temporary_folder, temporary_topics
from streams.demo.screen import Screen
from streams.demo.sensors import SensorData, halves, load_shuttle
from streams.demo.summary import Summary, summarise
from streams.demo.watcher import Counts, Watcher
from streams.demo.worker_child import WorkerChild
from streams.kafka.client import client_config

MODEL = "shuttle"
READY_WITHIN_S = 60.0
ANSWERED_WITHIN_S = 30.0
READ_WITHIN_S = 30.0
REFRESH_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """`duration_s`, from the first event on, None: until Ctrl-C. `bootstrap_servers`: the user's Kafka is used, and
    no broker started."""

    duration_s: float | None
    rate: float
    drift_at_s: float
    seed: int
    broker: BrokerChoice
    bootstrap_servers: str | None


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A published model, and the half of the data that it has not seen."""

    unseen: SensorData
    injection: Injection
    replay: Replay
    f1: float
    rows: int


def run_demo(
    options: DemoOptions, screen: Screen, interrupts: Interrupts, command_at_ms: int
) -> tuple[Summary, Counts]:
    """Play it. Whatever happens, everything that was started is ended, and everything that was made removed.

    Raises Interrupted, EmbeddedBrokerMissing, KafkaMissingError, StartError, BrokerUnreachable, ReadTimeout.
    """
    with ExitStack() as stack:
        try:
            return _run(stack, options, screen, interrupts, command_at_ms)
        finally:
            interrupts.ignore()


def _run(
    stack: ExitStack, options: DemoOptions, screen: Screen, interrupts: Interrupts, command_at_ms: int
) -> tuple[Summary, Counts]:
    foreign = options.bootstrap_servers is not None
    folder = stack.enter_context(temporary_folder())
    # Training takes about as long as the start of a broker.
    pool = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="prepare"))
    preparing = pool.submit(_prepare, folder / "registry", options.seed)
    servers = options.bootstrap_servers or stack.enter_context(local_broker(options.broker)).bootstrap_servers
    sandbox = make_sandbox(folder, MODEL, servers, foreign=foreign)
    stack.enter_context(temporary_topics(sandbox, foreign=foreign, say=screen.say))
    prepared = preparing.result()
    worker = stack.enter_context(WorkerChild(folder, sandbox.environ))
    _introduce(screen, options, sandbox, prepared)
    worker.wait_until_ready(READY_WITHIN_S)
    feed = Feed(
        client_config(sandbox.settings.kafka),
        sandbox.settings.topics.name("events"),
        prepared.replay,
        rate=options.rate,
        drift_at_s=options.drift_at_s,
    )
    watcher = Watcher(sandbox.settings.topics)
    display = Display(
        screen,
        feed=feed,
        watcher=watcher,
        worker=worker,
        injection=prepared.injection,
        features=prepared.unseen.features,
    )
    _play(options, sandbox, feed, watcher, worker, display, interrupts)
    counts = watcher.counts()
    summary = summarise(
        counts,
        watcher.alerts(),
        prepared.injection,
        injected_at_ms=feed.injected_at_ms,
        command_at_ms=command_at_ms,
        seed=options.seed,
    )
    return summary, counts


def _play(
    options: DemoOptions,
    sandbox: Sandbox,
    feed: Feed,
    watcher: Watcher,
    worker: WorkerChild,
    display: Display,
    interrupts: Interrupts,
) -> None:
    """Events until the end; then their answers; then the worker's own end, and what it wrote until then."""
    with ThreadPoolExecutor(2, thread_name_prefix="demo") as pool:
        try:
            watching = pool.submit(watcher.run, client_config(sandbox.settings.kafka))
            feeding = pool.submit(feed.run)
            interrupts.patient()
            while not interrupts.asked and not (options.duration_s and feed.elapsed_s() >= options.duration_s):
                _step(worker, display, "Ctrl-C ends it", watching, feeding)
            feed.stop()
            deadline = time.monotonic() + ANSWERED_WITHIN_S
            while time.monotonic() < deadline and not (feeding.done() and watcher.answered(feed.delivered)):
                _step(worker, display, "waiting for the last answers", watching, feeding)
            display.update("stopping the worker")
            worker.close()
            watcher.finish()
            watching.result(READ_WITHIN_S)
            display.update("counted")
        finally:
            feed.abandon()
            watcher.abandon()


def _step(worker: WorkerChild, display: Display, phase: str, *threads: Future[None]) -> None:
    worker.keep_running()
    display.update(phase)
    for thread in threads:
        if thread.done():
            thread.result()
    time.sleep(REFRESH_S)


def _prepare(registry: Path, seed: int) -> _Prepared:
    from streams.demo.training import train  # noqa: PLC0415  # scikit-learn: imported while the broker starts

    training, unseen = halves(load_shuttle(), seed)
    injection = choose_injection(training, seed)
    f1 = train(registry, MODEL, training, unseen)
    replay = Replay(unseen, injection, seed, secrets.token_hex(4))
    return _Prepared(unseen, injection, replay, f1, len(training))


def _introduce(screen: Screen, options: DemoOptions, sandbox: Sandbox, prepared: _Prepared) -> None:
    kafka = sandbox.settings.kafka
    which = "yours" if options.bootstrap_servers else options.broker.value
    look = f"WEIR_KAFKA__BOOTSTRAP_SERVERS={kafka.bootstrap_servers} "
    if sandbox.settings.topics.prefix:
        look += f"WEIR_TOPICS__PREFIX={sandbox.settings.topics.prefix} "
    screen.say(
        f"Kafka ({which}) at {kafka.bootstrap_servers}. In another terminal: {look}weir alerts --follow\n"
        f"Data: Shuttle, {prepared.rows + len(prepared.unseen):,} real sensor readings of a space shuttle. A decision "
        f"tree learnt from one half to find the anomalies (F1 {prepared.f1:.3f} on the other).\n"
        f"This is a replay: the other half, in random order (seed {options.seed}), again and again, with fresh event "
        f"ids and the present time, {options.rate:,.0f} events a second. Labels are left out.\n"
        f"After {options.drift_at_s:g} s: {prepared.injection}."
    )
