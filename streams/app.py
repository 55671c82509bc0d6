"""The composition root: settings to a Faust app with its agents, lanes and admin web. The only place that wires.

Faust runs the agents, supervises them and hosts the services; Kafka is the lanes' business (docs/adr/0002).
`faust -A streams.app agents` finds the app by the module's `app`, made from the environment's settings.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

import faust
import structlog
from mode import Service
from mode.types import ServiceT
from prometheus_client import CollectorRegistry, ProcessCollector

from streams.agents.control import add_control_agent
from streams.agents.drift import add_drift_agent
from streams.agents.labels import add_label_intake_agent, add_labels_agent
from streams.agents.learner import add_learner_agent
from streams.agents.predict import add_predict_agent
from streams.control_role import control_role
from streams.http.admission import identify_by
from streams.http.door_service import DoorService
from streams.http.guard import Identify
from streams.http.ports import Listening
from streams.http.publishing import Publishing
from streams.http.service import AdminService
from streams.http_models import open_models
from streams.kafka.at_least_once import AtLeastOncePublisher
from streams.kafka.channel import BatchChannel
from streams.kafka.client import ClientConfig, client_config
from streams.kafka.event_publishing import EventPublishing
from streams.kafka.event_publishing_service import EventPublishingService
from streams.kafka.identity import LaneIdentity
from streams.kafka.lane import Lane
from streams.kafka.preflight import require_equal_partitions, wait_for_topics
from streams.kafka.publisher import Publisher
from streams.kafka.reader import Reader
from streams.kafka.restore import SnapshotReader
from streams.kafka.rights import Rights
from streams.kafka.service import AtEnd, LaneService, Stopping, Submit
from streams.kafka.topic_identity import TopicIdentity
from streams.labels_role import label_intake_role, labels_role
from streams.learner_role import learner_role
from streams.page_service import PageService
from streams.predict_role import predict_role
from streams.roles import Role, drift_role
from streams.settings import Settings, TopicRole, load_settings
from streams.slot import Slot
from streams.sources import SOURCES
from streams.telemetry.lane import LaneTelemetry
from streams.telemetry.metrics import Metrics
from streams.telemetry.progress import Progress

MakeRole: TypeAlias = Callable[[Settings, Metrics, Progress], Role | None]
"""None: there is nothing for it to do, and it was said why."""

ROLES: dict[str, tuple[MakeRole, Callable[..., Any]]] = {
    "predict": (predict_role, add_predict_agent),
    "drift": (drift_role, add_drift_agent),
    "control": (control_role, add_control_agent),
    "label-intake": (label_intake_role, add_label_intake_agent),
    "labels": (labels_role, add_labels_agent),
    "learner": (learner_role, add_learner_agent),
}

DOOR = "http"
"""The role without a lane: requests come over HTTP."""

COMPANIONS = {"drift": "control", "labels": "label-intake"}
"""A drift worker that nobody can command is of little use, and so is a join that no label comes to."""

ASIDE = ("label-intake", "labels", "learner")
"""Answers do not depend on these: a worker is ready without them."""

BOOKS: tuple[TopicRole, ...] = ("observations", "state", "control", "joins", "examples")
"""What is published with the offsets of its sources whatever `kafka.delivery` is: a repeat would count twice."""

SNAPSHOT_READ_S = 30.0
SNAPSHOT_PARTITIONS_S = 2.0


class WeirApp(faust.App):
    """A Faust app without Faust's own Kafka consumer, producer and web."""

    error: BaseException | None = None
    """What ended a lane, for the exit code."""

    progress: Progress
    on_error: Callable[[BaseException], None] | None = None
    """Told of the first error, on the thread that had it."""

    mundane_level = "debug"

    class BootStrategy(faust.app.BootStrategy):
        enable_kafka = False
        enable_web = False

    async def on_first_start(self) -> None:
        self.conf.datadir.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        await super().on_first_start()
        # Once, before the first lane: a channel passes nothing before, and a second call would empty it.
        self.flow_control.resume()

    def note_error(self, error: BaseException) -> None:
        if self.error is None:
            self.error = error
            if self.on_error is not None:
                self.on_error(error)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the roles of one process share."""

    settings: Settings
    slot: Slot
    reach: Callable[[str], None]
    listening: Listening
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)


def create_app(
    settings: Settings,
    roles: tuple[str, ...] = tuple(ROLES),
    *,
    slot: Slot | None = None,
    reach: Callable[[str], None] = lambda _point: None,
    listening: Listening | None = None,
) -> WeirApp:
    """Wire an app. Nothing is read, loaded or connected before it starts. `reach` is told the points of each turn.
    `listening`: in place of the settings' ports."""
    roles = tuple(role for role in roles if settings.labels.enabled or role not in ASIDE)
    roles = tuple(role for role in roles if role != "learner" or settings.learns)
    roles += tuple(other for role, other in COMPANIONS.items() if role in roles and other not in roles)
    unclaimed = Slot("unclaimed", "localhost", settings.worker.state_dir / "slots" / "unclaimed.fenced")
    parts = Parts(settings, slot or unclaimed, reach, listening or Listening())
    metrics = Metrics(parts.registry)
    ProcessCollector(registry=parts.registry)  # memory, processor time, open files, as other services tell them
    progress = Progress(
        roles,
        needs_model="predict" in roles or DOOR in roles,
        deadline_s=settings.worker.progress_deadline_ms / 1000,
        now=time.monotonic(),
        aside=ASIDE,
    )
    app = WeirApp(
        f"{settings.kafka.group}-{'-'.join(roles)}",
        datadir=settings.worker.state_dir / "faust",
        web_enabled=False,
        autodiscover=False,
    )
    app.progress = progress
    metrics.ready_when(lambda: progress.ready().ok)
    status = {"group": settings.kafka.group, "slot": parts.slot.name, "roles": list(roles)}
    identities = functools.cache(functools.partial(identify_by, settings))  # one for both webs, and when they start
    page = PageService(settings, parts.slot, roles, parts.registry, metrics, progress)
    admin = AdminService(
        settings,
        parts.registry,
        progress,
        lambda: status,
        identities,
        app.note_error,
        page.routes(),
        parts.listening.admin,
    )
    services: list[Service] = [admin, page]
    stopping = Stopping()
    for name in roles:
        if name == DOOR:
            services += _door(parts, metrics, progress, identities, app.note_error)
            continue
        make_role, add_agent = ROLES[name]
        channel = BatchChannel(app, source=settings.topics.name(SOURCES[name]), maxsize=1)
        add_agent(app, channel, ThreadPoolExecutor(1, thread_name_prefix=f"decide-{name}"))
        make_lane = functools.partial(_make_lane, parts, metrics, progress, name, make_role)
        services.append(LaneService(name, channel, make_lane, app.note_error, stopping))
    for service in services:
        app.service(cast("type[ServiceT]", service))  # Faust takes an instance as well
    return app


def _door(
    parts: Parts,
    metrics: Metrics,
    progress: Progress,
    identities: Callable[[], Identify | None],
    on_error: Callable[[BaseException], None],
) -> list[Service]:
    """The door, and before it what publishes its requests, where it does."""
    settings, offer, services = parts.settings, None, list[Service]()
    if settings.http.publish:
        config, topic, several = client_config(settings.kafka), settings.topics.name("events"), settings.model.further
        publishing = EventPublishing(config, topic, metrics.http_published, names_model=bool(several))
        offer = publishing.offer
        services.append(EventPublishingService(publishing))

    def searching() -> None:
        progress.lane(DOOR).searching(time.monotonic())

    models = functools.partial(open_models, settings, metrics, progress, searching)
    door = DoorService(
        settings,
        parts.registry,
        metrics,
        progress,
        models,
        identities,
        on_error,
        Publishing(offer),
        parts.listening.http,
    )
    return [*services, door]


def _make_lane(
    parts: Parts,
    metrics: Metrics,
    progress: Progress,
    name: str,
    make_role: MakeRole,
    submit: Submit,
    stop: threading.Event,
    at_end: AtEnd,
) -> Lane | None:
    """On the lane's thread: load what the role needs, wait for its topics, and put its lane together."""
    settings, log = parts.settings, structlog.get_logger("streams.app").bind(role=name)
    stay_away_s = parts.slot.to_wait_s(settings.kafka.session_timeout_ms / 1000)
    if stay_away_s > 0:
        log.warning("waiting: another worker took this slot a moment ago", slot=parts.slot.name, seconds=stay_away_s)
        if stop.wait(stay_away_s):
            return None
    role = make_role(settings, metrics, progress)
    if role is None:
        return None
    at_end(role.close)
    config = client_config(settings.kafka)
    identity = LaneIdentity(group=f"{settings.kafka.group}-{name}", slot=parts.slot.name, host=parts.slot.host)
    needed = {**role.rights, **role.optional}
    rights = Rights(config, needed, identity.group, identity.instance)
    counts = wait_for_topics(
        config, role.topics, rights, stop=stop.is_set, say=log.warning, optional=role.optional.keys()
    )
    if counts is None:
        return None
    rights = Rights(config, {name: needed[name] for name in counts}, identity.group, identity.instance)
    require_equal_partitions(counts, role.equal_partitions)
    worker, state_topic = settings.worker, settings.topics.name("state")
    snapshot_interval_s = worker.snapshot_interval_ms / 1000
    state_identity = TopicIdentity(config, state_topic, snapshot_interval_s, time.monotonic)
    at_end(state_identity.close)
    return Lane(
        decider=role.make_decider(counts),
        identity=identity,
        topic=role.source,
        state_topic=state_topic,
        make_reader=functools.partial(
            Reader,
            config,
            session_timeout_ms=settings.kafka.session_timeout_ms,
            max_bytes=worker.max_batch_bytes,
            linger_s=worker.linger_ms / 1000,
        ),
        make_publisher=_publishing(settings, config),
        snapshots=lambda reader: SnapshotReader(
            config,
            state_topic,
            lambda: reader.partition_count(state_topic, SNAPSHOT_PARTITIONS_S),
            SNAPSHOT_READ_S,
            time.monotonic,
            stop.is_set,
        ),
        submit=submit,
        observer=LaneTelemetry(
            name,
            role.source,
            metrics=metrics,
            progress=progress.lane(name),
            on_committed=role.on_committed,
            on_assigned=role.on_assigned,
        ),
        snapshot_interval_s=snapshot_interval_s,
        max_records=worker.max_batch_records,
        stop=stop,
        explain=rights.explain,
        state_topic_is_another=state_identity.is_another,
        reach=parts.reach,
    )


def _publishing(settings: Settings, config: ClientConfig) -> Callable[..., Publisher | AtLeastOncePublisher]:
    """How a lane publishes, by `kafka.delivery`."""
    if settings.kafka.delivery == "exactly_once":
        return functools.partial(Publisher, config)
    books = frozenset(settings.topics.name(role) for role in BOOKS)
    return functools.partial(AtLeastOncePublisher, config, books=books)


def __getattr__(name: str) -> Any:
    """`app`, for the `faust` command; made on demand, so that importing this module does nothing."""
    if name == "app":
        return create_app(load_settings())
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
