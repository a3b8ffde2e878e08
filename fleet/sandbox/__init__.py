"""An Amazon Comprehend of one's own: Start, Describe, List, Stop of five kinds, with S3, quotas, faults and the truth.

An island: it imports nothing of fleet, so that a mistake cannot hide on both sides of a test. One core (service.py,
lifecycle.py: no I/O, no clock), its words on the wire (wire.py), and two shells around it: server.py over HTTP, and
simulation in process under virtual time. Every behaviour of AWS that no source documents is a switch (switches.py),
what goes wrong is a fault (faults.py), and what really happened is told by truth.py.
"""

from fleet.sandbox.configure import SwitchError, describe_switches, read_fault, read_switches
from fleet.sandbox.errors import ServiceError
from fleet.sandbox.faults import Fault, Faults
from fleet.sandbox.server import Sandbox, serve
from fleet.sandbox.service import Service
from fleet.sandbox.store import MemoryStore, S3Store, Store, StoreError
from fleet.sandbox.switches import Switches

__all__ = [
    "Fault",
    "Faults",
    "MemoryStore",
    "S3Store",
    "Sandbox",
    "Service",
    "ServiceError",
    "Store",
    "StoreError",
    "SwitchError",
    "Switches",
    "describe_switches",
    "read_fault",
    "read_switches",
    "serve",
]
