"""The tables that make up a ledger, as every database has them: what a copy of a ledger is a copy of."""

from collections.abc import Sequence
from typing import Final, NamedTuple

__all__ = ["TABLES", "Table"]


class Table(NamedTuple):
    """A table with all its columns, and those that order its rows, which are its first ones."""

    name: str
    columns: tuple[str, ...]
    key_columns: int = 1

    def key(self, row: Sequence[object]) -> Sequence[object]:
        """What orders this row."""
        return row[: self.key_columns]

    def page_query(self, *, first: bool, mark: str) -> str:
        """The rows in order, after a key where it is not the first page: key and limit go where `mark` is."""
        key = ", ".join(self.columns[: self.key_columns])
        after = "" if first else f" WHERE ({key}) > ({', '.join([mark] * self.key_columns)})"
        # the names are those below
        return f"SELECT {', '.join(self.columns)} FROM {self.name}{after} ORDER BY {key} LIMIT {mark}"  # noqa: S608


TABLES: Final = (
    Table("lanes", ("id", "name", "reconciled_at")),
    Table("requests", ("id", "sha256", "body")),
    Table("manifests", ("id", "source", "digest", "lines", "completed_at")),
    Table(
        "jobs",
        (
            *("id", "key", "lane_id", "manifest_id", "target", "prefix", "label", "request_id", "size_bytes", "state"),
            *("attempt", "snoozes", "due_at", "cancel_requested", "holder", "intent", "remote_id", "output_uri"),
            *("submitted_at", "ended_at", "verdict", "documents", "failed_documents", "reason", "created_at"),
            "updated_at",
        ),
    ),
    Table("entries", ("manifest_id", "line", "job_id"), 3),
    Table("rejections", ("id", "manifest_id", "line", "field", "reason")),
    Table("events", ("id", "job_id", "at", "event", "attempt", "detail")),
    Table("orphans", ("lane_id", "key", "attempt", "remote_id", "submitted_at"), 2),
)
"""Each after those that it points to. The tallies are not among them: only triggers write those."""
