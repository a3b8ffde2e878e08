"""A ledger on a PostgreSQL server, which several replicas may share."""

__all__: list[str] = []
