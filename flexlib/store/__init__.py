"""The only room that touches files: months as snapshots, drafts of them, the kept rates."""

from flexlib.store.snapshots import (
    PRIVATE,
    Snapshot,
    check_server,
    find_snapshot,
    hash_rows,
    keep_server,
    list_snapshots,
    load_credits,
    load_usage,
    lock_month,
    move_snapshot,
    read_server,
    report_disk,
    scan,
    write_snapshot,
)
from flexlib.store.spend import (
    WINDSURF,
    MonthUsage,
    load_month_usage,
)

__all__ = [
    "MonthUsage",
    "PRIVATE",
    "Snapshot",
    "WINDSURF",
    "check_server",
    "find_snapshot",
    "hash_rows",
    "keep_server",
    "list_snapshots",
    "load_credits",
    "load_month_usage",
    "load_usage",
    "lock_month",
    "move_snapshot",
    "read_server",
    "report_disk",
    "scan",
    "write_snapshot",
]
