"""Months as snapshots, drafts of them, kept rates and prices: immutable, whole or not there at all."""

from flexlib.store.credit_prices import load_credit_prices
from flexlib.store.disk import PRIVATE, report_disk
from flexlib.store.row_hash import hash_rows
from flexlib.store.snapshots import (
    find_snapshot,
    list_snapshots,
    load_credits,
    load_usage,
    lock_month,
    move_snapshot,
    scan,
    write_snapshot,
)
from flexlib.store.version import Snapshot

__all__ = [
    "PRIVATE",
    "Snapshot",
    "find_snapshot",
    "hash_rows",
    "list_snapshots",
    "load_credit_prices",
    "load_credits",
    "load_usage",
    "lock_month",
    "move_snapshot",
    "report_disk",
    "scan",
    "write_snapshot",
]
