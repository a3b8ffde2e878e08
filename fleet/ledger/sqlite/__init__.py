"""A ledger in a file: one process writes it, others read it."""

__all__: list[str] = []
