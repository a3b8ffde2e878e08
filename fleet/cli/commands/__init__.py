"""What each command takes, grouped by what it is for. The work is in the modules beside; it is imported when called."""

from fleet.cli.commands.change import add_change
from fleet.cli.commands.configure import add_configure
from fleet.cli.commands.diagnose import add_diagnose
from fleet.cli.commands.emulate import add_emulate
from fleet.cli.commands.look import add_look
from fleet.cli.commands.work import add_work

__all__ = ["add_change", "add_configure", "add_diagnose", "add_emulate", "add_look", "add_work"]
