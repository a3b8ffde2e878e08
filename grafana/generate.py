"""Writes every dashboard as the JSON that Grafana reads: `python -m grafana.generate`.

The files are committed, and a test shows that generating them again would change nothing.
"""

from pathlib import Path
from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana import fleet, internals, runbook
from grafana.panels import frame

__all__ = ["DASHBOARDS", "generated"]

DASHBOARDS: Final = Path(__file__).parent / "dashboards"


def generated() -> dict[Path, str]:
    """The text of each dashboard's file, by its path."""
    builders = (fleet.dashboard(), internals.dashboard(), _runbook())
    return dict(_text(builder) for builder in builders)


def _runbook() -> Dashboard:
    about = "What each alert means, what to look at and what to do: the text of grafana/runbook.md"
    builder = frame("Fleet runbook", runbook.UID, about)
    for panel in runbook.panels():
        builder.with_panel(panel)
    return builder


def _text(builder: Dashboard) -> tuple[Path, str]:
    built = builder.build()
    for number, panel in enumerate(built.panels or [], start=1):
        panel.id_val = number
    text = JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False).encode(built)
    return DASHBOARDS / f"{built.uid}.json", text + "\n"


def main() -> None:
    """Write the files, and take away those that are no longer made."""
    texts = generated()
    for path in DASHBOARDS.glob("*.json"):
        if path not in texts:
            path.unlink()
    for path, text in texts.items():
        path.write_text(text)


if __name__ == "__main__":
    main()
