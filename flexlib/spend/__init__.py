"""All that was spent in one month, through whatever: calls of the ledger and of files, Windsurf's credits."""

from flexlib.spend.before import MonthBefore, load_month_before
from flexlib.spend.failures import list_statuses
from flexlib.spend.month import MonthUsage, load_month_usage
from flexlib.spend.quality import check_quality, list_rates, list_unmapped, list_unpriced
from flexlib.spend.windsurf import credits_as_usage

__all__ = [
    "MonthBefore",
    "MonthUsage",
    "check_quality",
    "credits_as_usage",
    "list_rates",
    "list_statuses",
    "list_unmapped",
    "list_unpriced",
    "load_month_before",
    "load_month_usage",
]
