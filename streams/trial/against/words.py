"""A drift report in words."""

from __future__ import annotations

from streams.trial.against.measuring import MeasuredEffect, SignalReport, Verdict
from streams.trial.against.report import DriftReport
from streams.trial.words import counted


def verdict_of(report: DriftReport) -> str:
    """One line."""
    if not report.enough:
        return f"{counted(report.rows, 'row')}: too few to say anything"
    found = len(report.findings)
    return f"{found or 'none'} of {counted(len(report.signals), 'signal')} away from the reference"


def about(report: DriftReport) -> list[str]:
    """What was measured, against what."""
    what = "answers" if report.answers_only else "rows with their answers"
    lines = [
        f"{report.data}: {report.rows:,} {what}",
        f"reference: {report.reference.source}, {counted(report.reference.rows, 'row')}",
    ]
    if report.from_time is not None:
        lines.append(f"times: {report.from_time} to {report.to_time}")
    if report.rejected:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in report.rejected.items())
        lines.append(f"rejected, and not measured: {reasons}")
    if report.other_versions:
        versions = ", ".join(f"{count:,} by {version}" for version, count in report.other_versions.items())
        lines.append(f"answered by other versions, and measured: {versions}")
    if report.duplicates:
        lines.append(f"repeats of an id (duplicate_of), and not measured: {report.duplicates:,}")
    return lines


def in_words(report: DriftReport) -> list[str]:
    """Lines for a terminal, not escaped."""
    width = max((len(each.signal) for each in report.signals), default=0)
    lines = [*about(report), ""]
    lines += [f"{each.verdict:<8} {each.signal:<{width}}  {_told(each)}".rstrip() for each in report.signals]
    return [*lines, "", verdict_of(report)]


def effect_of(effect: MeasuredEffect) -> str:
    """How far: ``mean +1.43 sd (1.35 to 1.52)``."""
    low, high = effect.interval
    return f"{effect.statistic} {effect.size:+.3g} {effect.unit} ({low:.3g} to {high:.3g})"


def _told(signal: SignalReport) -> str:
    if signal.verdict is Verdict.FOLLOWS:
        return "features move that each pair takes along"
    if not signal.effects:
        return "no value to measure"
    return f"{effect_of(signal.effects[0])}{f'; {signal.likely}' if signal.likely else ''}"
