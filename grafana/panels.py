"""What all dashboards are made of: a panel of each sort, the variables, the links, the frame.

Every panel has a unit and a description, asks the data source that the reader chose, and says in its corner what to do
where an alert goes with it.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana import runbook

__all__ = [
    "LEVELS",
    "SOURCE",
    "Levels",
    "Query",
    "figure",
    "frame",
    "graph",
    "grid",
    "marked",
    "query_variable",
    "stack",
]

Query: TypeAlias = tuple[str, str]
"""An expression and the legend of its series."""

Levels: TypeAlias = Sequence[tuple[float | None, str]]
"""From which value on a figure has which colour; the first value is None."""

SOURCE: Final = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
LEVELS: Final[Levels] = ((None, "text"),)

_TAG: Final = "fleet"


def figure(
    title: str,
    description: str,
    *queries: Query,
    unit: str = "short",
    width: int = 4,
    levels: Levels = LEVELS,
    decimals: int | None = None,
    none: str | None = None,
    alert: str | None = None,
) -> stat.Panel:
    """Big numbers of this moment: one for each series. `none` is what stands there while there is no series."""
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .targets([target.instant() for target in _targets(queries)])
        .unit(unit)
        .height(4)
        .span(width)
        .graph_mode(common_model.BigValueGraphMode.NONE)
        .color_mode(common_model.BigValueColorMode.VALUE)
        .thresholds(_thresholds(levels))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    if decimals is not None:
        panel.decimals(decimals)
    if none is not None:
        panel.no_value(none)
    return panel.links(_help(alert)) if alert else panel


def graph(
    title: str,
    description: str,
    *queries: Query,
    unit: str = "short",
    width: int = 8,
    height: int = 7,
    low: float | None = 0,
    high: float | None = None,
    alert: str | None = None,
) -> timeseries.Panel:
    """Lines over time, with their last values in the legend."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .targets([target.range() for target in _targets(queries)])
        .unit(unit)
        .height(height)
        .span(width)
        .line_width(1)
        .fill_opacity(0)
        .show_points(common_model.VisibilityMode.NEVER)
        .tooltip(
            common.VizTooltipOptions()
            .mode(common_model.TooltipDisplayMode.MULTI)
            .sort(common_model.SortOrder.DESCENDING)
        )
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(common_model.LegendDisplayMode.TABLE)
            .placement(common_model.LegendPlacement.BOTTOM)
            .calcs(["lastNotNull", "max"])
        )
    )
    if low is not None:
        panel.min(low)
    if high is not None:
        panel.max(high)
    return panel.links(_help(alert)) if alert else panel


def stack(panel: timeseries.Panel) -> timeseries.Panel:
    """The same panel with its series as areas on top of each other: for parts of one whole."""
    return panel.fill_opacity(40).stacking(common.StackingConfig().mode(common_model.StackingMode.NORMAL))


def grid(
    title: str,
    description: str,
    *columns: tuple[str, str, str],
    by: Sequence[tuple[str, str]],
    width: int = 24,
    height: int = 8,
    alert: str | None = None,
) -> table.Panel:
    """A row for each combination of the labels `by` (label, heading), a column for each (expression, heading, unit).

    Every expression must keep these labels and no others.
    """
    targets = _targets([(expression, "") for expression, _, _ in columns])
    names = dict(by) | {f"Value #{chr(ord('A') + index)}": heading for index, (_, heading, _) in enumerate(columns)}
    order = {name: index for index, name in enumerate(names)}
    panel = (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .height(height)
        .span(width)
        .targets([target.instant().format(PromQueryFormat.TABLE) for target in targets])
        .transformations(
            [
                model.DataTransformerConfig(id_val="merge", options={}),
                model.DataTransformerConfig(
                    id_val="organize",
                    options={"excludeByName": {"Time": True}, "indexByName": order, "renameByName": names},
                ),
            ]
        )
    )
    for _, heading, unit in columns:
        panel.override_by_name(heading, [model.DynamicConfigValue(id_val="unit", value=unit)])
    return panel.links(_help(alert)) if alert else panel


def frame(
    title: str, uid: str, description: str, variables: Iterable[dashboard.QueryVariable] = ()
) -> dashboard.Dashboard:
    """An empty dashboard that nobody can edit in the browser: it is made from code, and made anew from it."""
    builder = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([_TAG])
        .readonly()
        .timezone("browser")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .time("now-6h", "now")
        .refresh("30s")
        .with_variable(
            dashboard.DatasourceVariable("datasource")
            .type("prometheus")
            .label("Data source")
            .description("The Prometheus that scrapes fleet")
        )
        .link(
            dashboard.DashboardLink("fleet dashboards")
            .type(model.DashboardLinkType.DASHBOARDS)
            .tags([_TAG])
            .tooltip("The other dashboards of fleet, with the same choice of time and variables")
            .include_vars(True)
            .keep_time(True)
        )
    )
    for variable in variables:
        builder.with_variable(variable)
    return builder


def marked(builder: dashboard.Dashboard, title: str, colour: str, expression: str) -> None:
    """A vertical line across all graphs wherever the expression has a value."""
    annotation = dashboard.AnnotationQuery().name(title).datasource(SOURCE).icon_color(colour).enable(True)
    builder.annotation(annotation.expr(expression))


def query_variable(name: str, label: str, description: str, query: str) -> dashboard.QueryVariable:
    """A variable with the values that the query finds: several may be chosen, and all are at first."""
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .description(description)
        .datasource(SOURCE)
        .query({"qryType": 1, "query": query, "refId": name})
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(model.VariableOption(selected=True, text="All", value="$__all"))
    )


def _help(alert: str) -> list[Builder[model.DashboardLink]]:
    link = dashboard.DashboardLink(f"What to do: {alert}").type(model.DashboardLinkType.LINK)
    return [link.url(runbook.link(alert)).target_blank(True)]


def _thresholds(levels: Levels) -> dashboard.ThresholdsConfig:
    steps = [model.Threshold(value=value, color=colour) for value, colour in levels]
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


def _targets(queries: Sequence[Query]) -> list[prometheus.Dataquery]:
    return [_target(query).ref_id(chr(ord("A") + index)) for index, query in enumerate(queries)]


def _target(query: Query) -> prometheus.Dataquery:
    expression, legend = query
    return prometheus.Dataquery().datasource(SOURCE).expr(expression).legend_format(legend or "__auto")
