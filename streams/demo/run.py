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
from streams.demo.sandbox import BrokerChoice, Sandbox, local_broker, temporary_folder, temporary_topics
from streams.demo.screen import Screen
from streams.demo.sensors import halves, load_shuttle
from streams.demo.summary import Summary, summarise
from streams.demo.watcher import Counts, Watcher
from streams.demo.worker_child import WorkerChild
from streams.kafka.client import client_config
from streams.settings import Settings

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


class EndNotRead(Exception):
    """The account cannot be made."""

    def __init__(self) -> None:
        super().__init__(
            f"the topics could not be read to their end within {READ_WITHIN_S:g} s; likely cause: the broker is "
            f"overloaded or gone; fix: a lower --rate, or another broker"
        )


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A published model, and what it will be asked. `rows` of the whole data set."""

    features: tuple[str, ...]
    rows: int
    injection: Injection
    replay: Replay
    f1: float


def run_demo(
    options: DemoOptions, screen: Screen, interrupts: Interrupts, command_at_ms: int
) -> tuple[Summary, Counts]:
    """Play it. Whatever happens, everything that was started is ended, and everything that was made removed.

    Raises Interrupted, EmbeddedBrokerMissing, KafkaMissingError, StartError, WorkerLost, BrokerUnreachable,
    EndNotRead.
    """
    with ExitStack() as stack:
        try:
            return _run(stack, options, screen, interrupts, command_at_ms)
        finally:
            interrupts.ignore()


def _run(
    stack: ExitStack, options: DemoOptions, screen: Screen, interrupts: Interrupts, command_at_ms: int
) -> tuple[Summary, Counts]:
    screen.say("Training a model and starting a worker" + (" …" if options.bootstrap_servers else " and a broker …"))
    foreign = options.bootstrap_servers is not None
    broker = None if foreign else local_broker(options.broker)
    folder = stack.enter_context(temporary_folder())
    # Training, the worker's imports and the start of the broker take seconds each: all at once.
    pool = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="prepare"))
    sandbox = Sandbox(folder, MODEL, foreign=foreign)
    replaceable = broker is None or broker.ends_aborts
    with interrupts.held():
        preparing = pool.submit(_prepare, sandbox.registry, options.seed)
        worker = stack.enter_context(WorkerChild(folder, sandbox.environ, replaceable=replaceable))
    servers = stack.enter_context(broker).bootstrap_servers if broker else options.bootstrap_servers or ""
    settings = sandbox.settings(servers)
    stack.enter_context(temporary_topics(settings, foreign=foreign, say=screen.say))
    stack.callback(worker.abandon)  # before the topics and the broker that it works on go
    prepared = preparing.result()
    sandbox.release()
    _introduce(screen, options, settings, prepared)
    config, events = client_config(settings.kafka), settings.topics.name("events")
    feed = Feed(config, events, prepared.replay, rate=options.rate, drift_at_s=options.drift_at_s)
    watcher = Watcher(settings.topics)
    display = Display(
        screen, feed=feed, watcher=watcher, worker=worker, injection=prepared.injection, features=prepared.features
    )
    with ThreadPoolExecutor(2, thread_name_prefix="demo") as threads:
        try:
            with interrupts.held():
                watching = threads.submit(watcher.run, config)
                feeding = threads.submit(feed.run)
            worker.wait_until_ready(READY_WITHIN_S)
            while not watcher.is_reading():
                _step(worker, display, "starting", watching, feeding)
            interrupts.patient()
            feed.begin()
            _play(options, feed, watcher, worker, display, interrupts, watching, feeding)
        finally:
            feed.abandon()
            watcher.abandon()
    if feed.failure:
        screen.say(f"the broker did not take all events: {feed.failure}")
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
    feed: Feed,
    watcher: Watcher,
    worker: WorkerChild,
    display: Display,
    interrupts: Interrupts,
    watching: Future[None],
    feeding: Future[None],
) -> None:
    """Events until the end; then their answers; then the worker's own end, and what it wrote until then."""
    while not interrupts.asked and not (options.duration_s and feed.elapsed_s() >= options.duration_s):
        _step(worker, display, "Ctrl-C ends it", watching, feeding)
    feed.stop()
    display.say("No more events; the last ones are still answered. Ctrl-C again ends it at once.")
    deadline = time.monotonic() + ANSWERED_WITHIN_S
    while time.monotonic() < deadline and not (feeding.done() and watcher.answered(feed.delivered)):
        _step(worker, display, "waiting for the last answers", watching, feeding)
    display.update("stopping the worker")
    worker.close()
    watcher.finish()
    try:
        watching.result(READ_WITHIN_S)
    except TimeoutError:
        raise EndNotRead from None
    display.update("counted")


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
    return _Prepared(unseen.features, len(training) + len(unseen), injection, replay, f1)


def _introduce(screen: Screen, options: DemoOptions, settings: Settings, prepared: _Prepared) -> None:
    servers, prefix = settings.kafka.bootstrap_servers, settings.topics.prefix
    which = "yours" if options.bootstrap_servers else options.broker.value
    look = f"WEIR_KAFKA__BOOTSTRAP_SERVERS={servers} " + (f"WEIR_TOPICS__PREFIX={prefix} " if prefix else "")
    screen.say(
        f"Kafka ({which}) at {servers}. To look in from another terminal:\n  {look}weir alerts --follow\n"
        f"Data: Shuttle, {prepared.rows:,} real sensor readings of a space shuttle. A decision tree learnt from one "
        f"half of them to find anomalies (F1 {prepared.f1:.3f} on the other half).\n"
        f"This is a replay: the other half, in random order (seed {options.seed}), again and again, with fresh event "
        f"ids and the present time, {options.rate:,.0f} events a second. Labels are left out.\n"
        f"After {options.drift_at_s:g} s: {prepared.injection}."
    )
