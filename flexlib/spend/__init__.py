"""All that was spent in one month, through whatever: calls of the ledger and of files, Windsurf's credits, bills."""

from flexlib.money.price_book import name_models
from flexlib.spend.before import MonthBefore, load_month_before, total_spend
from flexlib.spend.bills import MonthBills, ProviderBill
from flexlib.spend.comparing import compare_bills
from flexlib.spend.failures import list_statuses
from flexlib.spend.month import MonthUsage, load_month_usage
from flexlib.spend.quality import check_quality, list_rates, list_unmapped, list_unpriced
from flexlib.spend.windsurf import credits_as_usage
