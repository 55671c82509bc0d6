"""What the learner role consumes, needs and decides by."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from models.errors import ModelError
from streams.base_version import read_base
from streams.decide.learner import LearnerDecider
from streams.decider import Decider
from streams.learning.report import LearnerReport
from streams.learning.waiting import row_type
from streams.records import Decision, RecordBatch
from streams.roles import Role
from streams.settings import Settings
from streams.telemetry.metrics import Metrics
from streams.telemetry.progress import Progress

log = structlog.get_logger("streams.learner_role")

MOST_WAITING_BYTES = 256 << 20
"""Of features that wait for labels, however wide a model is."""


def learner_role(settings: Settings, metrics: Metrics, _progress: Progress) -> Role | None:
    """Learns from joined labels, beginning as the version that `learning.version` names. Where that cannot be read
    nothing is learnt, and answers go on. Raises SettingsError."""
    topics = settings.topics
    try:
        base = read_base(settings)
    except ModelError as error:
        log.error("nothing learns", version=settings.learning.version, why=str(error))  # noqa: TRY400
        return None
    row_bytes = row_type(len(base.preparation.inputs)).itemsize
    verdicts: dict[str, str] = {}
    diverged: set[str] = set()

    def make_decider(_counts: Mapping[str, int]) -> Decider:
        most = max(1, min(settings.learning.max_waiting, MOST_WAITING_BYTES // row_bytes))
        return LearnerDecider(base, most=most)

    def on_committed(_batch: RecordBatch, decision: Decision) -> None:
        report = decision.report
        if not isinstance(report, LearnerReport):
            return
        metrics.examples(report.model, {str(fate): count for fate, count in report.fates.items()})
        for (version, champion_right, learner_right), count in report.pairs.items():
            metrics.learner_pairs(
                report.model, version, count, champion_right=champion_right, learner_right=learner_right
            )
        metrics.waiting_for_the_learner(report.model, report.waiting)
        for version, comparison in report.comparisons.items():
            if verdicts.get(version, "undecided") != comparison.verdict:
                pairs = comparison.window.total
                log.info("the learner compared", version=version, verdict=comparison.verdict, pairs=pairs)
            verdicts[version] = comparison.verdict
        if report.diverged and report.model not in diverged:
            diverged.add(report.model)
            verdicts.clear()
            log.error(
                "the learner diverged: it learns no more, and cannot be frozen",
                version=settings.learning.version,
                cause="its l2 is too large for its learning_rate: with each row its weights grow",
                fix="declare learning_rate times l2 below 1, add that as a version, and set learning.version to it",
            )
        if report.unreadable or report.foreign:
            log.warning("examples skipped", unreadable=report.unreadable, of_others=report.foreign)

    return Role(
        name="learner",
        source=topics.name("examples"),
        rights={topics.name("examples"): ("Read",), topics.name("state"): ("Read", "Write")},
        equal_partitions=(),
        make_decider=make_decider,
        on_committed=on_committed,
    )
