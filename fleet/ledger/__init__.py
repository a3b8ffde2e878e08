"""The only memory of fleet, and the only writer of state."""

from fleet.ledger.ledger import Ledger, Reason, VerdictCount
from fleet.ledger.manifests import Added, ManifestRecord, RejectedLine
from fleet.ledger.rows import Recorded
from fleet.ledger.signals import Signal

__all__ = ["Added", "Ledger", "ManifestRecord", "Reason", "Recorded", "RejectedLine", "Signal", "VerdictCount"]
