"""The dashboards and the rules as committed: what tests of this room read them through."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

__all__ = ["DASHBOARDS", "GRAFANA", "RULES", "Asked", "alerts", "dashboards", "plan", "queries", "rules"]

GRAFANA: Final = Path(__file__).parent.parent.parent / "grafana"
DASHBOARDS: Final = sorted((GRAFANA / "dashboards").glob("*.json"))
RULES: Final = GRAFANA / "prometheus" / "rules.yml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One expression that something asks: a panel's query, a variable, an annotation or a rule."""

    where: str
    expression: str


def dashboards() -> dict[str, dict[str, Any]]:
    """Every committed dashboard, by its uid."""
    return {path.stem: json.loads(path.read_text()) for path in DASHBOARDS}


def queries() -> Iterator[Asked]:
    """Every query of every panel and every annotation of every dashboard."""
    for uid, dashboard in dashboards().items():
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                yield Asked(where=f"{uid}: {panel['title']}", expression=target["expr"])
        for annotation in dashboard["annotations"].get("list", []):
            if "expr" in annotation:
                yield Asked(where=f"{uid}: {annotation['name']}", expression=annotation["expr"])


def rules() -> Iterator[dict[str, Any]]:
    """Every rule of every group, in the file's order."""
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        yield from group["rules"]


def alerts() -> dict[str, dict[str, Any]]:
    """The alert rules, by name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def plan(dashboard: dict[str, Any]) -> str:
    """The dashboard's layout as text: its rows, and under each one its panels with place, size and sort."""
    lines = [f"{dashboard['title']} ({dashboard['uid']})"]
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        place = f"{at['x']:>2},{at['y']:<3} {at['w']:>2}x{at['h']}"
        name = f"== {panel['title']}" if panel["type"] == "row" else f"   {panel['title']}"
        lines.append(f"  {place:<12} {panel['type']:<10} {name}")
    return "\n".join(lines)
