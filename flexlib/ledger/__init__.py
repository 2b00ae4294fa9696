"""The ledger: every call to a model recorded once, priced, and counted, on SQLite or PostgreSQL."""

from __future__ import annotations

from flexlib.errors import (
    ConflictingUsage,
    InvalidCall,
    LedgerError,
    LedgerFailed,
    LedgerMissing,
    LedgerUnavailable,
    LimitReached,
    LimitUnknown,
)
from flexlib.ledger.db.database import Ledger
from flexlib.ledger.db.migrate import LedgerStatus, get_ledger_status, init_ledger, upgrade_ledger
from flexlib.ledger.door import find_ledger, open_ledger
from flexlib.ledger.guard.hold import Hold, allow, hold
from flexlib.ledger.read.months import LedgerMonth, MonthTotals, read_month
from flexlib.ledger.read.queries import (
    get_stats_by_task_type,
    get_total_cost_by_period,
    get_usage_by_day,
    get_usage_by_provider_and_model,
    get_usage_by_proxy,
    get_usage_by_usable,
)
from flexlib.ledger.read.scopes import UsableMixin, UsageQuery, usage
from flexlib.ledger.record.record import UsageRecord
from flexlib.ledger.record.recording import record_direct_usage, record_many, record_openrouter_usage, record_usage
from flexlib.privacy import PrivacyGuard
