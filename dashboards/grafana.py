"""The dashboard as Grafana reads it, by its own builders (its schema of version 10.1, which later ones take)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    BigValueGraphMode,
    GraphGradientMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    VariableHide,
    VariableRefresh,
    VariableSort,
)

from dashboards.panel import Figure, Graph, Panel, Row

AnyPanel = TypeVar("AnyPanel", stat.Panel, timeseries.Panel)

SOURCE = DataSourceRef("prometheus", "${datasource}")
RUNBOOKS = "http://127.0.0.1:6066/page/runbooks"
"""Where a worker on this machine serves them; another address is set on top of the dashboard."""

WIDTH, FIGURE_WIDTH, FIGURE_HEIGHT, GRAPH_HEIGHT = 8, 4, 4, 8
"""In cells of Grafana's grid, which is 24 wide."""


def dashboard_json(title: str, uid: str, rows: Sequence[Row]) -> str:
    """The file that Grafana imports, or is provisioned with."""
    made = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description("Streaming inference: traffic, latency, errors, models, drift.")
        .tags(["weir"])
        .time("now-1h", "now")
        .refresh("30s")
        .timezone("browser")
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
    )
    for variable in _variables():
        made.with_variable(variable)
    made.annotation(
        dashboard.AnnotationQuery()
        .name("Pages")
        .datasource(SOURCE)
        .expr('ALERTS{alertname=~"Weir.*",alertstate="firing",severity="page"}')
        .enable(True)
        .icon_color("red")
    )
    for row in rows:
        made.with_row(dashboard.Row(row.title))
        for panel in row.panels:
            made.with_panel(_figure(panel) if isinstance(panel, Figure) else _graph(panel))
    document: dict[str, Any] = json.loads(json.dumps(made.build(), cls=JSONEncoder))
    for number, panel in enumerate(document["panels"], start=1):
        panel["id"] = number
    for variable in document["templating"]["list"]:
        if variable["type"] == "query":
            variable["allValue"] = ".*"  # the builders lack it; else a label that nobody has would match nothing
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _variables() -> list[Any]:
    return [
        dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"),
        _values("namespace", "label_values(weir_build_info, namespace)"),
        _values("job", 'label_values(weir_build_info{namespace=~"$namespace"}, job)'),
        _values("model", 'label_values(weir_model_active{namespace=~"$namespace"}, model)'),
        dashboard.TextBoxVariable("runbooks").label("Runbooks at").default_value(RUNBOOKS),
    ]


def _values(name: str, query: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .label(name.capitalize())
        .datasource(SOURCE)
        .query(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .hide(VariableHide.DONT_HIDE)
        .multi(True)
        .include_all(True)
    )


def _figure(panel: Panel) -> stat.Panel:
    made = stat.Panel().graph_mode(BigValueGraphMode.AREA).span(FIGURE_WIDTH).height(FIGURE_HEIGHT)
    made.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    return _common(made, panel)


def _graph(panel: Panel) -> timeseries.Panel:
    made = timeseries.Panel().span(WIDTH).height(GRAPH_HEIGHT).axis_soft_min(0).line_width(1)
    made.fill_opacity(15).gradient_mode(GraphGradientMode.OPACITY).show_points(VisibilityMode.NEVER)
    made.legend(
        common.VizLegendOptions()
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs([])
    )
    made.tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    if isinstance(panel, Graph) and panel.stacked:
        made.stacking(common.StackingConfig().mode(StackingMode.NORMAL)).fill_opacity(40)
    return _common(made, panel)


def _common(made: AnyPanel, panel: Panel) -> AnyPanel:
    made.title(panel.title).description(panel.says).unit(panel.unit).datasource(SOURCE)
    for reference, query in zip("ABCDEFGH", panel.queries, strict=False):
        made.with_target(
            prometheus.Dataquery()
            .expr(query.promql)
            .legend_format(query.legend)
            .ref_id(reference)
            .datasource(SOURCE)
            .exemplar(query.exemplars)
            .range()
        )
    steps = [Threshold(value=None, color="green")]
    if panel.limit is not None:
        steps.append(Threshold(value=panel.limit, color="red"))
    made.thresholds(dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
    if panel.runbook is not None:
        link = dashboard.DashboardLink("Runbook").type(DashboardLinkType.LINK).target_blank(True)
        made.links([link.url(f"${{runbooks}}/{panel.runbook}")])
    return made
