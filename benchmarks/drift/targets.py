"""What Weir should reach, and whether it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.drift.contenders import ON_ERRORS, WEIR
from benchmarks.drift.measure import Result
from benchmarks.drift.poisson import upper_bound
from benchmarks.tables import Table

NOTE = "at most: the exact Poisson upper 95 % bound, as few false alarms may be luck."

Reading = Callable[[Result], float | None]


@dataclass(frozen=True, slots=True)
class Target:
    """`read` of Weir's result on `case` is at most `bound`; at least, where `least` says so."""

    case: str
    what: str
    read: Reading
    bound: float
    least: bool = False

    def met(self, value: float) -> bool:
        return value >= self.bound if self.least else value <= self.bound


def _false(result: Result) -> float | None:
    return result.score.per_million


def _alarms(result: Result) -> float | None:
    return result.score.alarms


def _missed(result: Result) -> float | None:
    return result.score.missed


def _delay(result: Result) -> float | None:
    return result.score.delay


def _cost(result: Result) -> float | None:
    return median(result.us)


def _resolved(result: Result) -> float | None:
    return result.score.resolved / result.score.resolves if result.score.resolves else None


TARGETS = (
    *(Target(case, "false/1e6", _false, 0.1) for case in ("normal", "normal-20", "bernoulli")),
    *(Target(f"ar-{phi}", "false/1e6", _false, 1) for phi in (0.5, 0.9)),
    *(Target(f"season-{size}", "false/1e6", _false, 1) for size in (0.25, 0.5, 1.0)),
    *(Target(case, "missed", _missed, 0) for case in ("variance", "bimodal", "tails")),
    *(Target(case, "median delay", _delay, 600) for case in ("variance", "bimodal", "tails")),
    *(
        Target(case, "share resolved right", _resolved, 1, least=True)
        for case in ("shift-0.25", "shift-0.5", "shift-1", "rate", "variance", "bimodal", "tails", "dead", "nulls")
    ),
    Target("elec2", "alarms", _alarms, 30),
    Target("elec2", "missed", _missed, 0),
    Target("elec2", "median delay", _delay, 48),
    Target("errors-abrupt", "false/1e6", _false, 0),
    Target("errors-abrupt", "median delay", _delay, 15),
    Target("errors-gradual", "false/1e6", _false, 0),
    Target("errors-gradual", "median delay", _delay, 90),
    Target("normal-20", "us a value", _cost, 0.05),
)


def against_targets(results: Sequence[Result]) -> Table | None:
    """Targets of the cases that were run."""
    own = {result.case: result for result in results if result.detector == WEIR}
    rows = []
    for target in (*TARGETS, *_as_good_as_river(results)):
        value = target.read(own[target.case]) if target.case in own else None
        if value is not None:
            sign = ">=" if target.least else "<="
            score = own[target.case].score
            at_most = f"{upper_bound(score.false) / score.quiet * 1e6:.2f}" if target.read is _false else ""
            verdict = "met" if target.met(value) else "not met"
            rows.append([target.case, target.what, f"{sign} {target.bound:g}", f"{value:.3g}", at_most, verdict])
    return Table(["target", "what", "bound", "Weir", "at most", ""], rows, [NOTE]) if rows else None


def _as_good_as_river(results: Sequence[Result]) -> list[Target]:
    """On errors no more is missed than by the best of River's detectors."""
    river = set(ON_ERRORS) - {WEIR, "always", "never"}
    return [
        Target(case, "missed", _missed, min(missed))
        for case in ("errors-abrupt", "errors-gradual")
        if (missed := [r.score.missed for r in results if r.case == case and r.detector in river])
    ]
