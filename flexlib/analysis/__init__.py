"""Rows in, finished frames out: every sum there is, alike on pandas, DuckDB and Spark; no files, no own dates."""

from flexlib.analysis.compare import compare_credits
from flexlib.analysis.credits import (
    CreditsStatistics,
    compare_models,
    credits_by_day,
    credits_by_day_and_model,
    credits_by_model,
    credits_by_month,
    credits_by_user,
    credits_by_weekday_and_week,
    credits_statistics,
)
from flexlib.analysis.frames import read_rows
from flexlib.analysis.latency import measure_latency, roll_up_latency
from flexlib.analysis.ranking import fold_lines, rank_models, rank_sellers, rank_spend
from flexlib.analysis.savings import suggest_failures
from flexlib.analysis.sizes import usage_distribution, usage_histogram
from flexlib.analysis.top import (
    choose_models,
    is_comparable,
    list_read_days,
    name_models,
    top_days,
    top_models,
    top_users,
)
from flexlib.analysis.usage import (
    UsageStatistics,
    count_coarser,
    stats_by_task_type,
    total_cost_by_period,
    usage_by_day,
    usage_by_day_and_model,
    usage_by_hour,
    usage_by_model_and_proxy,
    usage_by_provider_and_model,
    usage_by_proxy,
    usage_by_usable,
    usage_statistics,
    usage_with_price,
)
from flexlib.analysis.usage_frames import roll_up_usage
from flexlib.analysis.versions import compare_usage
