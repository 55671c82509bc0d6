"""The check-up: every group in turn, whatever becomes of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias

from models.loaded import LoadedModel
from streams.cli.doctor_here import check_certificates, check_files, check_ports
from streams.cli.doctor_kafka import Broker
from streams.cli.doctor_models import look_at_models
from streams.cli.doctor_roles import groups_of
from streams.doctor.broker import BrokerFacts, broker_findings
from streams.doctor.finding import Finding, NotChecked, Severity
from streams.doctor.models import model_findings
from streams.kafka.client import BrokerUnreachable, check_client_config, client_config
from streams.kafka.rights import NotAllowed
from streams.replay.version import ReplayedModel
from streams.settings import Settings

Found: TypeAlias = Iterable[Finding | NotChecked]


@dataclass(slots=True)
class Report:
    """`findings`: errors first. `checked`: groups that were looked at, in full or in part."""

    reachable: bool = True
    findings: list[Finding] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    not_checked: list[NotChecked] = field(default_factory=list)

    def take(self, check: str, look: Callable[[], Found]) -> None:
        """What a group finds, or why it could not look: one that fails keeps no other from being told."""
        self.checked.append(check)
        try:
            for each in look():
                if isinstance(each, Finding):
                    self.findings.append(each)
                else:
                    self.not_checked.append(each)
        except Exception as error:  # noqa: BLE001  # of any client and any file
            self.not_checked.append(NotChecked(check, str(error) or type(error).__name__))


def examine(settings: Settings, roles: tuple[str, ...]) -> Report:
    """All checks, in the order in which a set-up is made. Raises SettingsError for what librdkafka refuses."""
    check_client_config(settings.kafka)
    report = Report()
    report.take("files", lambda: check_files(settings))
    report.take("certificates", lambda: check_certificates(settings))
    report.take("ports", lambda: check_ports(settings, door="http" in roles))
    broker = Broker(settings, groups_of(settings, roles), door="http" in roles)
    report.take("broker", broker.check_broker)
    try:
        with suppress(NotAllowed):  # each group below says what it cannot see
            _ = broker.topics
    except BrokerUnreachable as error:
        report.reachable = False
        report.findings += broker_findings(BrokerFacts(settings.kafka.bootstrap_servers, error.why))
    models: list[LoadedModel] = []
    if {"predict", "http"} & {*roles}:
        report.take("models", lambda: _check_models(settings, models, reachable=report.reachable))
    if report.reachable:
        report.take("topics", broker.check_topics)
        report.take("limits", broker.check_limits)
        report.take("rights", broker.check_rights)
        report.take("groups", broker.check_groups)
        report.take("events", lambda: broker.check_events(next(iter(models), None)))
        report.take("clock", broker.check_clock)
    report.findings.sort(key=lambda each: each.severity is not Severity.ERROR)
    return report


def _check_models(settings: Settings, loaded: list[LoadedModel], *, reachable: bool) -> Iterator[Finding]:
    """Those that load are added to `loaded`."""

    def promoted(name: str) -> str | None:
        if reachable:
            with suppress(BrokerUnreachable, NotAllowed):  # a right that is missing is told as such
                return ReplayedModel(settings, name).version(client_config(settings.kafka))
        return None

    for facts, model in look_at_models(settings, promoted):
        if model is not None:
            loaded.append(model)
        yield from model_findings(facts)
