"""A replay in words for a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from streams.replay.comparing import Compared, Verdict
from streams.replay.report import ReplayedRange, ReplaySummary
from streams.replay.watching import WatchedDrift

MEANS = {
    Verdict.EQUAL: "equal",
    Verdict.CLOSE: "equal within the tolerance",
    Verdict.SCORE: "same answer, another score",
    Verdict.PREDICTION: "another answer",
    Verdict.REASON: "rejected for another reason",
    Verdict.ANSWERED: "answered now, rejected then",
    Verdict.REJECTED: "rejected now, answered then",
    Verdict.UNPUBLISHED: "of which nothing was found",
}


def ranges_in_words(ranges: list[ReplayedRange]) -> list[str]:
    """What of the ranges could not be replayed, and why; nothing where all could."""
    lines = []
    for each in ranges:
        where = f"partition {each.partition}"
        if each.gone:
            lines.append(f"{where}: {each.gone:,} of the offsets asked for are not held any more (retention)")
        if each.from_oldest:
            lines.append(f"{where}: begins with the oldest record that is left, offset {each.first:,}")
        if each.not_written:
            lines.append(f"{where}: {each.not_written:,} of the offsets asked for are not written yet")
        if each.without_record:
            lines.append(
                f"{where}: {each.without_record:,} offsets hold no record (markers of transactions, "
                "aborted or undecided records, compaction)"
            )
    return lines


def summary_in_words(summary: ReplaySummary) -> list[str]:
    """Lines, not escaped."""
    answered = f"{summary.records:,} records, {summary.answered:,} answered by {summary.model} {summary.version}"
    lines = [f"{answered} ({summary.records_per_s:,.0f} records/s)"]
    others = {rung: count for rung, count in summary.served_by.items() if rung != "model"}
    if others:
        lines.append(f"in the model's place: {_listed(others)}")
    if summary.rejected:
        lines.append(f"{sum(summary.rejected.values()):,} rejected: {_listed(summary.rejected)}")
    if summary.tombstones:
        lines.append(f"{summary.tombstones:,} tombstones")
    if summary.others:
        lines.append(f"{summary.others:,} name another model")
    lines += ranges_in_words(summary.ranges)
    if summary.output is not None:
        lines.append(f"answers: {summary.output}; rejected: {summary.rejected_rows}")
    if summary.side_topics:
        lines.append(f"published to {', '.join(summary.side_topics)}")
    if summary.comparison is not None:
        lines += comparison_in_words(summary.comparison)
    if summary.drift is not None:
        lines += drift_in_words(summary.drift)
    return lines


def comparison_in_words(compared: Compared) -> list[str]:
    by = _listed(compared.published_versions)
    lines = [f"compared with what was published{f' (versions: {by})' if by else ''}:"]
    lines += [
        f"  {count:>9,} {MEANS[Verdict(name)]}" for name, count in compared.verdicts.items() if count or name == "equal"
    ]
    if compared.largest_score_difference:
        lines.append(f"  largest difference of a score with the same answer: {compared.largest_score_difference:.3g}")
    for each in compared.examples:
        where = f"  partition {each.partition} offset {each.offset}"
        lines.append(f"{where}: was {each.published}; now {each.replayed}")
    return lines


def drift_in_words(drift: WatchedDrift) -> list[str]:
    fired = len({alert.alert_id for alert in drift.alerts})
    lines = [f"detectors: {drift.events:,} events in {drift.blocks:,} blocks, {fired} alert{'' if fired == 1 else 's'}"]
    if drift.late_events:
        lines.append(f"  {drift.late_events:,} events came after their block had closed")
    if not drift.blocks:
        lines.append("  no block was judged: there are too few events")
    return lines


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
