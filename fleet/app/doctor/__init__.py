"""`fleet doctor`: everything that a run needs, asked one by one before a run needs it. Changes nothing by itself.

`examine.py` makes the checks, all at once and each bounded in time; `prepare.py` and `probe.py` start a few jobs to
learn what nobody has written down; `writing.py` puts quotas into the configuration.
"""

__all__: list[str] = []
