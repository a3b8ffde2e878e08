"""The loops. Each stage reads the ledger, decides in a plain function, acts, and writes facts back.

Stages never call each other: the ledger is the only thing between them. Each is `async def tick(now)`, which returns
the seconds until it wants to run again, keeps no memory between ticks that matters, and can be called twice with no
harm.
"""

__all__: list[str] = []
