"""How forecasts of a month's sum did in earlier months, as a finished table."""

from __future__ import annotations

import math

import pandas as pd

from flexlib.analysis.forecast import Forecast
from flexlib.analysis.shares import WHOLE
from flexlib.formats import format_share_percent
from flexlib.i18n import _, translate_count, write_number
from flexlib.tables.definition import Column, Kind, Table

WIDE = 1
"""From that part of what is expected on a band says that little is known, and it is said."""


def table_backtest(backtest: pd.DataFrame) -> Table:
    """A line for each number of days known, as from `sum_up_backtest`; a dash where nothing was tried."""
    lines = backtest.astype(object).where(backtest.notna(), None).to_dict("records")
    rows = [
        {
            "known": translate_count("{count} day", "{count} days", line["known"]).format(count=line["known"])
            if line["known"]
            else _("none yet"),
            "months": line["months"],
            "held": _("{count} of {all}").format(count=line["held"], all=line["bands"]) if line["bands"] else None,
            "error": _write_share(line["mean_error"]),
            "width": _write_share(line["mean_width"]),
        }
        for line in lines
    ]
    columns = [
        Column("known", "Of the month known"),
        Column("months", "Months tried", Kind.COUNT),
        Column("held", "The band held", Kind.NUMBER),
        Column("error", "Mean error", Kind.NUMBER),
        Column("width", "Width of the band", Kind.NUMBER, is_optional=True),
    ]
    return Table("table-backtest", "How such forecasts did in earlier months", columns, rows)


def explain_width(one: Forecast) -> str:
    """That a band is wide, and why; nothing of one that is not."""
    if one.expected is None or one.low is None or one.high is None or one.high - one.low <= WIDE * one.expected:
        return ""
    times = (one.high - one.low) / one.expected if one.expected else math.inf
    if not math.isfinite(times):
        return _(
            "The band is wide, since such forecasts were as far off before: plan with its lowest and its highest sum."
        )
    said = _(
        "The band is {times} times as wide as the sum that is expected, since such forecasts were as far off before: "
        "plan with its lowest and its highest sum."
    )
    return said.format(times=write_number(f"{times:.1f}"))


def _write_share(share: float | None) -> str | None:
    return None if share is None else format_share_percent(round(share * WHOLE))
