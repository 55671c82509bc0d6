"""What a dashboard shows, without how Grafana writes it down."""

from __future__ import annotations

from dataclasses import dataclass

WORKERS = 'namespace=~"$namespace",job=~"$job"'
MODELS = f'{WORKERS},model=~"$model"'
"""Matchers for what is chosen on top of the dashboard: put for ``<workers>`` and ``<models>`` in an expression."""


def quantile(share: float, metric: str, by: str = "") -> str:
    """Of a histogram of the chosen workers. `by`: labels to tell series apart by, each with a comma after it."""
    return f"histogram_quantile({share}, sum by ({by}le) (rate({metric}_bucket{{<workers>}}[$__rate_interval])))"


@dataclass(frozen=True)
class Query:
    """An expression, and the name of each series that it gives. With `exemplars`, traces are drawn beside it."""

    expression: str
    legend: str
    exemplars: bool = False

    @property
    def promql(self) -> str:
        return self.expression.replace("<workers>", WORKERS).replace("<models>", MODELS)


@dataclass(frozen=True)
class Panel:
    """`unit` is Grafana's word for it; `says` what to read out of it. `runbook`: ``worker.md#lag-grows``, say. `limit`:
    from there on it is worth a look."""

    title: str
    unit: str
    says: str
    queries: tuple[Query, ...]
    runbook: str | None = None
    limit: float | None = None


@dataclass(frozen=True)
class Figure(Panel):
    """One number, as of now."""


@dataclass(frozen=True)
class Graph(Panel):
    """Lines over time, or, `stacked`, areas that add up."""

    stacked: bool = False


@dataclass(frozen=True)
class Row:
    """Panels under one heading."""

    title: str
    panels: tuple[Panel, ...]
