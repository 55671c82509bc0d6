"""A drift report as one HTML file that needs no network."""

from __future__ import annotations

from pathlib import PurePath

from streams.trial.against.bars import drawn
from streams.trial.against.measuring import FOUND, MeasuredEffect, SignalReport
from streams.trial.against.report import DriftReport
from streams.trial.against.words import about, effect_of, verdict_of
from streams.trial.drawing.markup import element, html_document, words
from streams.trial.drawing.style import PAGE_STYLE, STYLE

BARS_STYLE = """
.weir svg.bars { width: 100%; max-width: 440px; margin: 10px 0; }
.weir .was { fill: var(--soft); fill-opacity: .35; } .weir .now { fill: var(--first); }
.weir .drifted, .weir .quality { color: var(--alert); font-weight: 600; } .weir .same { color: var(--resolved); }
.weir .swatch { display: inline-block; width: 10px; height: 10px; margin: 0 4px 0 12px; }
.weir .swatch.was { background: var(--soft); opacity: .45; } .weir .swatch.now { background: var(--first); }
.weir details .wide { margin: 4px 0 18px; }
.weir summary h3 { display: inline; font-size: 15px; } .weir .likely { margin: 6px 0; }
"""


def html_page(report: DriftReport) -> str:
    """A page of its own: verdict, a line a signal, and each signal with its bars and figures."""
    title = f"{PurePath(report.data).name} against {report.model} {report.version}"
    body = [
        element("h1", words(title)),
        element("p", words(verdict_of(report)), class_="verdict"),
        *(element("p", words(line), class_="soft") for line in about(report)),
        element("h2", "Signals"),
        element("div", _table(report), class_="wide"),
        element("h2", "Each signal"),
        _key(),
        *(_details(each, is_open=each.verdict in FOUND) for each in report.signals),
    ]
    return html_document(title, STYLE + PAGE_STYLE + BARS_STYLE, body)


def _table(report: DriftReport) -> str:
    head = ("signal", "verdict", "effect that counts", "of what is material", "standard errors", "needed")
    rows = []
    for each in report.signals:
        top = each.effects[0] if each.effects else None
        figures = (
            (effect_of(top), f"{top.ratio:.2f}", f"{top.score:+.1f}", f"{top.needed:.1f}") if top else ("", "", "", "")
        )
        rows.append(
            element(
                "tr",
                element("td", element("b", words(each.signal))),
                element("td", words(each.verdict), class_=str(each.verdict)),
                *(element("td", words(cell), class_="number") for cell in figures),
            )
        )
    return element("table", element("tr", *(element("th", words(name)) for name in head)), *rows)


def _key() -> str:
    swatches = (element("span", " ", class_=f"swatch {kind}") + words(name) for kind, name in KEY)
    return element("p", *swatches, class_="soft")


KEY = (("was", "reference"), ("now", "this file"))


def _details(signal: SignalReport, *, is_open: bool) -> str:
    head = element(
        "summary",
        element("h3", words(signal.signal)),
        " ",
        element("span", words(signal.verdict), class_=str(signal.verdict)),
    )
    likely = element("p", words(signal.likely), class_="likely") if signal.likely else ""
    opened = {"open": "open"} if is_open else {}
    inside = (likely, drawn(signal.reference, signal.current), _figures(signal), _effects(signal.effects))
    return element("details", head, *inside, **opened)


def _figures(signal: SignalReport) -> str:
    rows = []
    for name, label in FIGURES.items():
        pair = [getattr(summary, name) for summary in (signal.reference, signal.current)]
        if any(value is not None for value in pair):
            rows.append(
                element("tr", element("td", words(label)), *(element("td", _figure(v), class_="number") for v in pair))
            )
    for name in sorted({*(signal.reference.correlations or {}), *(signal.current.correlations or {})}):
        pair = [(summary.correlations or {}).get(name) for summary in (signal.reference, signal.current)]
        rows.append(
            element("tr", element("td", words(name)), *(element("td", _figure(v), class_="number") for v in pair))
        )
    head = element("tr", *(element("th", words(name)) for name in ("", "reference", "this file")))
    return element("div", element("table", head, *rows), class_="wide")


FIGURES = {
    "n": "rows",
    "null_rate": "rate of nulls",
    "unseen_rate": "rate of unseen categories",
    "out_of_range_rate": "rate out of range",
    "mean": "mean",
    "sd": "standard deviation",
}


def _figure(value: float | None) -> str:
    return "" if value is None else words(f"{value:,}" if isinstance(value, int) else f"{value:.4g}")


def _effects(effects: list[MeasuredEffect]) -> str:
    if not effects:
        return ""
    head = ("statistic", "effect and its 95 % interval", "of what is material", "standard errors", "needed", "")
    rows = [
        element(
            "tr",
            element("td", words(each.statistic)),
            *(
                element("td", words(cell), class_="number")
                for cell in (
                    f"{each.size:+.3g} {each.unit} ({each.interval[0]:.3g} to {each.interval[1]:.3g})",
                    f"{each.ratio:.2f}",
                    f"{each.score:+.1f}",
                    f"{each.needed:.1f}",
                )
            ),
            element("td", words("found" if each.found else ""), class_="drifted"),
        )
        for each in effects
    ]
    return element(
        "div", element("table", element("tr", *(element("th", words(name)) for name in head)), *rows), class_="wide"
    )
