"""A report in words for a terminal: what was watched, each injected change, each alert on a line."""

from __future__ import annotations

from drift.alert import Alert
from streams.trial.report import Injected, Report, TrialAlert


def in_words(report: Report) -> list[str]:
    """Lines, not escaped."""
    lines = [*about(report), ""]
    if report.injected:
        lines += [*map(_injected, report.injected), ""]
    width = max((len(alert.signal) for alert in report.alerts), default=0)
    lines += [_alert(alert, width, marked=bool(report.injected)) for alert in report.alerts]
    return [*lines, verdict(report)]


def verdict(report: Report) -> str:
    """One line: how many alerts; with injections how many of them were found, and how many alerts they leave open."""
    total = counted(len(report.alerts), "alert")
    if not report.injected:
        return f"{total} in {report.rows:,} rows"
    outcomes = [each.outcome for each in report.injected]
    found = f"{outcomes.count('found')} of {counted(len(outcomes), 'injected change')} found"
    if standing := outcomes.count("standing"):
        found += f", {standing} while an alert stood"
    left = len(report.unexplained)
    return (
        f"{found}; {total}, {left} with no injected cause{' (false, unless the data drifts of itself)' if left else ''}"
    )


def lateness(injected: Injected) -> str:
    """How long after its beginning a change was found."""
    seconds = "" if injected.seconds_late is None else f" ({duration(injected.seconds_late)})"
    return f"{injected.rows_late:,} rows{seconds} late"


def told(alert: TrialAlert) -> Alert:
    """The last change that says what drifted: the one that resolves it tells of the recovery."""
    return [change for change in alert.changes if change.state != "resolved"][-1]


def effect(alert: TrialAlert) -> str:
    """How far what moved: ``mean +1.43 sd (1.35 to 1.52)``."""
    last = told(alert)
    low, high = last.effect.interval
    return f"{last.evidence.statistic} {last.effect.size:+.3g} {last.effect.unit} ({low:.3g} to {high:.3g})"


def counted(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def duration(seconds: float) -> str:
    """In the unit that reads best."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def about(report: Report) -> list[str]:
    """What was watched, against what."""
    size = f"{counted(report.rows, 'row')} watched in {counted(report.blocks, 'block')}"
    lines = [
        f"{report.data}: {size}, {counted(len(report.signals), 'signal')}",
        f"reference: {report.reference.source}, {counted(report.reference.rows, 'row')}",
    ]
    if report.times.column is not None:
        lines.append(f"times: column {report.times.column}, {report.times.first} to {report.times.last}")
    if report.rejected:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in report.rejected.items())
        lines.append(f"dead letters, which drift does not see: {reasons}")
    if not report.blocks:
        lines.append("no block was judged: there are too few rows")
    if report.late_events:
        lines.append(f"{counted(report.late_events, 'event')} came after their block had closed")
    return lines


def _injected(injected: Injected) -> str:
    what = f"{injected.kind} of {', '.join(injected.signals)} at row {injected.first_row:,}"
    if injected.outcome == "missed":
        return f"missed    {what}"
    if injected.outcome == "standing":
        return f"standing  {what}: an alert from before still stood"
    onset = "within" if injected.onset_holds else "outside"
    text = f"found     {what}: {lateness(injected)}, its true onset {onset} the alert's interval"
    if injected.ended is None:
        return text
    late = injected.resolved_rows_late
    return f"{text}; {'not resolved' if late is None else f'resolved {late:,} rows after its end'}"


def _alert(alert: TrialAlert, width: int, *, marked: bool) -> str:
    ended = "still stands" if alert.resolved_row is None else f"resolved at {alert.resolved_row:,}"
    return (
        f"{alert.state:<8}  {alert.changes[-1].severity:<6}  {alert.signal:<{width}}  {effect(alert)},"
        f" since row {alert.onset_row:,} ({alert.onset_rows[0]:,} to {alert.onset_rows[1]:,}),"
        f" seen at {alert.detected_row:,}, {ended}{'; no injected cause' if marked and not alert.explained else ''}"
    )
