"""The models of the HTTP door: loaded from the registry, and changed over to what is promoted, as on Kafka."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack

import structlog

from models.errors import ModelError
from models.prediction import Model
from streams.control_records import model_setting
from streams.decide.serving import PredictTopics, Serving
from streams.kafka.client import client_config
from streams.kafka.setting_following import follow_setting
from streams.served_model import ModelSource
from streams.settings import Settings
from streams.switch import LoadedVersion, Switch
from streams.telemetry.breakers import BreakerTelemetry
from streams.telemetry.metrics import Metrics
from streams.telemetry.progress import Progress
from streams.version_following import VersionFollowing
from streams.version_loading import VersionLoading

log = structlog.get_logger("streams.http_models")

WAIT_S = 5.0
"""For what was promoted. Then the registry's default answers until it is known: requests are answered without Kafka."""


def open_models(
    settings: Settings,
    metrics: Metrics,
    progress: Progress,
    searching: Callable[[], None],
    stop: threading.Event,
    opened: ExitStack,
) -> Mapping[str, tuple[Callable[[], Serving], Callable[[], Model | None]]]:
    """By name, the first one first: what answers a batch that begins now, and what answers the next one. `opened` ends
    what was loaded. Raises ModelError, SettingsError."""
    found = {}
    for further in (None, *settings.model.further):
        source = ModelSource(settings, metrics, searching, further)
        pinned = None if further else settings.model.version
        switch = _followed(settings, metrics, progress, source, pinned, stop, opened)
        if switch is not None:
            found[source.name] = (switch.current, functools.partial(getattr, switch, "next_model"))
    return found


def _followed(
    settings: Settings,
    metrics: Metrics,
    progress: Progress,
    source: ModelSource,
    pinned: str | None,
    stop: threading.Event,
    opened: ExitStack,
) -> Switch | None:
    """None: it was stopped meanwhile."""
    topics = settings.topics
    breakers = BreakerTelemetry(source.name, metrics, progress)
    # Nothing of an answer over HTTP is published: the names are here for the version as a whole.
    names = PredictTopics(
        events=topics.name("events"),
        predictions=topics.name("predictions"),
        dead_letters=topics.name("dead_letters"),
        observations=topics.name("observations"),
    )
    loading = VersionLoading(settings, source, names, breakers.changed, topics.name("joins"), 0)

    def on_switch(model: Model) -> None:
        progress.model_loaded(model.name, model.version)
        metrics.model_active(model.name, model.version)
        breakers.switched(model.version)

    first: LoadedVersion | None = None
    unservable: ModelError | None = None
    try:
        model, close = source.load(pinned)
        first = _without_keys(loading.complete(model, close))
    except ModelError as error:
        if pinned is not None:
            raise
        unservable = error  # no matter, if another was promoted
    if first is not None:
        on_switch(first.serving.model)
    switch = Switch(first, on_switch)
    if pinned is not None:
        opened.callback(switch.close)
        return switch
    following = VersionFollowing(
        switch,
        load=lambda version, previous: _without_keys(loading.load(version, previous)),
        accepted=functools.partial(
            follow_setting, client_config(settings.kafka), topics.name("control"), model_setting(source.name)
        ),
        on_failure=lambda _version: metrics.model_load_failed(source.name),
    )
    opened.callback(following.close)
    following.start()
    if not _known(following, stop) and not stop.is_set():
        log.warning("which version was promoted is not known yet; the registry's default answers", model=source.name)
    if switch.is_empty:
        if stop.is_set():
            return None
        raise unservable or AssertionError("unreachable: without a first version there is a reason")
    return switch


def _without_keys(loaded: LoadedVersion) -> LoadedVersion:
    """Raises ModelError for a version with keyed features, having closed it: what they remember of a key is the state
    of a partition on Kafka, and requests have neither."""
    model = loaded.serving.model
    if model.keyed is None:
        return loaded
    loaded.close()
    raise ModelError(
        f"version {model.version} cannot answer over HTTP: it has keyed features",
        where=f"model {model.name}",
        cause="it was added with --key; what a key did before is remembered by the predict role on Kafka alone",
        fix="send its events to Kafka, or name a version without keyed features",
    )


def _known(following: VersionFollowing, stop: threading.Event) -> bool:
    return any(following.wait_until_known(0.1) for _ in range(round(WAIT_S / 0.1)) if not stop.is_set())
