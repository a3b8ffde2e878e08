"""Builds everything once from the settings: the one place that knows every room.

What it gives is imported when it is asked for: a command that only reads a file must not wait for an AWS client.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from fleet.app.fleet import App
    from fleet.app.ledger import open_ledger
    from fleet.app.opening import open_app
    from fleet.app.preview import LanePreview, Preview
    from fleet.app.rebuild import Rebuilt, rebuild_ledger
    from fleet.app.serving import serve
    from fleet.app.summary import Line, every_line, summarise
    from fleet.app.upkeep import Checked, Copied, back_up_ledger, check_ledger, copied, exported
    from fleet.telemetry import set_up_logs

__all__ = [
    "App",
    "Checked",
    "Copied",
    "LanePreview",
    "Line",
    "Preview",
    "Rebuilt",
    "back_up_ledger",
    "check_ledger",
    "copied",
    "every_line",
    "exported",
    "open_app",
    "open_ledger",
    "rebuild_ledger",
    "serve",
    "set_up_logs",
    "summarise",
]

# no name may be that of a module of this package: the import system would put the module in its place
_WHERE: Final = {
    "fleet.app.fleet": ("App",),
    "fleet.app.ledger": ("open_ledger",),
    "fleet.app.opening": ("open_app",),
    "fleet.app.preview": ("LanePreview", "Preview"),
    "fleet.app.rebuild": ("Rebuilt", "rebuild_ledger"),
    "fleet.app.serving": ("serve",),
    "fleet.app.summary": ("Line", "every_line", "summarise"),
    "fleet.app.upkeep": ("Checked", "Copied", "back_up_ledger", "check_ledger", "copied", "exported"),
    "fleet.telemetry": ("set_up_logs",),
}


def __getattr__(name: str) -> Any:
    for module, names in _WHERE.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
