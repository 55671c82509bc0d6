"""The picture with its figures, as one HTML file that needs no network."""

from __future__ import annotations

from pathlib import PurePath

import msgspec

from streams.cli.cards import alert_lines
from streams.trial.drawing.markup import element, html_document, words
from streams.trial.drawing.picture import picture
from streams.trial.drawing.style import PAGE_STYLE, STYLE
from streams.trial.report import Injected, Report, Trial, TrialAlert
from streams.trial.words import about, counted, effect, lateness, told, verdict


def html_page(trial: Trial) -> str:
    """A page of its own: figures, picture, injected changes, alerts."""
    report = trial.report
    title = f"Drift in {PurePath(report.data).name}"
    body = [
        element("h1", words(title)),
        element("p", words(verdict(report)), class_="verdict"),
        *(element("p", words(line), class_="soft") for line in about(report)),
        element("p", words(_settings(report)), class_="soft"),
        picture(trial, titled=False),
        _injections(report.injected),
        _alerts(report),
    ]
    return html_document(title, STYLE + PAGE_STYLE, body)


def _settings(report: Report) -> str:
    blocks = f"blocks of {counted(report.block_events, 'event')} or {report.block_ms:,} ms"
    first = f"; row 0 is row {report.first_row:,} of the file" if report.first_row else ""
    return f"{blocks}; seed {report.seed}{first}"


def _injections(injected: tuple[Injected, ...]) -> str:
    if not injected:
        return ""
    head = ("change", "signals", "rows", "outcome", "late", "true onset in the interval", "resolved after its end")
    rows = []
    for each in injected:
        late = "" if each.rows_late is None else lateness(each).removesuffix(" late")
        holds = "" if each.onset_holds is None else "yes" if each.onset_holds else "no"
        resolved = "" if each.resolved_rows_late is None else f"{each.resolved_rows_late:,} rows"
        cells = (each.kind, ", ".join(each.signals), f"{each.first_row:,} to {each.end_row:,}")
        rows.append(
            element(
                "tr",
                *(element("td", words(cell)) for cell in cells),
                element("td", words(each.outcome), class_="missed" if each.outcome == "missed" else "found"),
                *(element("td", words(cell), class_="number") for cell in (late, holds, resolved)),
            )
        )
    table = element("table", element("tr", *(element("th", words(name)) for name in head)), *rows)
    return element("h2", "Injected changes") + element("div", table, class_="wide")


def _alerts(report: Report) -> str:
    if not report.alerts:
        return element("h2", "No alert")
    return element("h2", "Alerts") + "".join(_alert(alert, report) for alert in report.alerts)


def _alert(alert: TrialAlert, report: Report) -> str:
    ended = "still stands" if alert.resolved_row is None else f"resolved at row {alert.resolved_row:,}"
    cause = "; no injected cause" if report.injected and not alert.explained else ""
    head = f": {effect(alert)}, since row {alert.onset_row:,}, seen at {alert.detected_row:,}, {ended}{cause}"
    fields = alert_lines(msgspec.to_builtins(told(alert)))
    made_up = () if report.times.column is not None else ("since", "detected")
    lines = (element("dt", words(name)) + element("dd", words(text)) for name, text in fields if name not in made_up)
    return element(
        "details",
        element("summary", element("b", words(alert.signal)), words(head)),
        element("dl", *lines),
    )
