"""Writes the monitoring overlay's rules and dashboards from grafana/, where they are kept and tested.

kustomize reads nothing outside its own folder, so the overlay holds copies; a test shows that they are the same.
Run it after a change in grafana/: python deploy/kubernetes/generate.py
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

_HERE: Final = Path(__file__).parent
_OVERLAY: Final = _HERE / "overlays" / "monitoring"
_GRAFANA: Final = _HERE.parent.parent / "grafana"
_LABELS: Final = {"app.kubernetes.io/name": "fleet", "app.kubernetes.io/part-of": "fleet"}


def generated() -> dict[Path, str]:
    """The text of each generated file, by its path."""
    rules: dict[str, Any] = yaml.safe_load((_GRAFANA / "prometheus" / "rules.yml").read_text())
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "fleet", "labels": dict(_LABELS)},
        "spec": rules,
    }
    return {
        _OVERLAY / "prometheusrule.yaml": _text("grafana/prometheus/rules.yml", [rule]),
        _OVERLAY / "dashboards.yaml": _text("grafana/dashboards", list(_dashboards())),
    }


def _dashboards() -> Iterator[dict[str, Any]]:
    """One ConfigMap a dashboard, for each may hold 1 MiB; the label is the one that Grafana's sidecar looks for."""
    for path in sorted((_GRAFANA / "dashboards").glob("*.json")):
        yield {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"dashboard-{path.stem}", "labels": {**_LABELS, "grafana_dashboard": "1"}},
            "data": {path.name: path.read_text()},
        }


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as they are, and everything in full."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _write_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _write_text)


def _text(source: str, objects: list[dict[str, Any]]) -> str:
    head = f"# Generated from {source} by deploy/kubernetes/generate.py: change it there.\n"
    return head + yaml.dump_all(objects, Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=True)


if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text)
