"""The version that a replay asks: loaded as a worker loads it."""

from __future__ import annotations

import msgspec
from prometheus_client import CollectorRegistry

from models.loaded import LoadedModel
from streams.addressing import Addressing
from streams.control_records import decode_served, model_setting
from streams.decide.predict import PredictDecider
from streams.decide.serving import PredictTopics
from streams.kafka.client import ClientConfig, TopicMissing
from streams.kafka.proposals import Proposals
from streams.served_model import ModelSource
from streams.settings import Settings
from streams.switch import LoadedVersion
from streams.telemetry.metrics import Metrics
from streams.version_loading import VersionLoading


class ReplayedModel:
    """A model of the registry, by the settings of a worker. Raises SettingsError where none is named and there are
    several. `name` is its name."""

    def __init__(self, settings: Settings, name: str | None) -> None:
        self._settings = settings
        self._source = ModelSource(settings, Metrics(CollectorRegistry()), lambda: None, name)
        self.name = self._source.name

    @property
    def speaks_for_all(self) -> bool:
        """Whether it rejects events to a model that nobody has."""
        return self.name not in self._settings.model.further

    def version(self, client_config: ClientConfig) -> str | None:
        """The one that answers now: pinned, promoted, or (None) the registry's default. Raises BrokerUnreachable,
        NotAllowed."""
        if self._settings.answers_with(self.name) and self._settings.model.version:
            return self._settings.model.version
        try:
            with Proposals(client_config, self._settings.topics.name("control")) as control:
                accepted = control.accepted(model_setting(self.name))
        except TopicMissing:
            return None
        try:
            return decode_served(accepted).active if accepted else None
        except msgspec.MsgspecError:
            return None

    def load(self, version: str | None, topics: PredictTopics) -> LoadedVersion:
        """Its ladder stands, but for the version before. Raises ModelError, ProfileError. Close it at the end."""
        loading = VersionLoading(
            self._settings, self._source, topics, on_breaker=lambda *_: None, joins="", join_partitions=0
        )
        return loading.complete(*self._source.load(version))

    def decider(self, loaded: LoadedVersion, topics: PredictTopics) -> PredictDecider:
        """Takes the events that a worker's would: those that name another model are not this one's."""
        worker = self._settings.worker
        beside = {self.name, *self._settings.model.further}
        addressing = Addressing(
            self.name,
            beside=beside,
            elsewhere=self._source.others - beside,
            speaks_for_all=self.speaks_for_all,
        )
        return PredictDecider(
            lambda: loaded.serving,
            dead_letters_topic=topics.dead_letters,
            dedupe_window=worker.dedupe_window,
            most_keys=worker.keyed_keys,
            addressing=addressing,
        )


def model_of(loaded: LoadedVersion) -> LoadedModel:
    """With its manifest and its reference."""
    model = loaded.serving.model
    assert isinstance(model, LoadedModel)
    return model
