"""The only memory of fleet, and the only writer of state."""

from fleet.ledger.database import Health
from fleet.ledger.leases import Beat, Leases
from fleet.ledger.ledger import Ledger, Reason, VerdictCount
from fleet.ledger.manifests import Added, ManifestRecord, RejectedLine
from fleet.ledger.moves import Orphan
from fleet.ledger.rows import Recorded
from fleet.ledger.search import Filter
from fleet.ledger.signals import Signal
from fleet.ledger.wall import boot_s

__all__ = [
    "Added",
    "Beat",
    "Filter",
    "Health",
    "Leases",
    "Ledger",
    "ManifestRecord",
    "Orphan",
    "Reason",
    "Recorded",
    "RejectedLine",
    "Signal",
    "VerdictCount",
    "boot_s",
]
