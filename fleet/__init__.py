"""fleet: the job fleet manager for Amazon Comprehend's asynchronous analysis.

    manifest -> plan -> LEDGER -> submit -> track -> verify -> report

Stages never call each other; the ledger is the only thing between them, so after a crash nothing has to be
remembered. Imports point down only (`tests/test_layers.py` checks it):

    cli -> app -> stages -> ( ledger | aws ) -> core          sandbox: an island, imports nothing of ours

Start reading at `fleet/core/job.py`: the states of a job and what may follow what.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
